"""Sample messages with made-up people in place of those they are about, fit for a file in git.

The allow-list of the privacy step says which places: what becomes a token gets a made-up number (the same one
for the same number in all samples), names and birth dates get made-up ones, all other places that do not pass
are emptied, operational dates move by whole weeks, and what identifies somebody in a place that passes is
emptied too. Deterministic: made-up numbers are counted, never worked out of the real ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from engine.hl7.document import Document
from engine.hl7.names import field as named
from engine.hl7.reading import HEADERS, Fields
from engine.hl7.versions import exchanged
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy
from engine.privacy.rules import Rule
from engine.privacy.tokens import DOMAINS

__all__ = ["MADE_UP", "Synthesizer"]

MADE_UP = ("TESTMANN", "TESSA", "TESTDOC", "DORA", "19700131")
"""The names and the day of birth that stand in made-up messages."""

MONDAY = date(2026, 11, 2)
"""The week that the first of the samples is moved to."""

NO_DAY = "0000"

_NUMBERS: dict[str, Callable[[int], str]] = {
    "person": lambda n: str(50000 + n),
    "visit": lambda n: f"V-{7000 + n}",
    "account": lambda n: f"A-{9000 + n}",
    "txn": lambda n: f"T-{1000 + n}",
    "appt": lambda n: f"C-{300 + n}",
    "order": lambda n: f"O-{400 + n}",
}


def _other(n: int) -> str:
    return f"X-{1000 + n}"


_WORDS = {letter: word for word, letter in DOMAINS.items()}
_PASSES = frozenset({"keep", "engine", "opdate"})
_NAMES = {("PID", 5, 1): "TESTMANN", ("PID", 5, 2): "TESSA", ("PID", 7, 1): "19700131"}
_TIMES = frozenset({"DT", "TS", "DTM"})
_CONTROL = 10


class Synthesizer:
    """Of the samples of one channel: `documents` are all of them."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._policy = Policy()
        self._harvester = Harvester(self._policy)
        self._made: dict[tuple[str, str], str] = {}
        self._count: dict[str, int] = {}
        self._controls = 0
        listed = list(documents)
        self._real = {seen.text for document in listed for seen in self._harvester.of(document)}
        days = sorted(day for document in listed if (day := _day(document.header.sent_at)))
        self._shift = MONDAY - days[0] + timedelta(days=days[0].weekday()) if days else timedelta()

    @property
    def made(self) -> list[str]:
        """The numbers that were made up so far."""
        return list(self._made.values())

    def of(self, document: Document, segments: Iterable[str] | None = None) -> str:
        """The message with a made-up identity, its segments ended by LF; of these `segments` alone if they
        are given. Raises `Unacceptable` above the limits of reading."""
        wanted = None if segments is None else frozenset(segments)
        moved = exchanged(document.header)
        identities = Identities(self._harvester.of(document))
        self._controls += 1
        lines = []
        for fields in document.segments():
            if (wanted is None or fields[0] in wanted) and not fields[0].startswith("Z"):
                made = self._segment(document, fields, moved.get(fields[0]), identities)
                if any(made[_after_its_number(document, fields) :]) or not any(fields[2:]):
                    lines.append(document.delimiters.field.join(made).rstrip(document.delimiters.field))
        return "\n".join(lines) + "\n"

    def _segment(
        self, document: Document, fields: Fields, moved: tuple[int, int] | None, identities: Identities
    ) -> list[str]:
        made = [fields[0]]
        for number in range(1, len(fields)):
            today = number
            if moved and number in moved:  # of 2.1, as today's standard numbers it
                today = moved[0] + moved[1] - number
            made.append(self._field(document, fields, number, today, identities))
        if fields[0] in HEADERS:
            del made[1]
        return made

    def _field(
        self, document: Document, fields: Fields, number: int, today: int, identities: Identities
    ) -> str:
        segment, text = fields[0], fields[number]
        if not text or text == '""' or (segment in HEADERS and number <= 2):
            return text
        if segment == "MSH" and number == _CONTROL:
            return f"SAMPLE-{self._controls}"
        marks = document.delimiters
        repetitions = []
        staff = self._policy.treatment(segment, today).domain == DOMAINS["staff"]
        for repetition in document.repetitions(fields, number):
            components = [
                self._component(document, segment, today, at, part, identities)
                for at, part in enumerate(document.components(repetition)[: 2 if staff else None], 1)
            ]
            repetitions.append(marks.component.join(components).rstrip(marks.component))
        return marks.repetition.join(repetitions).rstrip(marks.repetition)

    def _component(
        self, document: Document, segment: str, field: int, component: int, raw: str, identities: Identities
    ) -> str:
        marks = document.delimiters
        parts = []
        for at, part in enumerate(document.subcomponents(raw), 1):
            rule = self._policy.treatment(segment, field, component, at)
            value = document.part(part)
            if not isinstance(value, str):
                parts.append(part)
                continue
            version = document.header.version
            made = self._leaf(rule, (segment, field, component if at == 1 else 0), value, part, version)
            own = rule.treatment == "token" or (segment, field, component) in _NAMES
            parts.append("" if not own and made and identities.row_in(made) else made)
        return (
            marks.subcomponent.join(parts).rstrip(marks.subcomponent)
            if marks.subcomponent
            else "".join(parts)
        )

    def _leaf(self, rule: Rule, place: tuple[str, int, int], value: str, raw: str, version: str) -> str:
        """What stands in place of one leaf."""
        if rule.treatment == "token":
            return self._number(rule.domain, value)
        if place in _NAMES:
            return _NAMES[place]
        if rule.treatment not in _PASSES:
            return "TESTDOC" if rule.phi_class == "staff-name" and place[2] == 2 else ""
        datatype = named(version, place[0], place[1]).datatype
        if rule.treatment == "opdate" or datatype in _TIMES:
            return self._moved(value)
        return raw if raw.isascii() and raw.isprintable() else ""

    def _number(self, domain: str, value: str) -> str:
        key = domain, value.strip()
        if key not in self._made:
            word = _WORDS.get(domain, "")
            numbers = _NUMBERS.get(word, _other)
            while True:
                self._count[word] = self._count.get(word, 0) + 1
                made = numbers(self._count[word])
                if made not in self._real:
                    break
            self._made[key] = made
        return self._made[key]

    def _moved(self, value: str) -> str:
        """A time by whole weeks later or earlier; what is no day stays none."""
        day = _day(value)
        if day is None:
            imprecise = len(value) in (4, 6) and value.isdecimal() and value.strip("0")
            return f"{MONDAY:%Y%m}"[: len(value)] if imprecise else NO_DAY
        try:
            return f"{day + self._shift:%Y%m%d}{value[8:]}"
        except (OverflowError, ValueError):
            return NO_DAY


def _after_its_number(document: Document, fields: Fields) -> int:
    """The first field of a segment that says something: not the one that counts the segments."""
    return 2 if named(document.header.version, fields[0], 1).datatype == "SI" else 1


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
