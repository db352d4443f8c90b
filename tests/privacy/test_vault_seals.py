"""The vault's cryptography: canonical identifiers (P04), tampering (P08)."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unacceptable
from engine.privacy.tokens import DOMAINS
from engine.privacy.vault import Vault, canonical
from engine.store.keys import KeyRing

INDEX_KEY, SEAL_KEY = bytes(range(32)), bytes(range(32, 64))
part = st.text(st.characters(exclude_characters="\x1f", exclude_categories=("Cs",)), max_size=12)


def vault(tenant: str = "north", key_id: str = "k1", seal_key: bytes = SEAL_KEY) -> Vault:
    return Vault(tenant=tenant, index_key=INDEX_KEY, seal_key=seal_key, key_id=key_id)


def sealed(of: Vault, identifier: str = "p\x1fHOSP\x1fMR\x1f007", token: str = "t1p_x"):
    return of.seal(identifier, token=token, index=of.index(identifier), nonce=bytes(12))


def test_the_canonical_text_is_domain_authority_type_and_id() -> None:
    assert canonical("p", "HOSP", "MR", " 0012aB ") == "p\x1fHOSP\x1fMR\x1f0012aB"


def test_P04_only_a_person_has_an_identifier_type() -> None:
    assert canonical("p", "HOSP", "MR", "7") != canonical("p", "HOSP", "PI", "7")
    for domain in set(DOMAINS.values()) - {"p"}:
        assert canonical(domain, "HOSP", "VN", "7") == canonical(domain, "HOSP", "", "7")


@given(st.sampled_from("pv"), part, part, part)
def test_composed_and_decomposed_text_are_the_same_identifier(domain, authority, kind, value) -> None:
    spelled = [unicodedata.normalize(form, f"{value}é") for form in ("NFC", "NFD")]
    assert canonical(domain, authority, kind, spelled[0]) == canonical(domain, authority, kind, spelled[1])


@given(*[st.tuples(st.sampled_from("pvx"), part, part, part)] * 2)
def test_different_identifiers_never_share_a_text(one, other) -> None:
    def key(parts):
        domain, authority, kind, value = (unicodedata.normalize("NFC", text) for text in parts)
        return domain, authority.strip(), kind.strip() if domain == "p" else "", value.strip()

    assert (canonical(*one) == canonical(*other)) == (key(one) == key(other))


@pytest.mark.parametrize("parts", [("A\x1fB", "C", "1"), ("A", "B\x1fC", "1"), ("A", "B", "1\x1f2")])
def test_a_separator_inside_is_refused_without_showing_it(parts) -> None:
    with pytest.raises(Unacceptable) as caught:
        canonical("p", *parts)
    assert not any(text in str(caught.value) for text in parts)


def test_the_index_is_hmac_sha256_keyed_per_tenant_cut_to_16_bytes() -> None:
    expected = hmac.digest(INDEX_KEY, b"north\x1fp\x1fHOSP\x1fMR\x1f7", hashlib.sha256)[:16]
    assert vault().index("p\x1fHOSP\x1fMR\x1f7") == expected
    assert vault("south").index("p\x1fHOSP\x1fMR\x1f7") != expected  # P04: another tenant


def test_a_sealed_identifier_opens_again_and_shows_nothing() -> None:
    row = sealed(vault())
    assert vault().unseal(row) == "p\x1fHOSP\x1fMR\x1f007"
    assert b"007" not in row.sealed
    assert b"HOSP" not in row.sealed
    assert row.domain == "p"


def test_P08_every_altered_byte_is_refused() -> None:
    row = sealed(vault())
    for at in range(len(row.sealed)):
        spoiled = bytearray(row.sealed)
        spoiled[at] ^= 1
        with pytest.raises(Unacceptable):
            vault().unseal(msgspec.structs.replace(row, sealed=bytes(spoiled)))
    for short in (b"", row.sealed[:12], row.sealed[:20], row.sealed[:-1]):
        with pytest.raises(Unacceptable):
            vault().unseal(msgspec.structs.replace(row, sealed=short))


@pytest.mark.parametrize("change", [{"token": "t1p_y"}, {"domain": "v"}, {"key_id": "k2"}])
def test_P08_another_place_is_refused(change) -> None:
    with pytest.raises(Unacceptable):
        vault().unseal(msgspec.structs.replace(sealed(vault()), **change))


def test_P08_swapped_rows_are_refused() -> None:
    one, two = sealed(vault(), token="t1p_1"), sealed(vault(), "p\x1fHOSP\x1fMR\x1f8", token="t1p_2")
    with pytest.raises(Unacceptable):
        vault().unseal(msgspec.structs.replace(one, sealed=two.sealed))


@pytest.mark.parametrize("other", [vault("south"), vault(key_id="k2"), vault(seal_key=bytes(32))])
def test_P08_another_tenant_or_key_is_refused(other: Vault) -> None:
    with pytest.raises(Unacceptable):
        other.unseal(sealed(vault()))


def test_a_rotated_key_ring_finds_what_it_found_before() -> None:
    old, new = bytes(range(32)), bytes(range(1, 33))
    before, after = Vault.of(KeyRing({"k1": old})), Vault.of(KeyRing({"k2": new, "k1": old}))
    assert before.index("p\x1fHOSP\x1fMR\x1f7") == after.index("p\x1fHOSP\x1fMR\x1f7")
    row = sealed(after)
    assert row.key_id == "k2"
    assert after.unseal(row) == "p\x1fHOSP\x1fMR\x1f007"
    with pytest.raises(Unacceptable):
        before.unseal(row)
