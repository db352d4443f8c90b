"""Sample messages of a sender, out of files and folders as people keep them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.document import Document
from engine.hl7.files import split_messages
from engine.hl7.tree import leaves

__all__ = ["Sample", "files_below", "kind_of", "read_samples"]

MAX_BYTES = 64 * 1024 * 1024
"""Of one file: more than any sample needs, less than would fill the memory."""

_MARK = b"\xef\xbb\xbf"
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
    """The messages below `paths` in order, and for each that cannot be read a line that says why; files of
    resources are passed over. Raises `Misconfigured` for a path that is not there or cannot be read."""
    samples: list[Sample] = []
    unread: list[str] = []
    for file, data in files_below(paths):
        for number, raw in (
            [] if data.removeprefix(_MARK).lstrip()[:1] in (b"{", b"<") else _messages(file, data, unread)
        ):
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


def _messages(file: Path, data: bytes, unread: list[str]) -> Iterator[tuple[int, bytes]]:
    messages = split_messages(data)
    if not messages:
        unread.append(f"{file.name}: no HL7 v2 message in it")
    return enumerate(messages, 1)


def files_below(paths: Sequence[Path]) -> Iterator[tuple[Path, bytes]]:
    """The files that `paths` name, and those in folders among them, each with its content. Raises
    `Misconfigured` for one that cannot be read."""
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.is_file() and one.name[0] != ".")
        for file in inside if path.is_dir() else [path]:
            yield file, _content(file)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Misconfigured(f"cannot be read: {error.strerror}", where=str(file)) from None
    if len(data) > MAX_BYTES:
        raise Misconfigured(f"larger than {MAX_BYTES >> 20} MiB", where=str(file), hint="take a part of it")
    return data
