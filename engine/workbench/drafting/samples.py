"""Sample messages of a sender, out of files and folders as people keep them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import Document
from engine.hl7.files import split_messages
from engine.hl7.tree import leaves

__all__ = ["Sample", "kind_of", "read_samples"]

MAX_BYTES = 64 * 1024 * 1024
"""Of one file: more than any sample needs, less than would fill the memory."""

MOST = 5_000
"""Messages that are looked at."""


class Sample(NamedTuple):
    """One message: where it was found (`sample.hl7[2]`), its bytes, itself."""

    name: str
    raw: bytes
    document: Document

    def __repr__(self) -> str:
        return f"Sample({self.name!r})"


def kind_of(document: Document) -> str:
    """The message's type as `message_types` writes it: `DFT^P03`."""
    return f"{document.header.type}^{document.header.event}".rstrip("^")


def read_samples(paths: Sequence[Path], charset: str = "") -> tuple[list[Sample], list[str]]:
    """The messages below `paths` in order, and for each that cannot be read a line that says why.
    Raises `Misconfigured` for a path that is not there or a file that cannot be read."""
    samples: list[Sample] = []
    unread: list[str] = []
    for file in _files(paths):
        for number, raw in _messages(file, unread):
            if len(samples) == MOST:
                return samples, [*unread, f"{file.name}: only the first {MOST} messages are looked at"]
            name = f"{file.name}[{number}]" if number > 1 else file.name
            try:
                document = Document.parse(raw, default_charset=charset)
                list(leaves(document))  # whatever exceeds a limit of reading is told here
                samples.append(Sample(name, raw, document))
            except Unacceptable as error:
                unread.append(f"{name}: {error}")
    return samples, unread


def _messages(file: Path, unread: list[str]) -> Iterator[tuple[int, bytes]]:
    messages = split_messages(_content(file))
    if not messages:
        unread.append(f"{file.name}: no HL7 v2 message in it")
    return enumerate(messages, 1)


def _files(paths: Sequence[Path]) -> Iterable[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file() and one.name[0] != ".")
        else:
            yield path


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(file)) from None
    if len(data) > MAX_BYTES:
        raise Misconfigured(f"larger than {MAX_BYTES >> 20} MiB", where=str(file), hint="take a part of it")
    return data
