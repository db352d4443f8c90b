"""The key of a person: made here, kept as a slow hash, compared in constant time.

`wrk1_` + name + `_` + 43 characters (256 random bits): the name says whose hash to compare with, so that a
key is all that has to be sent. The hash is Argon2id (RFC 9106, its second recommendation: 64 MiB, three
passes) as a PHC string; making it again and comparing is the library's business.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from engine.errors import Misconfigured
from engine.secret_files import read_secret

__all__ = ["NAME", "Key", "hash_of", "holds", "is_hash", "key_in", "make_key", "read_key"]

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")

_KEY: Final = re.compile(rf"wrk1_({NAME.pattern})_([A-Za-z0-9_-]{{43}})")
_HASH: Final = re.compile(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")
_MEMORY: Final = 64 * 1024  # KiB
_PASSES: Final = 3


class Key(NamedTuple):
    """A key as it was sent: whose it says it is, and the whole of it. Has no `repr`."""

    name: str
    text: str

    def __repr__(self) -> str:
        return "Key()"


def make_key(name: str) -> str:
    """A new key for the person with this name."""
    return f"wrk1_{name}_{urlsafe_b64encode(os.urandom(32)).rstrip(b'=').decode()}"


def read_key(text: str) -> Key | None:
    """What a text says as a key; None when it is none."""
    found = _KEY.fullmatch(text)
    return Key(found[1], text) if found else None


def key_in(path: Path) -> str:
    """A person's key, from a file that nobody else can read. Raises `Misconfigured`, which shows nothing of
    it."""
    text = read_secret(path, "key").strip()
    if read_key(text) is None:
        raise Misconfigured("holds no key of a person", where=str(path), hint="wardline person add")
    return text


def hash_of(key: str) -> str:
    """What the people file keeps of a key. Takes a tenth of a second, on purpose."""
    made = Argon2id(salt=os.urandom(16), length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY)
    return made.derive_phc_encoded(key.encode())


def is_hash(text: str) -> bool:
    """Whether a text is a hash as `hash_of` makes them: one that is cheaper, or dearer, is not taken."""
    return _HASH.fullmatch(text) is not None


def holds(key: str, hashed: str) -> bool:
    """Whether a key is the one that was hashed. Takes the same time whichever it is."""
    try:
        Argon2id.verify_phc_encoded(key.encode(), hashed)
    except InvalidKey:
        return False
    return True
