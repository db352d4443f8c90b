"""A message as python-hl7 and hl7apy read it, each in the same simple shape as our own reading.

A reading is a list of segments: the id, and `{(field, repetition, component, sub-component): text}`, all
counted from 1, the text as it stands in the message (escaped).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import hl7
from hl7apy.base_datatypes import TextualDataType
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from engine.hl7.document import Document

Leaf = tuple[int, int, int, int]
Segment = tuple[str, dict[Leaf, str]]

BEYOND = 1000  # from here on we number what hl7apy keeps but has no place for
HEADERS = ("MSH", "FHS", "BHS")


def ours(document: Document) -> list[Segment]:
    """Our own reading."""
    return [(fields[0], dict(_ours(document, fields))) for fields in document.segments()]


def _ours(document: Document, fields: list[str]) -> Iterator[tuple[Leaf, str]]:
    for field in range(1, len(fields)):
        if field <= 2 and fields[0] in HEADERS:
            yield (field, 1, 1, 1), fields[field]
            continue
        for nth, text in enumerate(document.repetitions(fields, field) or [""], 1):
            for component, part in enumerate(document.components(text), 1):
                for sub, leaf in enumerate(document.subcomponents(part), 1):
                    yield (field, nth, component, sub), leaf


def read_by_python_hl7(text: str) -> tuple[list[Segment], Any]:
    """python-hl7's reading of a text whose segments end in CR, and its message (for `unescape`)."""
    message = hl7.parse(text)
    return [(str(segment[0]), dict(_python_hl7(segment))) for segment in message], message


def _python_hl7(segment: Any) -> Iterator[tuple[Leaf, str]]:
    for field, repetitions in enumerate(segment[1:], 1):
        for nth, repetition in enumerate(_parts(repetitions), 1):
            for component, subs in enumerate(_parts(repetition), 1):
                for sub, leaf in enumerate(_parts(subs), 1):
                    yield (field, nth, component, sub), leaf


def _parts(container: Any) -> Any:
    return [container] if isinstance(container, str) else container


def read_by_hl7apy(text: str) -> list[Segment]:
    """hl7apy's reading of a text whose segments end in CR: tolerant, groups not sought. It keeps no blank
    leaves, and typed ones (numbers, dates) as it writes them."""
    message = parse_message(text, validation_level=VALIDATION_LEVEL.TOLERANT, find_groups=False)
    return [(segment.name, dict(_hl7apy(segment))) for segment in message.children]


def _hl7apy(segment: Any) -> Iterator[tuple[Leaf, str]]:
    counted: dict[int, int] = {}
    for number, field in _numbered(segment):
        nth = counted[number] = counted.get(number, 0) + 1
        if segment.name in HEADERS and number <= 2:
            yield (number, 1, 1, 1), field.children[0].children[0].value.value
            continue
        for component_number, component in _numbered(field):
            for sub_number, sub in _numbered(component):
                yield (number, nth, component_number, sub_number), _text(sub)


def _numbered(parent: Any) -> Iterator[tuple[int, Any]]:
    """Each child with its place: by its name, else in order, from `BEYOND` on where the type has places
    for others."""
    last = BEYOND if parent.ordered_children else 0
    for child in parent.children:
        number = _number(child.name)
        if not number:
            number = last = last + 1
        yield number, child


def _number(name: str | None) -> int:
    found = re.search(r"_(\d+)\Z", name or "")
    return int(found[1]) if found else 0


def _text(sub: Any) -> str:
    value = sub.value
    return value.value if isinstance(value, TextualDataType) else sub.to_er7()
