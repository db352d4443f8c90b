"""Writing HL7 v2: values become fields, fields become bytes (HL7 v2.9.1 chapter 2, sections 2.4 to 2.6).

    compose([["MSH", None, None, "WARDLINE", ...], ["PID", "1", None, [("77", None, None, "HOSP", "MR")]]])

makes a new message. To change one that was read, take its segments, put other values at single places,
and give them back to the document:

    segments = list(document.segments())
    segments[1] = changed(segments[1], document.delimiters, None, 5)  # PID-5 blanked, all of it
    raw = document.encode(segments)

Text is escaped on its way in, once, so what is read back is what was given, delimiters, line ends and lone
escape characters included. A text that is `""` is written so that it does not say "delete".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.charset import codec_of
from engine.hl7.delimiters import USUAL, Delimiters
from engine.hl7.escape import escape
from engine.hl7.reading import HEADERS, Delete, Fields, Value

__all__ = ["FieldValue", "Repetition", "changed", "compose", "encode", "to_bytes", "field_text"]

Component = Value | tuple[Value, ...]
Repetition = Value | tuple[Component, ...]
FieldValue = Repetition | list[Repetition]
"""A field's content: text, `DELETE`, `None` for empty; a tuple of components, a component again a tuple of
sub-components; a list of repetitions of these."""

SEVEN_BIT = "ascii"


def field_text(value: FieldValue, delimiters: Delimiters) -> str:
    """A field as it stands in a segment, escaped; parts that are empty at its end are left out.

    Raises `Misconfigured` for parts that the message has no delimiter for."""
    if isinstance(value, list):
        return delimiters.repetition.join([field_text(one, delimiters) for one in value])
    return _text(value, (delimiters.component, delimiters.subcomponent), delimiters)


def changed(
    fields: Fields,
    delimiters: Delimiters,
    value: FieldValue,
    field: int,
    *,
    repetition: int = 0,
    component: int = 0,
    subcomponent: int = 0,
) -> Fields:
    """A copy of a segment with `value` at one place: the whole field, or the repetition, component or
    sub-component that is named (from 1; what stands above a named one and is not named is the first).

    Everything beside that place stays as it came, still escaped. Raises `Misconfigured` for MSH-1 and
    MSH-2, and for parts that the message has no delimiter for."""
    if field <= 2 and fields[0] in HEADERS:
        raise Misconfigured("the delimiters of a message cannot be changed")
    wanted = (
        (delimiters.repetition, repetition),
        (delimiters.component, component),
        (delimiters.subcomponent, subcomponent),
    )
    depth = max((level for level, (_, number) in enumerate(wanted, 1) if number), default=0)
    place = [(mark, number or 1) for mark, number in wanted[:depth]]
    inner = (delimiters.component, delimiters.subcomponent)[max(depth - 1, 0) :]
    if isinstance(value, list):
        if depth:
            raise Misconfigured("repetitions within a repetition")
        text = field_text(value, delimiters)
    else:
        text = _text(value, inner, delimiters)
    found = fields + [""] * (field + 1 - len(fields))
    found[field] = _put(found[field], place, text)
    return found


def encode(segments: Iterable[Fields], separator: str, codec: str) -> bytes:
    """Segments of raw fields as bytes, each ended by CR.

    Raises `Unacceptable` (`charset`, 102) for a character that the character set lacks."""
    text = "".join([separator.join(_bare(fields)) + "\r" for fields in segments])
    return to_bytes(text, codec)


def to_bytes(text: str, codec: str) -> bytes:
    """`text` in Python's `codec`. Raises as `encode` does, also where the codec would write a character
    that reads back as another (Shift JIS has the yen sign for the backslash)."""
    try:
        raw = text.encode(codec)
        if text.isascii() or raw.decode(codec) == text:
            return raw
    except UnicodeError:
        pass
    raise Unacceptable("charset", "MSH-18", "a character that the character set lacks", hl7=102)


def compose(segments: Iterable[Sequence[FieldValue]], delimiters: Delimiters = USUAL) -> bytes:
    """A new message: each segment its id and then its fields, index n is field n. Fields 1 and 2 of MSH
    (FHS, BHS) are `delimiters`, whatever is given there; MSH-18 names the character set, 7-bit ASCII when
    it is empty.

    Raises `Unacceptable` (`charset`) for a character that the character set lacks, `Misconfigured` for
    parts that `delimiters` cannot separate."""
    codec, lines = SEVEN_BIT, []
    for segment in segments:
        fields = [field_text(value, delimiters) for value in segment]
        if fields[0] in HEADERS:
            fields[1:3] = [delimiters.field, delimiters.encoding.decode("ascii")]
        if fields[0] == "MSH" and len(fields) > 18:
            codec = codec_of(fields[18].split(delimiters.repetition)[0]) or SEVEN_BIT
        while not fields[-1]:
            fields.pop()
        lines.append(fields)
    return encode(lines, delimiters.field, codec)


def _text(value: Repetition, marks: Sequence[str], delimiters: Delimiters) -> str:
    if value is None:
        return ""
    if isinstance(value, Delete):
        return '""'
    if isinstance(value, str):
        return escape(value, delimiters)
    if not marks or not marks[0]:
        raise Misconfigured("the message has no delimiter for parts this deep")
    return marks[0].join([_text(part, marks[1:], delimiters) for part in value]).rstrip(marks[0])


def _put(text: str, place: list[tuple[str, int]], new: str) -> str:
    """`text` with `new` at `place`: delimiter and number, level by level."""
    if not place:
        return new
    (mark, number), *rest = place
    if not mark:
        if number > 1:
            raise Misconfigured("the message has no delimiter for parts this deep")
        return _put(text, rest, new)
    parts = text.split(mark)
    parts += [""] * (number - len(parts))
    parts[number - 1] = _put(parts[number - 1], rest, new)
    return mark.join(parts)


def _bare(fields: Fields) -> Fields:
    """Without the separator that stands for field 1 of a header."""
    return [fields[0], *fields[2:]] if fields[0] in HEADERS else fields
