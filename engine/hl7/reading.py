"""Reading values out of one split segment, for the whole document and for its groups alike.

A read has three results (HL7 v2.9.1 chapter 2, section 2.4.3.1): text, `None` for not populated (no
statement: keep what you have) and `DELETE` for `""`. A field, repetition or component that is `""`
as a whole says so for all of its parts.

Every split is bounded (spec: threats, section 3.1); what exceeds a limit is `Unacceptable`
(`structure`) when it is split, which for parts that nobody reads is never.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import Final, Literal

from engine.errors import Unacceptable
from engine.hl7.delimiters import Delimiters
from engine.hl7.escape import unescape
from engine.hl7.path import Path
from engine.model import Reason, ReasonCode

__all__ = ["DELETE", "HEADERS", "Delete", "Fields", "Reading", "Value", "exceeded"]

MAX_REPETITIONS = 1_000
MAX_COMPONENTS = 100  # of a repetition, and sub-components of a component
MAX_WARNINGS = 100  # that a message keeps

HEADERS = frozenset({"MSH", "FHS", "BHS"})
"""The segments whose field 1 is the field separator itself."""


class Delete(Enum):
    """The type of `DELETE`."""

    DELETE = '""'

    def __repr__(self) -> str:
        return "DELETE"


DELETE: Final = Delete.DELETE
"""`""` was sent: what is stored under this is to be deleted."""

Value = str | Literal[Delete.DELETE] | None
Fields = list[str]
"""One segment split at its field separator; index 0 is the segment id, index n is field n, raw."""


class Reading(ABC):
    """What can be asked of a document and of a group of its segments."""

    __slots__ = ("codec", "delimiters", "quirks", "warnings")

    codec: str
    delimiters: Delimiters
    quirks: dict[str, int]
    warnings: list[Reason]

    @abstractmethod
    def first(self, segment: str) -> Fields | None:
        """The fields of the first segment of this id, or None."""

    @abstractmethod
    def nth(self, segment: str, occurrence: int) -> Fields | None:
        """The fields of the `occurrence`-th (from 1) segment of this id, or None."""

    @abstractmethod
    def all(self, segment: str) -> list[Fields]:
        """The fields of every segment of this id, in order."""

    @abstractmethod
    def place(self, path: Path) -> str:
        """The path as an error names it: `FT1[2]-10`, counted over the whole message."""

    def warn(self, code: ReasonCode, place: str, text: str) -> None:
        """Say what a person should know although the message can be used: a place and a fixed phrase,
        never a value. It is kept with the message and shown with it, once however often it is said."""
        reason = Reason(code, text, place)
        if len(self.warnings) >= MAX_WARNINGS:
            self.quirks["more_warnings"] = 1
        elif reason not in self.warnings:
            self.warnings.append(reason)

    def value(self, path: Path) -> Value:
        """What stands at `path`, unescaped."""
        if path.occurrence == 1:
            fields = self.first(path.segment)
        else:
            fields = self.nth(path.segment, path.occurrence)
        if fields is None:
            return None
        return self.leaf(fields, path.field, path.component, path.subcomponent, path.repetition)

    def leaf(
        self, fields: Fields, field: int, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> Value:
        """One leaf of a segment, unescaped. MSH-1 and MSH-2 are never split."""
        if field >= len(fields):
            return None
        text = fields[field]
        if not text:
            return None
        # most frequent by far, and no delimiter is a letter or a digit
        if text.isalnum() or (field <= 2 and fields[0] in HEADERS):
            return text if component == subcomponent == repetition == 1 else None
        mark = self.delimiters.repetition
        if mark in text:
            text = text[: text.index(mark)] if repetition == 1 else self._repetition(text, repetition)
        elif repetition > 1:
            return None
        return self.part(text, component, subcomponent)

    def part(self, text: str, component: int = 1, subcomponent: int = 1) -> Value:
        """One leaf of one repetition (raw, as `repetitions` gives it), unescaped."""
        delimiters = self.delimiters
        if text == '""':
            return DELETE
        mark = delimiters.component
        if component != 1 or mark in text:
            text = _pick(text, mark, component)
            if not text or text.isalnum():  # no delimiter is a letter or a digit
                return (text or None) if subcomponent == 1 else None
            if text == '""':
                return DELETE
        mark = delimiters.subcomponent
        if subcomponent != 1 or mark in text:
            text = _pick(text, mark, subcomponent)
            if text == '""':
                return DELETE
        mark = delimiters.escape
        if mark and mark in text:
            return self._unescaped(text)
        return text or None

    def repetitions(self, fields: Fields, field: int) -> list[str]:
        """A field's repetitions, each raw (still with its components, to be read with `part`); none
        when the field is not populated. Raises `Unacceptable` (`structure`) above 1,000."""
        text = fields[field] if field < len(fields) else ""
        if not text:
            return []
        found = text.split(self.delimiters.repetition, MAX_REPETITIONS)
        if len(found) > MAX_REPETITIONS:
            raise exceeded(f"{fields[0]}-{field}", "too many repetitions")
        if len(found) > 1 and '""' in found:  # the whole list, or one of it? the others stand
            self.quirks["mixed_delete"] = 1
        return found

    def components(self, text: str) -> list[str]:
        """One repetition's components, each raw. Raises `Unacceptable` (`structure`) above 100."""
        return _bounded(text, self.delimiters.component)

    def subcomponents(self, text: str) -> list[str]:
        """One component's sub-components, each still escaped. Raises as `components` does."""
        mark = self.delimiters.subcomponent
        return _bounded(text, mark) if mark else [text]

    def _repetition(self, text: str, repetition: int) -> str:
        found = text.split(self.delimiters.repetition, MAX_REPETITIONS)
        if len(found) > MAX_REPETITIONS:
            raise exceeded("", "too many repetitions")
        return found[repetition - 1] if repetition <= len(found) else ""

    def _unescaped(self, text: str) -> str | None:
        found, unknown = unescape(text, self.delimiters, self.codec)
        if unknown:
            self.quirks["unknown_escape"] = self.quirks.get("unknown_escape", 0) + unknown
        return found or None


def exceeded(place: str, text: str) -> Unacceptable:
    """A limit was exceeded at `place`."""
    return Unacceptable("structure", place, text, hl7=100)


def _pick(text: str, mark: str, number: int) -> str:
    """Part `number` of `text`; empty when there are fewer, or when nothing can separate them."""
    if not mark:
        return text if number == 1 else ""
    if number == 1:
        return text.partition(mark)[0]
    if len(text) >= MAX_COMPONENTS and text.count(mark) >= MAX_COMPONENTS:
        raise exceeded("", "too many components")
    parts = text.split(mark, number)
    return parts[number - 1] if number <= len(parts) else ""


def _bounded(text: str, mark: str) -> list[str]:
    parts = text.split(mark, MAX_COMPONENTS)
    if len(parts) > MAX_COMPONENTS:
        raise exceeded("", "too many components")
    return parts
