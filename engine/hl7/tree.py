"""A message as people look at it: every populated leaf with its place, in order."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.hl7.document import DELETE, Document
from engine.hl7.reading import HEADERS, Fields

__all__ = ["Leaf", "leaves"]


class Leaf(msgspec.Struct, frozen=True):
    """One populated leaf. `number` counts segments of its id from 1; `whole` says that the repetition is not
    divided into components, or the component not into sub-components; `text` is unescaped, `""` for the
    delete indicator."""

    position: int
    segment: str
    number: int
    field: int
    repetition: int
    component: int
    subcomponent: int
    text: str
    whole: bool = False

    @property
    def path(self) -> str:
        """The path as a channel file writes it: what is 1 anyway is left out."""
        segment = f"{self.segment}[{self.number}]" if self.number > 1 else self.segment
        field = f"{self.field}[{self.repetition}]" if self.repetition > 1 else str(self.field)
        if self.subcomponent > 1 or not self.whole:
            below = f".{self.component}" + (f".{self.subcomponent}" if self.subcomponent > 1 else "")
        else:
            below = f".{self.component}" if self.component > 1 else ""
        return f"{segment}-{field}{below}"

    def __repr__(self) -> str:
        return f"Leaf({self.path})"


def leaves(document: Document) -> Iterator[Leaf]:
    """Every populated leaf in the order of the message. Raises `Unacceptable` (`structure`) above the limits
    of `engine.hl7.reading`."""
    seen: dict[str, int] = {}
    for position, fields in enumerate(document.segments()):
        name = fields[0]
        seen[name] = seen.get(name, 0) + 1
        for field in range(1, len(fields)):
            yield from _of_field(document, fields, field, position, seen[name])


def _of_field(document: Document, fields: Fields, field: int, position: int, number: int) -> Iterator[Leaf]:
    name = fields[0]
    if field <= 2 and name in HEADERS:  # the delimiters themselves
        yield Leaf(position, name, number, field, 1, 1, 1, fields[field], whole=True)
        return
    for repetition, text in enumerate(document.repetitions(fields, field), 1):
        components = document.components(text)
        for component, part in enumerate(components, 1):
            inner = document.subcomponents(part)
            for subcomponent, _ in enumerate(inner, 1):
                value = document.part(text, component, subcomponent)
                if value is not None:
                    shown = '""' if value is DELETE else value
                    yield Leaf(
                        position, name, number, field, repetition, component, subcomponent, shown,
                        whole=len(components) == 1 and len(inner) == 1,
                    )  # fmt: skip
