"""Our document against python-hl7, leaf by leaf, over every message of the public corpus.

Where the two differ, the kind of difference is named in `EXPLAINED` with the reason why ours stands; a
difference of any other kind fails the test.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path as File

import hl7
import pytest

from engine.errors import Unacceptable
from engine.hl7.charset import decode
from engine.hl7.document import DELETE, Document
from engine.hl7.header import read_header

CORPUS = File(os.environ.get("WARDLINE_CORPUS", File(__file__).parents[3] / "shared" / "corpus")) / "hl7v2"

EXPLAINED = {
    "theirs fails": "python-hl7 raises (delimiters it cannot use, MSH too short for it)",
    "ours refuses": "not an HL7 header, delimiters not distinct, bytes that do not fit MSH-18",
    "stray line": "a line that is no segment: python-hl7 makes it one, we count and pass over it",
    "blank line": "python-hl7 makes it a segment without an id",
    "lower-case id": "we read it as the segment it means",
    "indented": "we take blanks before a segment id off",
    "outer blanks": "python-hl7 strips the whole message, so the last field loses its blanks",
    "doubled escape": "MSH-2 `^~\\\\&`: python-hl7 takes the second backslash for the sub-component",
}

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]

SEGMENT_ID = re.compile(r"[ \t]*[A-Za-z][A-Za-z0-9]{2}[ \t]*")

Tree = list[list[list[str]]]


def messages() -> Iterator[bytes]:
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            text = path.read_bytes()
            starts = [
                found.start(1)
                for found in re.finditer(rb"(?:^|[\r\n\x0b\xbf])[ \t]*(MSH[^A-Za-z0-9\s])", text)
            ]
            for start, end in pairwise([*starts, len(text)]):
                yield text[start:end].rstrip(b"\x0b\x1c\r\n")


def theirs(text: str) -> list[list[Tree]] | None:
    """Segments of fields of repetitions of components of sub-components; None where it fails."""
    try:
        return [[_tree(field) for field in segment] for segment in hl7.parse(text)]
    except Exception:  # what it raises is of many kinds
        return None


def _tree(field) -> Tree:
    def listed(part):
        return [part] if isinstance(part, str) else list(part)

    return [[listed(component) for component in listed(repetition)] for repetition in listed(field)]


def ours(document: Document) -> list[list[Tree]]:
    found = []
    for fields in document.segments():
        found.append([_split(document, fields, number) for number in range(len(fields))])
    return found


def _split(document: Document, fields: list[str], number: int) -> Tree:
    if number == 0 or (number <= 2 and fields[0] in ("MSH", "FHS", "BHS")):
        return [[[fields[number]]]]
    repetitions = document.repetitions(fields, number) or [""]
    return [[document.subcomponents(part) for part in document.components(text)] for text in repetitions]


def differences(raw: bytes) -> Iterator[str]:
    try:
        header = read_header(raw)
        document = Document.parse(raw)
    except Unacceptable:
        yield "ours refuses"
        return
    text = decode(raw, header.charsets).text
    other = theirs(re.sub(r"\r\n|\n", "\r", text))
    if other is None:
        yield "theirs fails"
        return
    mine = ours(document)
    yield from (kind for quirk, kind in QUIRKS.items() if quirk in document.quirks)
    if any(not _text(segment[0], "") for segment in other):
        yield "blank line"
    other = [segment for segment in other if SEGMENT_ID.fullmatch(_text(segment[0], "&"))]
    if "doubled_escape" in document.quirks:
        mine, other = _joined(mine, "&"), _joined(other, "\\")
    if len(mine) != len(other):
        yield f"{len(mine)} and {len(other)} segments"
        return
    for left, right in zip(mine, other, strict=True):
        yield from _between(left, right, last=left is mine[-1])
    yield from _leaves(document)


QUIRKS = {
    "stray_line": "stray line",
    "lower_case_segment": "lower-case id",
    "indented_segment": "indented",
    "doubled_escape": "doubled escape",
}


def _joined(segments: list[list[Tree]], mark: str) -> list[list[Tree]]:
    return [
        [[[[mark.join(component)] for component in repetition] for repetition in field] for field in segment]
        for segment in segments
    ]


def _text(field: Tree, mark: str) -> str:
    return "~".join("^".join(mark.join(component) for component in repetition) for repetition in field)


def _between(left: list[Tree], right: list[Tree], *, last: bool) -> Iterator[str]:
    if left == right:
        return
    if [_text(left[0], "&")] == [_text(right[0], "&").strip().upper()] and left[1:] == right[1:]:
        return  # the id was lower-case or indented, and the quirk says so
    if last and _stripped(left) == _stripped(right):
        yield "outer blanks"
        return
    yield f"{left[0]} differs"


def _stripped(segment: list[Tree]) -> str:
    return "|".join(_text(field, "&") for field in segment).rstrip()


def _leaves(document: Document) -> Iterator[str]:
    """Every leaf's value is its raw text: unescaped, None for empty, DELETE for two quotes."""
    mark = document.delimiters.escape
    for fields in document.segments():
        for number in range(3, len(fields)):
            for nth, text in enumerate(document.repetitions(fields, number), 1):
                for component, part in enumerate(document.components(text), 1):
                    for sub, raw in enumerate(document.subcomponents(part), 1):
                        value = document.leaf(fields, number, component, sub, nth)
                        expected = DELETE if raw == '""' else raw or None
                        if value != expected and not (mark and mark in raw):
                            yield f"{fields[0]}-{number}: a leaf is not its text"


def test_every_leaf_of_the_corpus_is_what_python_hl7_reads():
    counted: Counter[str] = Counter()
    for raw in messages():
        counted["messages"] += 1
        counted.update(set(differences(raw)))
    print(dict(counted))
    assert counted.pop("messages") > 500
    assert set(counted) <= set(EXPLAINED)
    assert counted["theirs fails"] + counted["ours refuses"] < 40
