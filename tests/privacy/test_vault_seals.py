"""The vault's cryptography: canonical identifiers (P04), tampering (P08), who may open what (P10)."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from vaults import PRIVATE, Cabinet, SealKeys, minted, row_of, sealer, unsealer

from engine.errors import Misconfigured, Unacceptable
from engine.privacy import sealing
from engine.privacy.sealing import Reader, Sealer, SubjectGone
from engine.privacy.tokens import DOMAINS
from engine.privacy.unsealing import PrivateKey, Unsealer, keys_of_ring, parse_private
from engine.privacy.vault import Identifier, Vault, canonical, read_identifier
from engine.store.keys import KeyRing
from engine.tokens import Lookup, TokenRow

INDEX_KEY = bytes(range(32))
IDENTIFIER = "p\x1fHOSP\x1fMR\x1f007"
part = st.text(st.characters(exclude_characters="\x1f", exclude_categories=("Cs",)), max_size=12)


def vault(tenant: str = "north", key: bytes = INDEX_KEY) -> Vault:
    return Vault(tenant=tenant, index_keys={"k1": key})


class Room:
    """A vault with a cabinet, and one row in it: the number of a visit of a person."""

    def __init__(self) -> None:
        self.keys, self.cabinet = SealKeys(), Cabinet()
        self.sealer = sealer(self.keys.keep, self.cabinet)
        self.unsealer = unsealer(self.keys, self.cabinet)

    def row(self, identifier: str = IDENTIFIER, token: str = "t1p_x", subject: str = "t1p_x") -> TokenRow:
        (new,) = self.sealer.seal([minted(identifier, token, subject)])
        return row_of(new)


@pytest.fixture
def room() -> Room:
    return Room()


def test_the_canonical_text_is_domain_authority_type_and_id() -> None:
    text = canonical("p", "HOSP", "MR", " 0012aB ")
    assert text == "p\x1fHOSP\x1fMR\x1f0012aB"
    assert read_identifier(text) == Identifier("p", "HOSP", "MR", "0012aB")


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
    assert vault().of_tenant("south").index("p\x1fHOSP\x1fMR\x1f7") != expected


def test_while_the_index_changes_its_key_a_number_is_found_under_both() -> None:
    both = Vault(tenant="north", index_keys={"k2": bytes(32), "k1": INDEX_KEY})
    one, other = vault(key=bytes(32)).index(IDENTIFIER), vault().index(IDENTIFIER)
    assert both.lookups(IDENTIFIER) == [one, other]
    assert both.named(IDENTIFIER, both.index(IDENTIFIER)) == (Lookup(one, "k2"), Lookup(other, "k1"))
    assert vault().lookups(IDENTIFIER) == [other]


def test_a_sealed_identifier_opens_again_and_shows_nothing(room: Room) -> None:
    row = room.row()
    assert room.unsealer.identifier(row) == IDENTIFIER
    assert row.sealed is not None
    assert b"007" not in row.sealed
    assert b"HOSP" not in row.sealed
    assert (row.domain, row.subject, row.tenant) == ("p", "t1p_x", "north")
    assert repr(minted(IDENTIFIER, "t1p_x")) == "Minted(t1p_x)"


def test_P08_every_altered_byte_is_refused(room: Room) -> None:
    row = room.row()
    assert row.sealed is not None
    for at in range(len(row.sealed)):
        spoiled = bytearray(row.sealed)
        spoiled[at] ^= 1
        with pytest.raises(Unacceptable):
            room.unsealer.identifier(msgspec.structs.replace(row, sealed=bytes(spoiled)))
    for short in (None, b"", row.sealed[:12], row.sealed[:20], row.sealed[:-1]):
        with pytest.raises(Unacceptable):
            room.unsealer.identifier(msgspec.structs.replace(row, sealed=short))


@pytest.mark.parametrize(
    "change",
    [
        {"token": "t1p_y"},
        {"domain": "v"},
        {"key_id": "k2"},
        {"tenant": "south"},
        {"subject": "t1p_y"},
        {"subject": ""},
    ],
    ids=str,
)
def test_P08_another_place_is_refused(change: dict[str, str], room: Room) -> None:
    room.cabinet.make_subject_keys(["t1p_y"])
    with pytest.raises(Unacceptable):
        room.unsealer.identifier(msgspec.structs.replace(room.row(), **change))


def test_P08_swapped_rows_and_swapped_seal_keys_are_refused(room: Room) -> None:
    one, two = room.row(), room.row("p\x1fHOSP\x1fMR\x1f8", "t1p_2")
    with pytest.raises(Unacceptable):
        room.unsealer.identifier(msgspec.structs.replace(one, sealed=two.sealed))
    sealer(room.keys.keep, room.cabinet).seal([minted(IDENTIFIER, "t1p_3", "t1p_3")])
    first, second = room.keys.kept.values()
    room.keys.kept = {
        first.id: msgspec.structs.replace(second, id=first.id),
        second.id: msgspec.structs.replace(first, id=second.id),
    }
    with pytest.raises(Unacceptable):
        unsealer(room.keys, room.cabinet).identifier(one)


def test_P10_who_seals_cannot_open_what_an_earlier_run_sealed(room: Room) -> None:
    """All that a processing role has is the ring, the public key, the cabinet and the rows."""
    row, ring = room.row(), KeyRing({"k1": bytes(32)})
    other = PrivateKey(bytes(range(1, 33)))
    for keys in ([], keys_of_ring(ring), [other], [PrivateKey(bytes(range(1, 33)), PRIVATE.reader.id)]):
        with pytest.raises(Unacceptable):
            Unsealer(keys, room.keys.get, room.cabinet, ring).identifier(row)


def test_without_the_persons_key_nothing_of_the_person_opens(room: Room) -> None:
    person, visit = room.row(), room.row("v\x1fHOSP\x1f\x1fV1", "t1v_y", "t1p_x")
    stranger = room.row("v\x1fHOSP\x1f\x1fV2", "t1v_z", "t1p_z")
    room.cabinet.destroy("t1p_x")
    room.sealer.forget()
    assert room.unsealer.try_identifiers([person, visit, stranger]) == [None, None, "v\x1fHOSP\x1f\x1fV2"]
    with pytest.raises(SubjectGone):
        room.row("v\x1fHOSP\x1f\x1fV3", "t1v_3", "t1p_x")


def test_what_is_nobodys_needs_no_persons_key(room: Room) -> None:
    row = room.row("r\x1fHOSP\x1f\x1fW1", "t1r_x", "")
    assert (row.subject, Unsealer([PRIVATE], room.keys.get, None).identifier(row)) == (
        "",
        "r\x1fHOSP\x1f\x1fW1",
    )


def test_a_seal_key_is_kept_before_it_is_used_and_replaced_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SEALS_PER_KEY", 3)
    keys, now = SealKeys(), [0.0]
    mine = Sealer(PRIVATE.reader, keys.keep, None, clock=lambda: now[0])

    def seal(count: int) -> str:
        (key_id,) = {new.key_id for new in mine.seal([minted(IDENTIFIER, f"t1p_{n}") for n in range(count)])}
        return key_id

    assert mine.seal([]) == []
    assert not keys.kept
    first = seal(2)
    assert seal(1) == first  # three with one key
    second = seal(1)
    assert second != first
    now[0] += 86_400
    third = seal(1)
    assert len({first, second, third}) == 3
    assert list(keys.kept) == [first, second, third]
    assert {key.reader for key in keys.kept.values()} == {PRIVATE.reader.id}


def test_a_seal_key_that_could_not_be_kept_is_not_used() -> None:
    def away(_: object) -> None:
        raise ConnectionError

    mine = sealer(away)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            mine.seal([minted(IDENTIFIER, "t1p_1")])


def test_rows_of_before_there_were_seal_keys_open_with_the_ring() -> None:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    ring = KeyRing({"k2": bytes(32), "k1": bytes(range(32))})
    sealed = bytes(12) + AESGCM(ring.derive("vault-seal", "k1")).encrypt(
        bytes(12), IDENTIFIER.encode(), b"north\x1fp\x1ft1p_x\x1fk1"
    )
    row = TokenRow(
        token="t1p_x", domain="p", tenant="north", key_id="k1", sealed=sealed, subject="", created_at=0.0
    )
    assert Unsealer([], lambda _: {}, None, ring).identifier(row) == IDENTIFIER
    with pytest.raises(Unacceptable):
        Unsealer([PRIVATE], lambda _: {}, None).identifier(row)


def test_where_no_pair_was_made_the_ring_stands_in() -> None:
    before = KeyRing({"k1": bytes(range(32))})
    after = KeyRing({"k2": bytes(32), "k1": bytes(range(32))})
    keys = SealKeys()
    reader = Reader.of_ring("k1", before.derive("reidentify", "k1"))
    (new,) = Sealer(reader, keys.keep, None, clock=lambda: 0.0).seal([minted(IDENTIFIER, "t1p_1")])
    assert [key.reader for key in keys.kept.values()] == ["ring:k1"]
    assert Unsealer(keys_of_ring(after), keys.get, None).identifier(row_of(new)) == IDENTIFIER


def test_keys_are_read_from_their_text_and_never_shown() -> None:
    import base64

    private = base64.b64encode(bytes(range(7, 39))).decode()
    public = base64.b64encode(PRIVATE.reader.public).decode()
    assert Reader.parse(f" {public}\n", "X").id == PRIVATE.reader.id
    assert [one.reader.id for one in parse_private(f"{private}\n{private}\n", "X")] == [PRIVATE.reader.id] * 2
    for text in ("", "secret!", public[:-8]):
        for parse in (Reader.parse, parse_private):
            with pytest.raises(Misconfigured) as caught:
                parse(text, "X")
            assert not text or text not in str(caught.value)


def test_a_rotated_key_ring_finds_what_it_found_before() -> None:
    old, new = bytes(range(32)), bytes(range(1, 33))
    before, after = Vault.of(KeyRing({"k1": old})), Vault.of(KeyRing({"k2": new, "k1": old}))
    assert before.index("p\x1fHOSP\x1fMR\x1f7") == after.index("p\x1fHOSP\x1fMR\x1f7")
