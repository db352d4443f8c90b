"""The installation's keys: one ring, the current key first, older ones kept for reading.

Every use gets its own 32-byte key, derived from a ring key with HKDF-SHA256 (RFC 5869), so that
a key that leaks from one use opens nothing else. Sealing purposes follow the current key. Index
purposes (what must give the same answer as last year) follow the keys that the store recorded
(`engine.store.uses`), before it did the ring's oldest: a new key changes no fingerprint and no token.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.errors import Misconfigured
from engine.secret_files import read_secret
from engine.store.key_sources import COMMAND_VARIABLE, PKCS11_VARIABLE, Token, printed
from engine.tokens import Use

__all__ = ["INDEX_PURPOSES", "KEY_VARIABLE", "KeyRing"]

KEY_VARIABLE: Final = "WARDLINE_KEY"
INDEX_PURPOSES: Final = frozenset({"fingerprint", "digest", "shift", "vault-index"})
KEY_BYTES: Final = 32

_NONCE = 12
_ID = re.compile(r"[A-Za-z0-9_.-]{1,32}")
_SEPARATORS = re.compile(r"[\s,]+")


class KeyRing:
    """Root keys by id (32 bytes each), the current one first, the oldest last."""

    def __init__(self, keys: Mapping[str, bytes], uses: Mapping[str, Use] | None = None) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys.values()):
            raise Misconfigured("a key ring holds at least one key, each of 32 bytes")
        self._keys, self._uses = dict(keys), uses or {}
        self.ids: tuple[str, ...] = tuple(keys)
        self.current, self.oldest = self.ids[0], self.ids[-1]

    def __repr__(self) -> str:
        return f"KeyRing({', '.join(self.ids)})"

    def derive(self, purpose: str, key_id: str = "") -> bytes:
        """The 32-byte key of one purpose: `content`, `fingerprint`, `digest`, `vault-index`, `vault-seal`, …

        From the key named, else from the one in use. Raises `Misconfigured` for an id the ring lacks."""
        use = self.using(purpose)
        key_id = key_id or use.keys[0]
        if key_id not in self._keys and key_id == use.keys[0] and use.carried_by in self._keys:
            return self._carrier(use.carried_by).decrypt(
                use.carried[:_NONCE], use.carried[_NONCE:], purpose.encode()
            )
        if key_id not in self._keys:
            raise Misconfigured(
                f"the key ring lacks {key_id!r}, which {purpose} goes by",
                where=KEY_VARIABLE,
                hint="start this process again with the ring that the others have",
            )
        return _hkdf(self._keys[key_id], purpose)

    def carry(self, purpose: str) -> bytes:
        """The key of a purpose, wrapped under the current key of the ring (`Use.carried`)."""
        nonce = os.urandom(_NONCE)
        return nonce + self._carrier(self.current).encrypt(nonce, self.derive(purpose), purpose.encode())

    def _carrier(self, key_id: str) -> AESGCM:
        return AESGCM(_hkdf(self._keys[key_id], "carry"))

    def using(self, purpose: str) -> Use:
        """Which keys a purpose uses: those recorded, else the oldest for `INDEX_PURPOSES`, else the current
        one. Without a record its turn is -1."""
        if use := self._uses.get(purpose):
            return use
        return Use((self.oldest if purpose in INDEX_PURPOSES else self.current,), -1)

    def following(self, uses: Mapping[str, Use]) -> KeyRing:
        """The same ring for one store, whose record this is (`VaultStore.uses`)."""
        return KeyRing(self._keys, uses)

    @classmethod
    def parse(cls, text: str, where: str) -> KeyRing:
        """A ring from `base64` or `id:base64` entries apart by white space or commas, current first.

        Without an id a key is named after itself (a value derived from it one way). Raises
        `Misconfigured` naming `where` and the entry's number, never its text."""
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(filter(None, _SEPARATORS.split(text)), start=1):
            key_id, _, encoded = entry.rpartition(":")
            key = _decode(encoded, where, number)
            key_id = key_id or _hkdf(key, "id")[:4].hex()
            if not _ID.fullmatch(key_id) or key_id in keys:
                raise Misconfigured(
                    f"the id of key {number} is not usable",
                    where=where,
                    hint="letters, digits and - _ . only, once each",
                )
            keys[key_id] = key
        if not keys:
            raise Misconfigured("holds no key", where=where, hint="base64 of 32 random bytes, or id:base64")
        return cls(keys)

    @classmethod
    def load(cls, environ: Mapping[str, str], key_file: Path, *, may_make: bool = True) -> KeyRing:
        """The ring from `WARDLINE_KEY` when set, else from what `WARDLINE_KEY_COMMAND` prints, else from
        `key_file`, made (mode 0600) on first start where it `may_make` one; with `WARDLINE_KEY_PKCS11` the
        file is sealed by that token (`engine.store.key_sources`).

        Raises `Misconfigured` when any cannot be used, or when others may read the file."""
        if text := environ.get(KEY_VARIABLE, ""):
            return cls.parse(text, KEY_VARIABLE)
        if command := environ.get(COMMAND_VARIABLE, "").strip():
            return cls.parse(printed(command), COMMAND_VARIABLE)
        named = environ.get(PKCS11_VARIABLE, "").strip()
        token = Token(named) if named else None
        if not may_make and not key_file.exists():
            raise Misconfigured(
                "the store is there and its key is not",
                where=str(key_file),
                hint=f"put its copy back, or set {KEY_VARIABLE}: without it nothing sealed opens",
            )
        try:
            _make(key_file, token.seal if token else str)
            text = read_secret(key_file, "key file")
            return cls.parse(token.open(text, str(key_file)) if token else text, str(key_file))
        except OSError as error:
            raise Misconfigured(
                f"the key file cannot be used: {error.strerror}",
                where=str(key_file),
                hint=f"or set {KEY_VARIABLE}",
            ) from error


def _hkdf(key: bytes, purpose: str) -> bytes:
    return HKDF(
        algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"wardline/1/" + purpose.encode()
    ).derive(key)


def _decode(encoded: str, where: str, number: int) -> bytes:
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise Misconfigured(
            f"key {number} is not base64 of 32 bytes", where=where, hint="openssl rand -base64 32"
        )
    return key


def _make(path: Path, seal: Callable[[str], str]) -> None:
    """Write a fresh key file, as `seal` gives it, unless one exists, durably and in one step: another process
    that starts at the same moment sees either no file or the whole of it."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = os.urandom(KEY_BYTES)
    draft = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    text = seal(f"{_hkdf(key, 'id')[:4].hex()}:{base64.b64encode(key).decode()}\n")
    handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(handle, text.encode())
        os.fsync(handle)
        os.link(draft, path)
    except FileExistsError:
        pass  # the other process was first: its key is the key
    finally:
        os.close(handle)
        draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
