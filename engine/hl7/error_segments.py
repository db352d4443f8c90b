"""ERR segments in the shape of each version (HL7 v2.9.1 chapter 2, section 2.14.5; spec: ack, section 5).

| version | shape |
|---|---|
| 2.1 | ERR-1 holds the code, repeated |
| 2.2, 2.3 | ERR-1 is `segment^sequence^field^code`, repeated |
| 2.3.1, 2.4 | ERR-1 is `segment^sequence^field^code&text&HL70357`, repeated |
| 2.5 and later | one ERR each: ERR-2 place, ERR-3 code, ERR-4 severity, ERR-8 a fixed phrase |
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from engine.errors import Unacceptable
from engine.hl7.delimiters import Delimiters
from engine.hl7.escape import escape
from engine.hl7.tables import ERROR_CODES
from engine.model import Reason

__all__ = ["ErrorItem", "error_segments"]

Severity = Literal["E", "F", "W", "I"]

_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<sequence>\d+)\])?"
    r"(?:-(?P<field>\d+)(?:\[(?P<repetition>\d+)\])?"
    r"(?:\.(?P<component>\d+)(?:\.(?P<subcomponent>\d+))?)?)?",
    re.ASCII,
)


class ErrorItem(NamedTuple):
    """One error: a code of table 0357, a place as errors name it (`FT1[2]-10`, empty when nowhere), a
    fixed phrase for a person (left out when it says what the code says), a severity of table 0516."""

    hl7: int
    place: str = ""
    text: str = ""
    severity: Severity = "E"

    @classmethod
    def of(cls, cause: Reason | Unacceptable) -> ErrorItem:
        """The error that a reason or an `Unacceptable` is."""
        return cls(cause.hl7, cause.place, cause.text)

    @classmethod
    def all_of(cls, reason: Reason | None) -> tuple[ErrorItem, ...]:
        """The errors of a reason and of what more there is to it."""
        return () if reason is None else (cls.of(reason), *map(cls.of, reason.more))


def error_segments(
    errors: Sequence[ErrorItem], delimiters: Delimiters, version: tuple[int, ...]
) -> list[str]:
    """The ERR segments, without their ends; none for no errors."""
    if not errors:
        return []
    if version >= (2, 5):
        return [_segment(error, delimiters) for error in errors]
    write = _code if version < (2, 2) else _location if version < (2, 3, 1) else _located_code
    repetitions = delimiters.repetition.join(write(error, delimiters) for error in errors)
    return [f"ERR{delimiters.field}{repetitions}"]


def _segment(error: ErrorItem, delimiters: Delimiters) -> str:
    fields = [
        "ERR",
        "",
        _place(error, delimiters),
        _coded(error, delimiters, delimiters.component),
        error.severity,
    ]
    if error.text and error.text != _phrase(error):
        fields += ["", "", "", escape(error.text, delimiters)]
    return delimiters.field.join(fields)


def _place(error: ErrorItem, delimiters: Delimiters) -> str:
    """ERR-2, ERL: segment, sequence, field, and when a component is named repetition and component."""
    found = _PLACE.fullmatch(error.place)
    if found is None:
        return ""
    parts = [found["segment"], found["sequence"] or "1"]
    if found["field"]:
        parts.append(found["field"])
    if found["repetition"] or found["component"]:
        parts.append(found["repetition"] or "1")
    parts += [number for number in (found["component"], found["subcomponent"]) if number]
    return delimiters.component.join(parts)


def _code(error: ErrorItem, _: Delimiters) -> str:
    return str(error.hl7)


def _location(error: ErrorItem, delimiters: Delimiters) -> str:
    return delimiters.component.join([*_old_place(error), str(error.hl7)])


def _located_code(error: ErrorItem, delimiters: Delimiters) -> str:
    return delimiters.component.join([*_old_place(error), _coded(error, delimiters, delimiters.subcomponent)])


def _old_place(error: ErrorItem) -> list[str]:
    found = _PLACE.fullmatch(error.place)
    if found is None:
        return ["", "", ""]
    return [found["segment"], found["sequence"] or "1", found["field"] or ""]


def _coded(error: ErrorItem, delimiters: Delimiters, mark: str) -> str:
    """Code, text and table; the code alone in a message that has nothing to separate them with."""
    if not mark:
        return str(error.hl7)
    return mark.join([str(error.hl7), escape(_phrase(error), delimiters), "HL70357"])


def _phrase(error: ErrorItem) -> str:
    return ERROR_CODES.get(error.hl7, ERROR_CODES[207])
