"""What an operation gives when it is to be saved: a file, not fields."""

from __future__ import annotations

import msgspec

__all__ = ["File"]


class File(msgspec.Struct, frozen=True):
    """A file: how it is called, its media type, its bytes."""

    name: str
    media: str
    body: bytes
