"""A version of a resource as it is stored and routed: one line that names it, then its JSON."""

from __future__ import annotations

import re
from typing import NamedTuple, cast

from engine.errors import Unacceptable
from engine.fhir.releases import RELEASES, Release

__all__ = ["Stored", "pack", "unpack"]

_LINE = re.compile(
    rb"fhir (R4B?|R5) ([A-Z][A-Za-z]{1,63})/([A-Za-z0-9\-.]{1,64})/([1-9][0-9]{0,9}) (write|delete)\n"
)


class Stored(NamedTuple):
    """What the line says; `body` is the JSON without what the server adds. Of a deletion, the last body."""

    release: Release
    type: str
    id: str
    version: int
    deleted: bool
    body: bytes

    def __repr__(self) -> str:
        return f"Stored({self.type}/{self.id}/{self.version}, {len(self.body)} bytes)"


def pack(stored: Stored) -> bytes:
    """As it is stored."""
    word = "delete" if stored.deleted else "write"
    line = f"fhir {stored.release} {stored.type}/{stored.id}/{stored.version} {word}\n"
    return line.encode() + stored.body


def unpack(raw: bytes) -> Stored:
    """What was packed. Raises `Unacceptable` (`structure`) for anything else."""
    line = _LINE.match(raw)
    if line is None:
        raise Unacceptable("structure", "", "not a stored resource", hl7=100)
    release, type_, id_, version, word = (part.decode() for part in line.groups())
    assert release in RELEASES  # noqa: S101 - the pattern says so
    return Stored(cast(Release, release), type_, id_, int(version), word == "delete", raw[line.end() :])
