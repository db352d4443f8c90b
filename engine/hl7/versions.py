"""How older versions of HL7 laid out what today's paths ask for (HL7 v2.9.1, chapters 4, 6 and 10, and the
segment tables of 2.1 to 2.8.2).

Paths are written as today's standard numbers fields. Positions hardly ever changed; these did:

- FT1 of 2.1 has the amount in field 10 and the quantity in field 11, since 2.2 it is the other way round;
- TQ1 came with 2.5. Before, and often since, its content stands in the components of a TQ field: SCH-11,
  ORC-7, OBR-27, RXE-1. It is read there where no TQ1 stands.

Which number identifies a person is never taken from another field than the one that a channel names:
PID-2 (external) and PID-4 (alternate) of older versions are other numbers than PID-3.
"""

from __future__ import annotations

from typing import Final

from engine.hl7.header import Header
from engine.hl7.path import Path
from engine.hl7.tables import read_version

__all__ = ["exchanged", "older_places"]

OLDEST: Final = (2, 1)
EXCHANGED: Final = {"FT1": (10, 11)}
"""Of 2.1: segment → the two fields that have changed places since."""

HOLDERS: Final = ("SCH-11", "ORC-7", "OBR-27", "RXE-1")
"""Fields of the type TQ, the one that is about the most first."""

COMPONENTS: Final = {2: 1, 3: 2, 6: 3, 7: 4, 8: 5, 9: 6, 10: 7, 11: 8, 12: 9, 13: 11, 14: 12}
"""Field of TQ1 → component of TQ."""

_NOTHING: Final[dict[str, tuple[int, int]]] = {}


def exchanged(header: Header) -> dict[str, tuple[int, int]]:
    """Segment → two fields that this message, by its MSH-12, has in each other's place."""
    if b"2.1" in header.field(12) and read_version(header.version) == OLDEST:
        return EXCHANGED
    return _NOTHING


def older_places(path: Path) -> tuple[Path, ...]:
    """Where older messages, which lack the segment of `path`, may have what it asks for."""
    component = COMPONENTS.get(path.field)
    if path.segment != "TQ1" or component is None or path.repetition > 1 or path.subcomponent > 1:
        return ()
    repetition = f"[{path.occurrence}]" if path.occurrence > 1 else ""
    part = f".{path.component}" if path.component > 1 else ""
    return tuple(Path.parse(f"{holder}{repetition}.{component}{part}") for holder in HOLDERS)
