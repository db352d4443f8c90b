"""The messages of the public sample corpus, each as the bytes that stand in its file.

Split here and not by the engine: what the engine is given must not depend on how it reads.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
CORPUS = Path(os.environ.get("WARDLINE_CORPUS", ROOT.parent / "shared" / "corpus")) / "hl7v2"
CHANNELS = {"ADT": "adt-encounters", "DFT": "dft-charges", "SIU": "theatre-schedule"}

_BEGIN = re.compile(
    rb"(?:\A|(?<=[\r\n\x0b]))[ \t]*(?:\xef\xbb\xbf)?[ \t]*"
    rb"(?:(?P<message>MSH)[^A-Za-z0-9\s]|(?:FHS|BHS|BTS|FTS)(?:[^A-Za-z0-9\s]|(?=[\r\n]|\Z)))"
)
_FRAME = re.compile(rb"\x1c[\r\n\x0b]*\Z")


class Found(NamedTuple):
    """One message: its file below the corpus, its number there (from 1; 0: the file as a whole, in which
    no message was found), its bytes, its type (`ADT`)."""

    file: str
    number: int
    raw: bytes
    type: str

    @property
    def name(self) -> str:
        """`folder/file.hl7[2]`."""
        return f"{self.file}[{self.number}]"

    @property
    def channel(self) -> str:
        """The shipped channel that is about messages of this type."""
        return CHANNELS[self.type]

    @property
    def event(self) -> str:
        """MSH-9.1 and .2 as they stand, `ADT^A01`."""
        return "^".join(_message_type(self.raw)[:2])


def all_messages() -> list[Found]:
    """Every message of the corpus, in the order of its files."""
    return [
        Found(file, number, raw, _message_type(raw)[0])
        for file, data in corpus_files()
        for number, raw in enumerate(split(data), 1)
    ]


def corpus_messages() -> list[Found]:
    """Every ADT, DFT and SIU message of the corpus, in the order of its files."""
    return [found for found in all_messages() if found.type in CHANNELS]


def corpus_files() -> Iterator[tuple[str, bytes]]:
    """Every file of the corpus: its name below it, its bytes."""
    for path in sorted(CORPUS.rglob("*")):
        if path.is_file():
            yield path.relative_to(CORPUS).as_posix(), path.read_bytes()


def split(data: bytes) -> Iterator[bytes]:
    """The messages of a file as they stand in it: line ends, byte order mark, blanks and stray lines
    belong to them, frames and batch segments do not."""
    marks = list(_BEGIN.finditer(data))
    ends = [mark.start() for mark in marks[1:]] + [len(data)]
    for mark, end in zip(marks, ends, strict=False):
        if mark["message"]:
            raw = data[mark.start() : end].rstrip(b"\x0b")
            yield _FRAME.sub(b"", raw)


def segments_of(raw: bytes) -> list[bytes]:
    """The lines of a message, however they end."""
    return [line for line in re.split(rb"[\r\n]+", raw.removeprefix(b"\xef\xbb\xbf")) if line]


def _message_type(raw: bytes) -> list[str]:
    line = segments_of(raw.lstrip(b" \t"))[0].lstrip(b" \t")
    fields = line.decode("latin-1").split(chr(line[3]))
    parts = fields[8].split(fields[1][:1]) if len(fields) > 8 and fields[1] else [""]
    return [part.strip() for part in parts]
