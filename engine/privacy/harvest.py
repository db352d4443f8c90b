"""What in a message identifies somebody: the values that must never leave (spec: PHI, sections 1, 2 and 4).

Gathered by the allow-list with the channel's changes: every place that is held back and whose class is that
of a name, a number of a person's, an address, a phone, a birth or a death. Which parts of a field those are
depends on its datatype (HL7 v2.9.1 chapter 2A). Numbers of orders, transactions and devices, and names and
numbers of staff, count from six characters on: shorter ones are like any code. So do numbers of insurers and
employers, which they share with all whom they insure or employ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, cached_property
from typing import Literal, NamedTuple

from engine.errors import Unacceptable
from engine.hl7.document import Document, Fields
from engine.privacy.policy import Policy
from engine.privacy.rules import Rule
from engine.privacy.sieve import Sieve
from engine.privacy.table import Row, v2_table

__all__ = ["Harvester", "Kind", "Seen"]

Kind = Literal["name", "number", "date", "contact", "address", "text"]


class Seen(NamedTuple):
    """An identifying value as it stands in a message, and the row of the policy that says so. A `short` one
    counts from three characters on, any other from six."""

    kind: Kind
    text: str
    row: str
    short: bool = True

    def __repr__(self) -> str:
        return f"Seen({self.kind!r}, {self.row!r})"


class _Part(NamedTuple):
    """Components that are read as one value, and what they are."""

    kind: Kind
    components: tuple[int, ...]
    short: bool = True


class _Place(NamedTuple):
    """A field to be looked into."""

    field: int
    row: str
    parts: tuple[_Part, ...]


_PARTS: dict[str, tuple[_Part, ...]] = {
    **dict.fromkeys(("XPN", "PN"), (_Part("name", (1, 2, 3)),)),
    **dict.fromkeys(("XCN", "CN", "PPN"), (_Part("number", (1,)), _Part("name", (2, 3, 4)))),
    **dict.fromkeys(("CX", "CK", "PLN", "EI", "DLN", "CM_PAT_ID"), (_Part("number", (1,)),)),
    "EIP": (_Part("number", (1,)), _Part("number", (2,))),
    **dict.fromkeys(
        ("XAD", "AD", "SAD"), tuple(_Part("address", (number,)) for number in (1, 2, 3, 5, 8, 9, 10))
    ),
    "XTN": tuple(_Part("contact", numbers) for numbers in ((1,), (4,), (5, 6, 7), (12,))),
    "TN": (_Part("contact", (1,)),),
    **dict.fromkeys(("DT", "TS", "DTM"), (_Part("date", (1,)),)),
    "XON": (_Part("text", (1,)), _Part("number", (10,))),
}  # fmt: skip
"""What identifies in a field, by its datatype."""

_PLAIN: dict[str, Kind] = {
    "name": "name", "id": "number", "ssn": "number", "licence": "number", "order-id": "number",
    "txn-id": "number", "appt-id": "number", "device-id": "number", "contact": "contact",
    "geo": "address", "text": "text", "value": "text",
}  # fmt: skip
"""What a primitive field holds, by its class."""

_PRIMITIVE = frozenset({"ST", "TX", "FT", "NM", "ID", "IS", "SI", "WD", "varies", ""})
_NUMBERS_OF_PERSONS = frozenset({"id", "ssn", "licence", "relative"})
_OF_ORGANISATIONS = frozenset(
    "FT1-38 FT1-39 GT1-29 IN1-3 IN1-8 IN1-54 IN2-25 IVC-20 ORG-5 PM1-2 PSL-25".split()  # noqa: SIM905
)
"""Numbers that are classed as a person's and are those of many."""
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQR")
_CLOSED = frozenset({"token", "drop", "scan", "deny", "year", "zip3", "udi-di"})
_DAYS = ("BIRTH", "DEATH")
"""Other days of a person are those of the work itself: they leave as operational dates."""


class Harvester:
    """Looks for what identifies, as the policy of a channel says. Safe to share between threads."""

    def __init__(self, policy: Policy) -> None:
        self._plan, self._days = dict(_plan_of_the_table()), _days_of_work()
        for segment in {segment for segment, *_ in policy.changed}:
            self._plan[segment] = _places(policy, segment)

    @cached_property
    def sieve(self) -> Sieve:
        """What tells of a few short texts that they hold none of its values, without reading a message. Free
        text is left out: no short text holds it."""
        fields = {
            segment: [place.field for place in places if any(part.kind != "text" for part in place.parts)]
            for segment, places in self._plan.items()
        }
        return Sieve({segment: numbers for segment, numbers in fields.items() if numbers})

    def of(self, document: Document) -> list[Seen]:
        """All identifying values of a message, as they stand there, unescaped. What cannot be read because
        it exceeds a limit of reading is left out: nothing can have read it. Neither is a day that the work
        itself names (of a newborn, the day of admission is that of birth)."""
        found: list[Seen] = []
        for fields in _segments(document):
            for place in self._plan.get(fields[0], ()):
                if place.field < len(fields) and fields[place.field]:
                    found += _read(document, fields, place)
        days = {one.text[:8] for one in found if one.kind == "date"}
        if days:
            days -= self._worked_on(document, days)
            found = [one for one in found if one.kind != "date" or one.text[:8] in days]
        return found

    def _worked_on(self, document: Document, days: set[str]) -> set[str]:
        """Those of these days that stand in the message as operational dates, of its own year or the one
        before: older ones are no days of work."""
        sent = document.header.sent_at[:4]
        if sent.isdecimal():
            days = {day for day in days if day[:4].isdecimal() and int(sent) - int(day[:4]) <= 1}
        return {
            day
            for fields in _segments(document)
            for field in self._days.get(fields[0], ())
            if field < len(fields) and (day := fields[field][:8]) in days
        }


def _segments(document: Document) -> Iterator[Fields]:
    for position in range(len(document)):
        try:
            yield document.fields(position)
        except Unacceptable:
            continue


def _read(document: Document, fields: Fields, place: _Place) -> list[Seen]:
    try:
        return list(_values(document, fields, place))
    except Unacceptable:
        return []


def _values(document: Document, fields: Fields, place: _Place) -> Iterator[Seen]:
    marks = document.delimiters
    text = fields[place.field]
    if text.isalnum():  # no delimiter is a letter or a digit
        first = place.parts[0]
        if first.components[0] == 1:
            yield Seen(first.kind, text, place.row, first.short)
        return
    for repetition in text.split(marks.repetition):
        parts = repetition.split(marks.component)
        for kind, components, short in place.parts:
            leaves = [
                leaf
                for number in components
                if number <= len(parts) and (raw := parts[number - 1])
                for leaf in _leaves(document, raw, kind)
            ]
            whole = kind in ("name", "contact") and len(leaves) > 1
            for leaf in [" ".join(leaves)] if whole else leaves:
                yield Seen(kind, leaf, place.row, short)


def _leaves(document: Document, raw: str, kind: Kind) -> list[str]:
    """The sub-components of a component, unescaped; of a number the first: the rest is its authority."""
    if raw.isalnum():
        return [raw]
    marks = document.delimiters
    split = raw.split(marks.subcomponent) if marks.subcomponent else [raw]
    if kind == "number":
        split = split[:1]
    return [found for leaf in split if isinstance(found := document.part(leaf), str)]


@cache
def _rows() -> dict[str, list[tuple[int, Row]]]:
    """The rows of fields by segment."""
    rows: dict[str, list[tuple[int, Row]]] = {}
    for (segment, field), row in v2_table().fields.items():
        rows.setdefault(segment, []).append((field, row))
    return rows


@cache
def _plan_of_the_table() -> dict[str, tuple[_Place, ...]]:
    """By segment, the fields to look into where a channel changes nothing."""
    policy = Policy()
    return {segment: _places(policy, segment) for segment in _rows()}


@cache
def _days_of_work() -> dict[str, tuple[int, ...]]:
    """By segment, the fields that hold operational dates."""
    days = {
        segment: tuple(field for field, row in rows if row.treatment == "opdate")
        for segment, rows in _rows().items()
    }
    return {segment: fields for segment, fields in days.items() if fields}


def _places(policy: Policy, segment: str) -> tuple[_Place, ...]:
    """The fields of a segment to look into."""
    places = []
    for field, row in _rows().get(segment, ()):
        parts = _parts(row, policy.treatment(segment, field))
        if parts:
            components = [policy.treatment(segment, field, number) for number in range(1, 13)]
            held_back = tuple(part for part in parts if _held_back(part, components))
            if held_back:
                places.append(_Place(field, row.path, held_back))
    return tuple(places)


def _parts(row: Row, rule: Rule) -> tuple[_Part, ...]:
    """What identifies in a field: parts of its datatype, the newest that is known, or all of a primitive."""
    if not (_LETTERS.issuperset(re.split("[/,-]", rule.letter)) or rule.phi_class.startswith("staff")):
        return ()
    types = [type_ for type_ in reversed(row.datatypes) if type_ in _PARTS]
    if types:
        known = _PARTS[types[0]]
    else:
        plain = _PLAIN.get(row.phi_class) if _PRIMITIVE.issuperset(row.datatypes) else None
        known = (_Part(plain, (1,)),) if plain else ()
    person = rule.phi_class in _NUMBERS_OF_PERSONS and row.path not in _OF_ORGANISATIONS
    staff = rule.phi_class.startswith("staff")
    return tuple(
        part._replace(short=person or not (staff or part.kind == "number"))
        for part in known
        if part.kind != "date" or any(word in row.name for word in _DAYS)
    )


def _held_back(part: _Part, components: list[Rule]) -> bool:
    """Whether the policy keeps any of it back."""
    return any(components[number - 1].treatment in _CLOSED for number in part.components)
