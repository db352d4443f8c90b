"""Other values at single places of a message, and at which places two messages differ."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import Misconfigured
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.hl7.tree import leaves
from engine.hl7.writing import changed

__all__ = ["corrected", "differing_places"]


def corrected(document: Document, values: Mapping[str, str]) -> bytes:
    """The message with these values at these places (`FT1-7.1`, `PID-3[2].4`; a field without a component is
    replaced whole), everything else as it came. Raises `Misconfigured` for what is no place of this message,
    `Unacceptable` for a value that its character set does not have."""
    segments = list(document.segments())
    for text, value in values.items():
        path = Path.parse(text)
        positions = document.positions(path.segment)
        if path.occurrence > len(positions):
            raise Misconfigured(f"the message has no such segment: {text}", where="changes")
        at = positions[path.occurrence - 1]
        parts = text.partition("-")[2].count(".")
        segments[at] = changed(
            segments[at],
            document.delimiters,
            value or None,
            path.field,
            repetition=path.repetition if parts or "[" in text.partition("-")[2] else 0,
            component=path.component if parts else 0,
            subcomponent=path.subcomponent if parts > 1 else 0,
        )
    return document.encode(segments)


def differing_places(one: Document, other: Document) -> list[str]:
    """The places at which two messages differ, in the order of the second and what only the first has after
    it. Raises `Unacceptable` above the limits of reading."""
    before, after = ({leaf.path: leaf.text for leaf in leaves(document)} for document in (one, other))
    gone = [path for path in before if path not in after]
    return [path for path, text in after.items() if before.get(path) != text] + gone
