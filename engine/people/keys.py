"""The key of a person: made here, kept as a slow hash (`engine.slow_hashes`).

`wrk1_` + name + `_` + 43 characters (256 random bits): the name says whose hash to compare with, so that a
key is all that has to be sent.
"""

from __future__ import annotations

import os
import re
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final, NamedTuple

from engine.errors import Misconfigured
from engine.secret_files import read_secret

__all__ = ["NAME", "Key", "key_in", "make_key", "read_key"]

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?")

_KEY: Final = re.compile(rf"wrk1_({NAME.pattern})_([A-Za-z0-9_-]{{43}})")


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
