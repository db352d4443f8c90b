"""Slow hashes of what people hold or know: Argon2id (RFC 9106, its second recommendation: 64 MiB, three
passes) as a PHC string. Making one again and comparing is the library's business."""

from __future__ import annotations

import os
import re
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

__all__ = ["hash_of", "holds", "is_hash"]

_HASH: Final = re.compile(r"\$argon2id\$v=19\$m=65536,t=3,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")
_MEMORY: Final = 64 * 1024  # KiB
_PASSES: Final = 3


def hash_of(secret: str) -> str:
    """What is kept of a secret. Takes a tenth of a second, on purpose."""
    made = Argon2id(salt=os.urandom(16), length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY)
    return made.derive_phc_encoded(secret.encode())


def is_hash(text: str) -> bool:
    """Whether a text is a hash as `hash_of` makes them: one that is cheaper, or dearer, is not taken."""
    return _HASH.fullmatch(text) is not None


def holds(secret: str, hashed: str) -> bool:
    """Whether a secret is the one that was hashed. Takes the same time whichever it is."""
    try:
        Argon2id.verify_phc_encoded(secret.encode(), hashed)
    except InvalidKey:
        return False
    return True
