"""A message made fit to be passed on: field by field from the allow-list, tokens in place of identifiers.

    redaction = Redaction(readers, ("MSH", "EVN", "PID", "PV1"))
    redacted = redaction.message(document, book)

Nothing is taken out of a copy: the new message is built of what the policy lets pass (spec: PHI, section 1).
`keep` passes, `token` is replaced by the token of its repetition (a repetition whose number never becomes a
token is left out whole), `year` passes as a year, operational dates as a day, not at all, or shifted by days
of the person's own (beside a year the shift would be known, so then years stay behind too); the rest stays
behind. Of MSH only what a receiver needs is there: type, processing id, version, the day, and a control id
of ours.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.hl7.reading import Fields, Value
from engine.hl7.writing import FieldValue, Repetition, compose
from engine.privacy.book import TokenBook
from engine.privacy.readers import Reader, Readers
from engine.privacy.rules import PARTIAL
from engine.privacy.tokens import DOMAINS

__all__ = ["Dates", "Redacted", "Redaction", "Sender"]

Dates = Literal["day", "drop", "shift"]
_PERSON = "PID-3"
_UTF_8 = "UNICODE UTF-8"
_READ = PARTIAL | {"token"}
"""Treatments of which a reader gives what passes."""
_WORD = re.compile(r"[A-Z][A-Z0-9]{2}(_[A-Z][A-Z0-9]{2})?")
_CONTROL_ID = 20
"""Characters of MSH-10 that every version takes."""


class Sender(msgspec.Struct, frozen=True):
    """MSH-3 to MSH-6 of what goes out; empty ones stay as they came."""

    application: str = ""
    facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


class Redacted(msgspec.Struct, frozen=True):
    """A message that may leave: its text (segments ended by CR), its MSH-10 and its MSH-9."""

    message: str
    control_id: str
    type: str


class _Whole(NamedTuple):
    """A message while it is rebuilt; `day` gives what leaves of a date."""

    document: Document
    book: TokenBook
    day: Callable[[str], str | None]


class Redaction:
    """Rebuilds messages of the given segments, in their order. May be shared between threads."""

    def __init__(
        self, readers: Readers, segments: Sequence[str], *, dates: Dates = "day", sender: Sender | None = None
    ) -> None:
        self._readers, self._policy = readers, readers.policy
        self._segments, self._dates = frozenset(segments) | {"MSH"}, dates
        self._read = _READ - {"year"} if dates == "shift" else _READ
        self._sender = sender or Sender()
        self._reader = lru_cache(maxsize=4096)(self._compiled)

    def message(self, document: object, book: TokenBook) -> Redacted:
        """The new message, the same for the same message, so that a receiver knows a repetition.

        Raises `Unacceptable` above the limits of reading."""
        if not isinstance(document, Document):
            raise TypeError("a message is passed on as a whole")
        whole = _Whole(document, book, self._days(document, book))
        seen: dict[str, int] = {}
        body: list[list[FieldValue]] = []
        for fields in document.segments():
            name = fields[0]
            seen[name] = seen.get(name, 0) + 1
            if name in self._segments and name != "MSH":
                built = self._segment(whole, fields, seen[name])
                if any(built[1:]) or not name.startswith("Z"):
                    body.append(built)
        control_id = _control_id(document, book)
        header = self._header(whole, control_id)
        try:
            raw = compose([header, *body])
        except Unacceptable:  # more than 7-bit text: say which character set it is
            raw = compose([[*header, None, None, None, None, None, _UTF_8], *body])
        kind = "^".join(word for word in _kind(document)[:2] if word)
        return Redacted(raw.decode(), control_id, kind)

    def _days(self, document: Document, book: TokenBook) -> Callable[[str], str | None]:
        """What leaves of the dates of a message. Shifted are those about one person alone: by that person's
        days, all by the same, so that the time between two of them stays what it was."""
        if self._dates == "day":
            return lambda text: text[:8] if text[:8].isdecimal() else None
        if self._dates == "drop" or len(document.positions("PID")) != 1:
            return lambda _: None
        person = self._reader(_PERSON).read(document, book)
        if not isinstance(person, str):
            return lambda _: None
        by = timedelta(days=book.shift(person))
        return lambda text: _shifted(text, by)

    def _segment(self, whole: _Whole, fields: Fields, number: int) -> list[FieldValue]:
        built: list[FieldValue] = [fields[0]]
        for field in range(1, len(fields)):
            texts = whole.document.repetitions(fields, field)
            place = f"{fields[0]}[{number}]-{field}"
            kept = [
                self._repetition(whole, text, f"{place}[{at}]", fields[0], field)
                for at, text in enumerate(texts, 1)
            ]
            built.append([one for one in kept if one is not None] or None)
        return built

    def _repetition(self, whole: _Whole, text: str, place: str, segment: str, field: int) -> Repetition:
        """One repetition, or None when nothing of it passes or it holds a number that must not."""
        document, book, day = whole
        components: list[tuple[Value, ...]] = []
        for component, part in enumerate(document.components(text), 1):
            leaves: list[Value] = []
            for subcomponent in range(1, len(document.subcomponents(part)) + 1):
                rule = self._policy.treatment(segment, field, component, subcomponent)
                value = document.part(text, component, subcomponent)
                if rule.treatment in self._read and isinstance(value, str):
                    value = self._reader(f"{place}.{component}.{subcomponent}").read(document, book)
                    if value is None and rule.treatment == "token":
                        return None
                else:
                    value = _passed(rule.treatment, value, day)
                leaves.append(value)
            components.append(tuple(leaves))
        return tuple(components) if any(any(leaves) for leaves in components) else None

    def _compiled(self, path: str) -> Reader:
        return self._readers.reader(path, "value")

    def _header(self, whole: _Whole, control_id: str) -> list[FieldValue]:
        document, sender = whole.document, self._sender
        header = document.header
        fields = document.first("MSH") or []
        own = (sender.application, sender.facility, sender.receiving_application, sender.receiving_facility)
        names: list[FieldValue] = [
            word or self._repetition(whole, text, f"MSH-{field}", "MSH", field)
            for field, word in enumerate(own, 3)
            for text in (document.repetitions(fields, field) or [""])[:1]
        ]
        day = whole.day(header.sent_at) if self._dates == "day" else None  # unshifted it would tell the shift
        kind, last = _kind(document), (header.processing_id, header.version)
        return ["MSH", None, None, *names, day, None, kind, control_id, *last]


def _passed(treatment: str, value: Value, day: Callable[[str], str | None]) -> Value:
    if treatment == "keep" or not isinstance(value, str):
        return value if treatment in ("keep", "token") else None
    return day(value) if treatment == "opdate" else None


def _shifted(text: str, by: timedelta) -> str | None:
    """A day so many days later; None for what does not say a day, or one at the end of the calendar."""
    try:
        return f"{date.fromisoformat(text[:8]) + by:%Y%m%d}"
    except (ValueError, OverflowError):
        return None


def _kind(document: Document) -> tuple[str | None, ...]:
    """MSH-9: only what has the form of the standard's words, for anything may stand there."""
    header = document.header
    words = (header.type, header.event, header.structure)
    return tuple(word if _WORD.fullmatch(word) else None for word in words)


def _control_id(document: Document, book: TokenBook) -> str:
    """Made of the token of the message's own control id (or of all of it, when it has none): nobody finds
    the way back but the vault."""
    header = document.header
    if header.has_control_id:
        place = header.sending_application + b"/" + header.sending_facility
        own = header.control_id
    else:
        place, own = b"", hashlib.sha256(document.encode()).hexdigest().encode()
    token = book.token(DOMAINS["msg"], place.decode("latin-1"), "", own.decode("latin-1"))
    return base64.b32encode(hashlib.sha256(token.encode()).digest()).decode()[:_CONTROL_ID]
