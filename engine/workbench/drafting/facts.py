"""What samples of a sender have: which places are populated, with which codes. It prunes blueprints."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache

from engine.errors import Unacceptable
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.hl7.reading import Fields
from engine.hl7.versions import older_places

__all__ = ["Cells", "Facts"]

Cells = Mapping[str, Sequence[Mapping[str, str]]]
"""Table → its rows, each a cell by column."""

_CELL = re.compile(r"(?P<table>[a-z][a-z-]*)\.(?P<column>[a-z_]+)(?:=(?P<value>\S+))?")
_CODES = re.compile(r"(?P<path>[A-Z][A-Z0-9]{2}-[0-9.]+)=(?P<codes>\S+)")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_EVENT = {"MSH-9.1": 0, "MSH-9.2": 1}


class Facts:
    """Of these documents, in a channel that takes the messages of `types` (`SIU^S12`) and has tables with
    these `cells`; of a table without any, whatever is asked holds."""

    def __init__(
        self, documents: Sequence[Document], types: Sequence[str], cells: Cells | None = None
    ) -> None:
        self._documents, self._types, self._cells = documents, types, cells or {}
        self.has = cache(self._has)
        self.codes = cache(self._codes)

    def satisfied(self, condition: str) -> bool:
        """Whether a blueprint's condition holds: `RQD|RXO-11` (populated), `FT1-6.1=CD,CG` (one of these
        codes is there, of MSH-9 those that the channel takes), `FT1-10<0` (a negative number is there),
        `AIS-1#` (the same value twice in one message), `items.unit` and `items.stocked=yes` (of the tables'
        cells); `&` joins what must hold together, `!` says that it does not."""
        return any(all(map(self._holds, one.split("&"))) for one in condition.split("|"))

    def knows(self, path: str) -> bool:  # noqa: ARG002 - see `ResourceFacts`
        """Whether this sender's standard has such a place at all."""
        return True

    def _holds(self, atom: str) -> bool:
        if atom[0] == "!":
            return not self._holds(atom[1:])
        if atom.endswith("#"):
            return self._repeated(Path.parse(atom[:-1]))
        if atom.endswith("<0"):
            return any(code.startswith("-") for code in self.codes(atom[:-2]))
        if (found := _CODES.fullmatch(atom)) is not None:
            return not self.codes(found["path"]).isdisjoint(found["codes"].split(","))
        if (found := _CELL.fullmatch(atom)) is not None:
            return self._cell(found["table"], found["column"], found["value"])
        return self.has(atom)

    def _cell(self, table: str, column: str, value: str | None) -> bool:
        if table not in self._cells:
            return True
        there = {row.get(column, "") for row in self._cells[table]} - {""}
        return bool(there) if value is None else value in there

    def _repeated(self, path: Path) -> bool:
        listed = [list(self._leaves(document, path)) for document in self._documents]
        return any(len(set(found)) < len(found) for found in listed)

    def _has(self, text: str) -> bool:
        if _SEGMENT.fullmatch(text):
            return any(document.positions(text) for document in self._documents)
        path = Path.parse(text)
        return any(any(self._leaves(document, path)) for document in self._documents)

    def _codes(self, text: str) -> frozenset[str]:
        if text in _EVENT:
            parts = [kind.split("^") for kind in self._types]
            return frozenset(one[_EVENT[text]] for one in parts if len(one) > _EVENT[text])
        path = Path.parse(text)
        return frozenset(leaf for document in self._documents for leaf in self._leaves(document, path))

    def _leaves(self, document: Document, path: Path) -> Iterator[str]:
        found = document.all(path.segment)
        for place in () if found else older_places(path):
            yield from self._leaves(document, place)
        if path.occurrence > 1:
            found = found[path.occurrence - 1 : path.occurrence]
        for fields in found:
            yield from _leaf(document, fields, path)


def _leaf(document: Document, fields: Fields, path: Path) -> Iterator[str]:
    with suppress(Unacceptable):
        text = document.leaf(fields, path.field, path.component, path.subcomponent, path.repetition)
        if isinstance(text, str) and text.strip():
            yield text.strip()
