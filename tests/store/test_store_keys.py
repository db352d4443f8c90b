"""Keys: where they come from, what is refused, what a rotation changes."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import Misconfigured
from engine.store.cipher import Cipher, Damaged, Fingerprints
from engine.store.keys import KEY_VARIABLE, KeyRing

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
OLD = KeyRing({"old": ONE})
ROTATED = KeyRing({"new": TWO, "old": ONE})


def text(key: bytes) -> str:
    return base64.b64encode(key).decode()


def test_a_purpose_has_its_own_key_by_hkdf() -> None:
    expected = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"wardline/1/content").derive(ONE)
    assert OLD.derive("content") == expected
    assert (
        len({OLD.derive(word) for word in ("content", "fingerprint", "digest", "vault-index", "vault-seal")})
        == 5
    )


def test_sealing_follows_the_current_key_and_indexes_the_oldest() -> None:
    assert ROTATED.current == "new"
    assert ROTATED.derive("content") == KeyRing({"x": TWO}).derive("content")
    assert ROTATED.derive("vault-index") == OLD.derive("vault-index")
    assert ROTATED.derive("vault-seal", "old") == OLD.derive("vault-seal")
    with pytest.raises(Misconfigured, match="lacks"):
        OLD.derive("content", "new")


def test_from_the_environment_with_and_without_ids(tmp_path: Path) -> None:
    missing = tmp_path / "never-made"
    plain = KeyRing.load({KEY_VARIABLE: text(ONE)}, missing)
    assert plain.ids == KeyRing.load({KEY_VARIABLE: text(ONE)}, missing).ids
    named = KeyRing.load({KEY_VARIABLE: f"b:{text(TWO)}, a:{text(ONE)}"}, missing)
    assert (named.ids, named.current, named.oldest) == (("b", "a"), "b", "a")
    assert not missing.exists()


@pytest.mark.parametrize(
    "value",
    [
        "short",
        text(b"31 bytes are not enough for it."),
        f"a b:{text(ONE)}",
        f"a:{text(ONE)} a:{text(TWO)}",
        " , ",
        f"é:{text(ONE)}",
    ],
)
def test_a_key_that_will_not_do_is_named_by_place_not_by_value(value: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as raised:
        KeyRing.load({KEY_VARIABLE: value}, tmp_path / "k")
    assert KEY_VARIABLE in str(raised.value)
    assert text(ONE)[:12] not in str(raised.value)


def test_no_key_shows_in_a_repr() -> None:
    assert repr(ROTATED) == "KeyRing(new, old)"


def test_the_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "wardline.key"
    first = KeyRing.load({}, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KeyRing.load({}, path).derive("content") == first.derive("content")
    assert [one.name for one in path.parent.iterdir()] == ["wardline.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "wardline.key"
    KeyRing.load({}, path)
    path.chmod(mode)
    with pytest.raises(Misconfigured, match="others may read"):
        KeyRing.load({}, path)


def test_a_link_and_a_folder_are_no_key_files(tmp_path: Path) -> None:
    KeyRing.load({}, tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    for name in ("link", "."):
        with pytest.raises(Misconfigured):
            KeyRing.load({}, tmp_path / name)


def test_sealed_bytes_open_only_whole_in_their_place_and_with_their_key() -> None:
    cipher = Cipher(OLD)
    sealed = cipher.seal(b"content", b"row 1")
    assert cipher.open("old", sealed, b"row 1") == b"content"
    assert Cipher(ROTATED).open("old", sealed, b"row 1") == b"content"
    flipped = bytearray(sealed)
    for place in range(len(sealed) * 8):
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(Damaged):
            cipher.open("old", bytes(flipped), b"row 1")
        flipped[place // 8] ^= 1 << place % 8
    for wrong in (("old", sealed, b"row 2"), ("new", sealed, b"row 1"), ("old", sealed[:20], b"row 1")):
        with pytest.raises(Damaged):
            cipher.open(*wrong)


def test_a_nonce_is_never_the_same() -> None:
    cipher = Cipher(OLD)
    assert len({cipher.seal(b"same", b"")[:12] for _ in range(2000)}) == 2000


def test_fingerprints_are_keyed_unambiguous_and_survive_a_rotation() -> None:
    names = Fingerprints(OLD)
    one = names.of("adt", b"EPIC", b"HOSP", b"1")
    assert len(one) == 16
    assert one == Fingerprints(ROTATED).of("adt", b"EPIC", b"HOSP", b"1")
    assert names.digest(b"raw") == Fingerprints(ROTATED).digest(b"raw")
    others = [
        names.of("adt", b"EPICH", b"OSP", b"1"),
        names.of("adtE", b"PIC", b"HOSP", b"1"),
        names.of("adt", b"EPIC", b"HOSP1", b""),
        Fingerprints(KeyRing({"x": os.urandom(32)})).of("adt", b"EPIC", b"HOSP", b"1"),
    ]
    assert len({one, *others}) == 5
