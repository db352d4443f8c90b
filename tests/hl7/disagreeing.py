"""Where python-hl7 and hl7apy read a message otherwise than we do, by cause.

Each cause is a rule that accounts for its difference exactly: what it names is taken away on both sides, and
what is left must be equal. A difference that no rule accounts for is `unexplained: <place>`. Why our reading
stands, and which messages of the corpus each cause is in, is kept in `disagreements.yaml`.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from hl7apy.exceptions import InvalidEncodingChars, InvalidName, ParserError, UnsupportedVersion
from peer_readings import BEYOND, HEADERS, Leaf, Segment, ours, read_by_hl7apy, read_by_python_hl7

from engine.errors import Unacceptable
from engine.hl7.charset import decode
from engine.hl7.document import DELETE, Document
from engine.hl7.header import read_header

SEGMENT_ID = re.compile(r"[ \t]*[A-Za-z][A-Za-z0-9]{2}[ \t]*")
QUIRKS = {
    "stray_line": "stray-line",
    "lower_case_segment": "lower-case-id",
    "indented_segment": "indented-id",
    "doubled_escape": "doubled-escape",
}
ESCAPES = {
    "line-break-escape": r"\.(?:br|sp.*|ce)",
    "highlight-escape": r"[HN]",
    "formatting-escape": r"\.(?:in|ti|sk|fi|nf).*",
    "truncation-escape": r"P",
    "other-character-set": r"[CM][0-9A-Fa-f]+",
    "local-escape": r"Z.*",
}
REFUSALS = {
    InvalidEncodingChars: "hl7apy-delimiters",
    InvalidName: "hl7apy-unknown-segment",
    UnsupportedVersion: "hl7apy-unknown-version",
    ParserError: "hl7apy-no-header",
}


def readable(raw: bytes) -> tuple[Document, str] | str:
    """Our document and the text that peers are given (decoded, segments ended by CR); the code and place
    where we refuse the message."""
    try:
        header = read_header(raw)
        document = Document.parse(raw)
    except Unacceptable as refusal:
        return f"{refusal.code} at {refusal.place}"
    text = decode(raw[header.start :], header.charsets, marked="byte_order_mark" in header.quirks).text
    return document, re.sub(r"\r\n|\n", "\r", text)


# python-hl7


def with_python_hl7(raw: bytes) -> Iterator[str]:
    """Causes of disagreement with python-hl7: the whole tree, empty parts too, and unescaped text."""
    found = readable(raw)
    if isinstance(found, str):
        if _python_hl7_reads(raw):
            yield f"we-refuse: {found}"
        return
    document, text = found
    try:
        theirs, message = read_by_python_hl7(text)
    except Exception as error:  # of many kinds
        yield f"python-hl7-fails: {type(error).__name__}"
        return
    mine = ours(document)
    yield from (cause for quirk, cause in QUIRKS.items() if quirk in document.quirks)
    if any(not name.strip() for name, _ in theirs):
        yield "blank-line"
    theirs = [(name.strip().upper(), leaves) for name, leaves in theirs if SEGMENT_ID.fullmatch(name)]
    yield from _structure(mine, theirs, doubled="doubled_escape" in document.quirks)
    yield from _texts(document, mine, message)


def _python_hl7_reads(raw: bytes) -> bool:
    try:
        read_by_python_hl7(re.sub(r"\r\n|\n", "\r", raw.decode("latin-1")))
    except Exception:
        return False
    return True


def _structure(mine: list[Segment], theirs: list[Segment], *, doubled: bool) -> Iterator[str]:
    if [name for name, _ in mine] != [name for name, _ in theirs]:
        yield "unexplained: the segments"
        return
    for (name, one), (_, other) in zip(mine, theirs, strict=True):
        if doubled:
            one, other = _joined(one, "&"), _joined(other, "\\")
        if one != other:
            yield "outer-blanks" if _stripped(one) == _stripped(other) else f"unexplained: {name}"


def _joined(leaves: dict[Leaf, str], mark: str) -> dict[Leaf, str]:
    """Sub-components as one text."""
    found: dict[Leaf, str] = {}
    for (field, nth, component, sub), text in leaves.items():
        key = (field, nth, component, 1)
        found[key] = text if sub == 1 else f"{found[key]}{mark}{text}"
    return found


def _stripped(leaves: dict[Leaf, str]) -> dict[Leaf, str]:
    """Without the blanks at the end of the last leaf."""
    return {**leaves, max(leaves): leaves[max(leaves)].rstrip()} if leaves else leaves


def _texts(document: Document, mine: list[Segment], message: Any) -> Iterator[str]:
    """Unescaped text, leaf by leaf. A leaf without an escape character is its own text."""
    mark = document.delimiters.escape
    for fields, (name, leaves) in zip(document.segments(), mine, strict=True):
        for (field, nth, component, sub), raw in leaves.items():
            if field <= 2 and name in HEADERS:
                continue
            value = document.leaf(fields, field, component, sub, nth)
            if value is DELETE or not mark or mark not in raw:
                if value != (DELETE if raw == '""' else raw or None):
                    yield f"unexplained: {name}-{field} is not its own text"
            elif (value or "") != _unescaped(message, raw):
                yield from _escapes(document, message, raw) or [f"unexplained: {name}-{field} unescaped"]


def _unescaped(message: Any, raw: str) -> str:
    """python-hl7's reading of an escaped text. It logs what it does not know."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return str(message.unescape(raw))
    except ValueError:  # a number that is none
        return "\0"
    finally:
        logging.disable(logging.NOTSET)


def _escapes(document: Document, message: Any, raw: str) -> list[str]:
    """The sequences that account for the difference: without them both read the same."""
    mark = re.escape(document.delimiters.escape)
    causes = []
    for cause, body in ESCAPES.items():
        raw, found = re.subn(f"{mark}(?:{body}){mark}".replace(".*", f"[^{mark}]*"), "", raw)
        causes += [cause] * bool(found)
    single = re.sub(f"{mark}[FSTRE]{mark}|{mark}X[0-9A-Fa-f]+{mark}", "", raw)
    if re.search(mark, single):  # an escape character that begins no sequence we know
        raw = re.sub(mark, "", single)
        causes.append("stray-escape-character")
    value = document.part(raw)
    return causes if ("" if value is None else value) == _unescaped(message, raw) else []


# hl7apy


def with_hl7apy(raw: bytes) -> Iterator[str]:
    """Causes of disagreement with hl7apy: segments and every leaf that is not blank, as it stands."""
    found = readable(raw)
    if isinstance(found, str):
        if _hl7apy(raw.decode("latin-1")) is not None:
            yield f"we-refuse: {found}"
        return
    document, text = found
    if document.delimiters.truncation and _hl7apy(text) is None:
        yield "hl7apy-truncation-character"
        text = text.replace(
            document.delimiters.encoding.decode(), document.delimiters.encoding.decode()[:4], 1
        )
    try:
        theirs = read_by_hl7apy(text)
    except tuple(REFUSALS) as error:
        yield next(cause for kind, cause in REFUSALS.items() if isinstance(error, kind))
        return
    yield from _segments(ours(document), theirs, shortened=bool(document.delimiters.truncation))


def _segments(mine: list[Segment], theirs: list[Segment], *, shortened: bool) -> Iterator[str]:
    """Segment by segment; where MSH-2 was shortened for hl7apy, it is not compared."""
    if [name for name, _ in mine] != [name for name, _ in theirs]:
        yield "unexplained: the segments"
        return
    for (name, one), (_, other) in zip(mine, theirs, strict=True):
        if name == "MSH" and shortened:
            del one[2, 1, 1, 1], other[2, 1, 1, 1]
        for cause in _populated(one, other):
            yield cause or f"unexplained: {name}"


def _hl7apy(text: str) -> list[Segment] | None:
    try:
        return read_by_hl7apy(text)
    except tuple(REFUSALS):
        return None


def _populated(one: dict[Leaf, str], other: dict[Leaf, str]) -> Iterator[str]:
    """Leaves that are not blank. Empty for what no rule accounts for."""
    last = max(one, default=None)
    mine = {leaf: text for leaf, text in one.items() if text.strip() and other.get(leaf) != text}
    theirs = {leaf: text for leaf, text in other.items() if text.strip() and one.get(leaf) != text}
    for leaf in mine.keys() & theirs.keys():
        text, typed = mine.pop(leaf), theirs.pop(leaf)
        if leaf == last and text.rstrip() == typed:
            yield "outer-blanks"
        else:
            yield "hl7apy-typed-value" if _same_number(text, typed) else ""
    beyond = [text for leaf, text in sorted(theirs.items()) if max(leaf) > BEYOND]
    if mine or theirs:
        placeless = len(beyond) == len(theirs) and beyond == [text for _, text in sorted(mine.items())]
        yield "hl7apy-placeless" if placeless else ""


def _same_number(text: str, typed: str) -> bool:
    return bool(re.fullmatch(r"\s*\d+(\.\d+)?\s*", text)) and Decimal(text) == Decimal(typed)
