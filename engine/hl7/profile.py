"""What one sender really uses, learned from samples, and what in another message departs from it.

A profile is a plain file that an analyst reads and edits: per message type the segments, and per field how
often it was there, how long it was, how often it repeated, and its codes where they are few and tell nothing
about a person. `required: yes` and `codes` are what a message must keep to; the rest is worth a look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import msgspec

from engine.hl7.document import Document
from engine.hl7.reading import HEADERS, Fields
from engine.hl7.validation import MOST, Finding

__all__ = ["FieldUse", "Learner", "MayTell", "Profile", "SegmentUse", "TypeUse", "departures", "of_document"]

CODES = 40
"""A field with more different values than this has no list of codes."""

CODE_LENGTH = 20
SURE = 20
"""Messages after which what was always there counts as required."""

Identifies = Callable[[str], bool]
"""Whether a text holds something that identifies a person of the message."""

MayTell = Callable[[str, int], bool]
"""Whether the first component of a segment's field is a code that a profile may list (`PID`, 8)."""


class FieldUse(msgspec.Struct, omit_defaults=True):
    """A field: in how many segments it was populated, its longest value (characters, a repetition), how
    often it repeated at most, its codes (empty: any value will do)."""

    seen: int = 0
    length: int = 0
    repeats: int = 1
    required: bool = False
    codes: list[str] = []


class SegmentUse(msgspec.Struct, omit_defaults=True):
    """A segment: in how many messages it was, how often in one at most, how many there were in all, and its
    fields by number."""

    messages: int = 0
    most: int = 1
    seen: int = 0
    required: bool = False
    fields: dict[int, FieldUse] = {}


class TypeUse(msgspec.Struct, omit_defaults=True):
    """A message type."""

    messages: int = 0
    segments: dict[str, SegmentUse] = {}


class Profile(msgspec.Struct, omit_defaults=True):
    """A sender: its message types (`ADT^A01`), versions, character sets and delimiters."""

    messages: int = 0
    versions: list[str] = []
    charsets: list[str] = []
    delimiters: list[str] = []
    types: dict[str, TypeUse] = {}


class Learner:
    """Takes messages one by one; `profile()` is what they have in common. `may_tell` says which fields'
    codes may be listed, and `identities` what of a message no code may hold, wherever it stands: whatever
    could identify a person must not get into a file."""

    def __init__(self, may_tell: MayTell, identities: Callable[[Document], Identifies]) -> None:
        self._profile = Profile()
        self._may_tell, self._identities = may_tell, identities
        self._codes: dict[tuple[str, str, int], set[str] | None] = {}

    def add(self, document: Document) -> None:
        """Learn from one message. Raises `Unacceptable` above the limits of reading; then nothing was learned
        of what stands behind that place."""
        profile, header = self._profile, document.header
        identifies = self._identities(document)
        profile.messages += 1
        for known, value in (
            (profile.versions, header.version),
            (profile.charsets, header.charsets[0] if header.charsets else ""),
            (profile.delimiters, document.delimiters.field + _encoding(document)),
        ):
            if value not in known:
                known.append(value)
        kind = _kind(document)
        use = profile.types.setdefault(kind, TypeUse())
        use.messages += 1
        for name in dict.fromkeys(fields[0] for fields in document.segments()):
            self._segment(kind, use.segments.setdefault(name, SegmentUse(most=0)), name, document, identifies)

    def profile(self) -> Profile:
        """What was learned so far."""
        for use in self._profile.types.values():
            for segment in use.segments.values():
                segment.required = segment.messages == use.messages >= SURE
                for field in segment.fields.values():
                    field.required = field.seen == segment.seen >= SURE
        for (kind, name, number), codes in self._codes.items():
            self._profile.types[kind].segments[name].fields[number].codes = sorted(codes or ())
        return self._profile

    def _segment(
        self, kind: str, use: SegmentUse, name: str, document: Document, identifies: Identifies
    ) -> None:
        all_of_it = document.all(name)
        use.messages += 1
        use.most = max(use.most, len(all_of_it))
        use.seen += len(all_of_it)
        for fields in all_of_it:
            for number in _numbers(fields):
                texts = document.repetitions(fields, number)
                if texts:
                    field = use.fields.setdefault(number, FieldUse())
                    field.seen += 1
                    field.length = max(field.length, *map(len, texts))
                    field.repeats = max(field.repeats, len(texts))
                    if self._may_tell(name, number):
                        codes = [one for text in texts if isinstance(one := document.part(text), str)]
                        self._note((kind, name, number), [code for code in codes if not identifies(code)])

    def _note(self, place: tuple[str, str, int], codes: Sequence[str]) -> None:
        """The codes of a field, until there are too many or too long ones: then it holds no codes."""
        known = self._codes.setdefault(place, set())
        if known is not None:
            known.update(codes)
            if len(known) > CODES or any(len(code) > CODE_LENGTH for code in known):
                self._codes[place] = None


def departures(raw: bytes, profile: Profile, default_charset: str = "") -> list[Finding]:
    """How a message departs from the profile of its sender, worst first. Raises `Unacceptable`."""
    document = Document.parse(raw, default_charset=default_charset)
    if document.pointers is not None:
        return []
    found = dict.fromkeys(of_document(document, profile))
    return sorted(found, key=lambda one: one.severity)[:MOST]


def of_document(document: Document, profile: Profile) -> Iterator[Finding]:
    """The same for a message that was read already, in no order and without an end."""
    use = profile.types.get(_kind(document))
    if use is None:
        yield Finding("W", "MSH-9", 200, "a message type that the profile does not have")
        return
    present = {fields[0] for fields in document.segments()}
    for name in sorted(present - use.segments.keys()):
        yield Finding("W", name, 100, "a segment that the profile does not have")
    for name, segment in use.segments.items():
        if name in present:
            yield from _of_segment(document, name, segment)
        elif segment.required:
            yield Finding("E", name, 100, "required, and not in the message")


def _of_segment(document: Document, name: str, use: SegmentUse) -> Iterator[Finding]:
    all_of_it = document.all(name)
    if len(all_of_it) > use.most:
        yield Finding("W", name, 198, "more often than in the profile")
    for at, fields in enumerate(all_of_it, 1):
        segment = f"{name}[{at}]" if at > 1 else name
        for number in _numbers(fields):
            if fields[number] and number not in use.fields:
                yield Finding("W", f"{segment}-{number}", 199, "a field that the profile does not have")
        for number, field in use.fields.items():
            yield from _of_field(document, f"{segment}-{number}", document.repetitions(fields, number), field)


def _of_field(document: Document, place: str, texts: list[str], use: FieldUse) -> Iterator[Finding]:
    if not texts:
        if use.required:
            yield Finding("E", place, 101, "required, and nothing here")
        return
    if len(texts) > use.repeats:
        yield Finding("W", place, 198, "repeats more often than in the profile")
    if max(map(len, texts)) > use.length:
        yield Finding("W", place, 104, "longer than in the profile")
    if use.codes and any(document.part(text) not in (*use.codes, None) for text in texts):
        yield Finding("E", place, 103, "a code that the profile does not have")


def _encoding(document: Document) -> str:
    return document.delimiters.encoding.decode("ascii", "replace")


def _numbers(fields: Fields) -> range:
    """The fields of a segment, without the delimiters of a header."""
    return range(3 if fields[0] in HEADERS else 1, len(fields))


def _kind(document: Document) -> str:
    header = document.header
    return f"{header.type}^{header.event}".rstrip("^")
