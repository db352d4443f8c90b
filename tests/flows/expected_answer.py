"""The answer that a message deserves by spec: ack, sections 2 to 5, computed from its bytes alone.

A second reading of the same rules, on purpose without a line of the engine's.
"""

from __future__ import annotations

import re
from typing import NamedTuple

PHRASES = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
}
PLACES = {100: "2", 101: "10", 102: "18", 103: "18", 200: "9^1^1", 201: "9^1^2", 202: "11", 203: "12"}
CODECS = {"": "", "ASCII": "ascii", "UNICODE": "utf-8", "UNICODE UTF-8": "utf-8", "UTF-8": "utf-8"}
CODECS |= {"8859/1": "latin-1", "ISO8859-15": "iso8859-15"}


class Source(NamedTuple):
    """What a channel takes: `ADT^A01` or `ADT`…, versions (none: 2.1 to 2.9), processing ids."""

    message_types: list[str]
    versions: list[str]
    processing_ids: tuple[str, ...] = ("P",)


class Expected(NamedTuple):
    """MSA-1 (None: nothing may be said), the code of table 0357 (0: accepted), and the whole answer as
    a pattern."""

    code: str | None
    hl7: int
    pattern: bytes = b""


def expected(raw: bytes, source: Source) -> Expected:
    """The answer to these bytes on a channel that answers after storage."""
    fields = _header(raw)
    if fields is None:
        found = _answer(["|", r"^~\&", "", "", "", "", "", "", "", "", "P", "2.5.1"], "AR", 100)
        whole = rb"MSH\^1(?:\^2)?"  # the delimiters, or the segment when it is not there or cut short
        return found._replace(pattern=found.pattern.replace(rb"MSH\^1\^2", whole))
    if _acknowledges(fields, raw):  # row 20
        return _answer(fields, "CA", 0, 200) if _get(fields, 15) in ("AL", "SU") else Expected(None, 200)
    hl7 = _refusal(fields, raw, source)
    code = _code(fields, hl7)
    return _answer(fields, code, hl7) if code else Expected(None, hl7)


def applied(raw: bytes, outcome: str) -> str | None:
    """MSA-1 of the application answer to an accepted message in enhanced mode, by what became of it (`A`,
    `E`): None where none is due, and in original mode, which has one answer only."""
    fields = _header(raw)
    if fields is None:
        return None
    accept, application = (_condition(_get(fields, number)) for number in (15, 16))
    enhanced = bool(accept or application)
    return f"A{outcome}" if enhanced and _due(application or "NE", outcome) else None


def _header(raw: bytes) -> list[str] | None:
    """MSH-1, MSH-2 and so on, or None for row 10: no MSH, too short, delimiters of no use."""
    text = raw.lstrip(b"\xef\xbb\xbf\r\n \t").decode("latin-1")
    line = re.split(r"[\r\n]", text, maxsplit=1)[0]
    if not line.startswith("MSH") or len(line) < len(r"MSH|^~\&|"):
        return None
    fields = [line[3], *line.split(line[3])[1:]]
    marks = line[3] + fields[1]
    single = marks.replace("\\\\", "\\") if len(marks) == 6 else marks  # a doubled one is no refusal
    if not re.fullmatch(r"[!-/:-@\[-`{-~]{3,6}", marks) or len(set(single)) != len(single):
        return None
    return fields


def _get(fields: list[str], number: int, component: int = 0) -> str:
    text = fields[number - 1] if len(fields) >= number else ""
    if not component:
        return text
    component_mark, repetition_mark = fields[1][:2]
    parts = text.split(repetition_mark)[0].split(component_mark)
    return parts[component - 1].strip() if len(parts) >= component else ""


def _acknowledges(fields: list[str], raw: bytes) -> bool:
    lines = re.split(rb"[\r\n]+", raw[:4096])
    msa = b"MSA" + fields[0].encode("latin-1")
    return _get(fields, 9, 1) in ("ACK", "MCF") or any(line.startswith(msa) for line in lines)


def _refusal(fields: list[str], raw: bytes, source: Source) -> int:
    """Rows 6 to 14 in their order; 0: none of them."""
    kind, event = _get(fields, 9, 1), _get(fields, 9, 2)
    if not {kind, f"{kind}^{event}"} & set(source.message_types):
        return 201 if any(known.startswith(f"{kind}^") for known in source.message_types) else 200
    if _get(fields, 11, 1) not in ("", *source.processing_ids):
        return 202
    version = _get(fields, 12, 1) or "2.5.1"
    if not (version in source.versions if source.versions else re.fullmatch(r"2\.[1-9](\.\d+)?", version)):
        return 203
    if not _get(fields, 10).strip():
        return 101
    return _charset(raw, _get(fields, 18, 1))


def _charset(raw: bytes, name: str) -> int:
    """Row 14; a name nobody knows matters only where there is something to decode."""
    if raw.isascii() or raw.startswith(b"\xef\xbb\xbf"):
        return 0
    if name not in CODECS:
        return 103
    try:
        raw.decode(CODECS[name] or "latin-1")
    except UnicodeDecodeError:
        return 102
    return 0


def _code(fields: list[str], hl7: int) -> str | None:
    """MSA-1 by mode: MSH-15 and -16 empty is original mode; one of the two empty counts as NE."""
    letter = "A" if not hl7 else "R" if hl7 in (200, 201, 202, 203) else "E"
    accept, application = (_condition(_get(fields, number)) for number in (15, 16))
    if not accept and not application:
        return f"A{letter}"
    if _due(accept or "NE", letter):
        return f"C{letter}"
    return f"A{letter}" if (accept or "NE") == "NE" and _due(application or "NE", letter) else None


def _condition(text: str) -> str:
    word = text.strip().upper()
    return word if word in ("AL", "NE", "ER", "SU") else "" if word in ("", '""') else "AL"


def _due(condition: str, letter: str) -> bool:
    return condition == "AL" or condition == ("SU" if letter == "A" else "ER")


def _answer(fields: list[str], code: str, hl7: int, reason: int = 0) -> Expected:
    version = _get(fields, 12, 1)
    known = re.fullmatch(r"\d+(\.\d+){1,2}", version)
    shape = tuple(map(int, (version if known else "2.5.1").split(".")))
    sets = _get(fields, 18)
    spoken = all(name.strip() in CODECS for name in sets.split(fields[1][1]) if name)  # else not repeated
    charset = ["", "", "", "", "", sets] if sets and spoken else []
    msh = [
        "MSH", fields[1], _get(fields, 5) or "WARDLINE", _get(fields, 6), _get(fields, 3), _get(fields, 4),
        "<T>", "", _type(fields, shape), "<N>", _get(fields, 11), _get(fields, 12) if known else "2.5.1",
        *charset,
    ]  # fmt: skip
    if not re.fullmatch(r"[A-Za-z]?(\W[A-Za-z]?)?", msh[10]):  # no processing id: what it is, nobody knows
        msh[10] = "P"
    msa = ["MSA", code, _get(fields, 10)]
    if hl7 and shape <= (2, 3, 1):
        msa.append(PHRASES[hl7])
    segments = [msh, msa, *([["ERR", *_err(fields[1], hl7, shape)]] if hl7 else [])]
    text = "".join(fields[0].join(segment) + "\r" for segment in segments)
    if hl7 and shape >= (2, 5):
        text = text.removesuffix("\r") + "<W>\r"
    pattern = re.escape(text.encode("latin-1"))
    words = b"(?:" + re.escape(fields[0].encode()) * 4 + rb"[A-Za-z0-9 ,.-]+)?"  # ERR-8: a fixed phrase
    pattern = (
        pattern.replace(b"<T>", rb"\d{14}[+-]\d{4}")
        .replace(b"<N>", rb"[A-Z0-9]{11,20}")
        .replace(b"<W>", words)
    )
    return Expected(code, reason or hl7, pattern)


def _type(fields: list[str], version: tuple[int, ...]) -> str:
    """Section 4, MSH-9."""
    event = _get(fields, 9, 2)
    if not event or version < (2, 3):
        return "ACK"
    return fields[1][0].join(["ACK", event, *(["ACK"] if version >= (2, 3, 1) else [])])


def _err(marks: str, hl7: int, version: tuple[int, ...]) -> list[str]:
    """Section 5: ERR-1 up to 2.4, ERR-2 to -4 from 2.5."""
    place = ["MSH", "1", *PLACES[hl7].split("^")]
    coded = [str(hl7), PHRASES[hl7], "HL70357"]
    if version >= (2, 5):
        return ["", marks[0].join(place), marks[0].join(coded), "E"]
    if version < (2, 2):
        return [str(hl7)]
    last = str(hl7) if version < (2, 3, 1) else marks[3].join(coded)
    return [marks[0].join([*place[:3], last])]
