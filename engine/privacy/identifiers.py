"""Which number in an identifier field is the one, and whose number it is.

Where the parts lie depends on the datatype (HL7 v2.9.1 chapter 2A: CX, XCN, EI, EIP, PLN); which of
several numbers a person goes by is the allow-list's row of PID-3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from engine.hl7.delimiters import Delimiters
from engine.hl7.path import Path
from engine.hl7.reading import MAX_COMPONENTS, Fields, Reading, Value
from engine.model import ReasonCode
from engine.privacy.authorities import Authorities
from engine.privacy.tokens import PERSON

__all__ = ["NEVER", "PREFERENCE", "SPELLINGS", "Identifier", "Layout", "is_number", "layout_of"]

PREFERENCE = ("MR", "PI", "PT", "EI", "U", "")
"""CX.5 of a number that may stand for a person, best first; any other type is never tokenised."""

NEVER = frozenset({"SS", "DL", "PPN", "MC", "MA", "MB", "HC", "NI"})
"""CX.5 of a number that is no visit, account or order either, whatever field it stands in."""

SPELLINGS = {"MRN": "MR"}
"""CX.5 as senders write it outside table 0203, and the type it means: one person, one token."""

NO_NUMBER = frozenset(
    {
        "NULL",
        "(NULL)",
        "<NULL>",
        "NIL",
        "NONE",
        "N/A",
        "#N/A",
        "NA",
        "UNKNOWN",
        "UNK",
        "?",
        "-",
        "--",
        ".",
        "*",
    }
)
"""What systems and spreadsheets write where they have no number."""

LONGEST_WORD = 9  # characters, a blank on each side included

_RANKS = {kind: rank for rank, kind in enumerate(PREFERENCE)}
_MEDICAL_RECORD = frozenset({("PID", 3), ("MRG", 1)})
"""Where a number without a type is the medical record number (`MR`)."""

_NAMES_KEPT = 1024

_Chosen = tuple[str, list[str], str]
"""A repetition, raw, its components, and the type of the number."""

_NONE: _Chosen = ("", [], "")


class Layout(msgspec.Struct, frozen=True):
    """Which component names the authority, and which the type (0: none).

    `spread`: the authority is no HD in one component, but starts there and goes on (EI);
    `deep`: the same one level down, in sub-components (EIP)."""

    authority: int = 0
    type: int = 0
    spread: bool = False
    deep: bool = False


_LAYOUTS = {
    "CX": Layout(authority=4, type=5),
    "XCN": Layout(authority=9, type=13),
    "EI": Layout(authority=2, spread=True),
    "EIP": Layout(authority=2, deep=True),
    "PLN": Layout(type=2),
}


def layout_of(datatypes: Sequence[str]) -> Layout:
    """The layout of a field with this history of datatypes: the newest composite one decides."""
    return next((_LAYOUTS[name] for name in reversed(datatypes) if name in _LAYOUTS), Layout())


class Identifier:
    """One identifier field, read: the repetition is chosen, never just the first.

    `kind` and `only` (an authority's name) restrict the choice to what a path's selector says.
    """

    def __init__(
        self,
        path: Path,
        layout: Layout,
        domain: str,
        authorities: Authorities,
        *,
        kind: str | None = None,
        only: str = "",
    ) -> None:
        self._path, self._layout, self._authorities = path, layout, authorities
        self._person, self._only = domain == PERSON, only
        self._kind = None if kind is None else SPELLINGS.get(kind, kind)
        self._number = path.repetition if "[" in path.text.partition("-")[2] else 0
        self._untyped = "MR" if (path.segment, path.field) in _MEDICAL_RECORD else ""
        self._plain = kind is None and not (only or layout.type or self._number or path.occurrence > 1)
        self._names: dict[tuple[str, bytes, bool], str] = {}

    @property
    def possible(self) -> bool:
        """Whether a number of the wanted type may become a token at all."""
        return self._rank(self._kind or "") is not None

    def find(self, view: Reading) -> tuple[str, str, str] | Value:
        """Authority, type and value of the number; `DELETE` or None when there is none."""
        text, parts, kind = self._only_one(view) or self._choose(view)
        if not text:
            return None
        value = _leaf(view, text, parts, self._path.component)
        if not isinstance(value, str):
            return value
        if not value.strip() or (len(value) <= LONGEST_WORD and self._is_no_number(view, value)):
            return None
        return self._authority(view, text, parts), kind or self._untyped, value

    def beside(self, view: Reading) -> Value:
        """What stands at the path, in the repetition whose number is the one."""
        text, _, _ = self._choose(view)
        return view.part(text, self._path.component, self._path.subcomponent) if text else None

    def every(self, view: Reading, fields: Fields) -> Iterator[tuple[str, str, str]]:
        """Authority, type and value of each number of one segment that may become a token, not only of the
        one that is chosen. Says nothing of what is odd about them. Raises `Unacceptable` (`structure`)."""
        for text in view.repetitions(fields, self._path.field):
            parts = _parts(view, text)
            kind = self._type(view, text, parts)
            if self._rank(kind) is None:
                continue
            value = _leaf(view, text, parts, self._path.component)
            if isinstance(value, str) and is_number(value):
                yield self._authority(view, text, parts), kind or self._untyped, value

    def _only_one(self, view: Reading) -> _Chosen | None:
        """The field as it is, where there is nothing to choose: no type and no second number. None:
        there may be."""
        path = self._path
        if not self._plain:
            return None
        fields = view.first(path.segment)
        if fields is None or path.field >= len(fields):
            return _NONE
        text = fields[path.field]
        return None if view.delimiters.repetition in text else (text, _parts(view, text), "")

    def _choose(self, view: Reading) -> _Chosen:
        """The repetition that is the one; empty when none will do."""
        path = self._path
        fields = view.first(path.segment) if path.occurrence == 1 else view.nth(path.segment, path.occurrence)
        if fields is None:
            return _NONE
        texts = view.repetitions(fields, path.field)
        if self._number:
            texts = texts[self._number - 1 : self._number]
        elif len(texts) > 1:
            texts = [text for text in texts if text != '""'] or texts[:1]
        best, chosen = len(PREFERENCE), _NONE
        for text in texts:
            parts = _parts(view, text)
            kind = self._type(view, text, parts)
            rank = self._rank(kind)
            if rank is not None and rank < best and self._fits(view, text, parts, kind):
                best, chosen = rank, (text, parts, kind)
        return chosen

    def _type(self, view: Reading, text: str, parts: list[str]) -> str:
        kind = _text(_leaf(view, text, parts, self._layout.type)) if self._layout.type else ""
        return SPELLINGS.get(kind, kind)

    def _rank(self, kind: str) -> int | None:
        """How good a number of this type is, 0 the best; None: it never becomes a token."""
        if self._person:
            return _RANKS.get(kind)
        return None if kind in NEVER else 0

    def _fits(self, view: Reading, text: str, parts: list[str], kind: str) -> bool:
        if self._kind is not None and kind != self._kind:
            return False
        if self._only and self._authority(view, text, parts) != self._only:
            return False
        value = _leaf(view, text, parts, self._path.component if self._layout.deep else 1)
        return value is not None and not self._is_no_number(view, value)

    def _is_no_number(self, view: Reading, value: Value) -> bool:
        """Whether a sender wrote a word for "none": were it a number, all who have none would be one."""
        if not isinstance(value, str) or not _stands_for_none(value):
            return False
        view.warn(ReasonCode.BAD_VALUE, view.place(self._path), "a word that stands for no number")
        return True

    def _authority(self, view: Reading, text: str, parts: list[str]) -> str:
        """The authority of a number: its own, else the default, else the sending facility."""
        piece = self._piece(view.delimiters, text, parts)
        name = self._name(view, piece, spread=self._layout.spread) if piece else ""
        if name or self._authorities.default:
            return name or self._authorities.default
        header = view.first("MSH")
        return self._name(view, header[4], spread=True) if header is not None and len(header) > 4 else ""

    def _piece(self, delimiters: Delimiters, text: str, parts: list[str]) -> str:
        """The raw part of a repetition that names the authority."""
        layout = self._layout
        if not layout.authority:
            return ""
        if layout.spread:
            return text.partition(delimiters.component)[2]
        at = self._path.component if layout.deep else layout.authority
        piece = parts[at - 1] if at <= len(parts) else ""
        return piece.partition(delimiters.subcomponent or "\0")[2] if layout.deep else piece

    def _name(self, view: Reading, piece: str, *, spread: bool) -> str:
        """The authority's one name. Few spellings come in a feed, so they are remembered."""
        key = (piece, view.delimiters.encoding, spread)
        name = self._names.get(key)
        if name is None:
            namespace = view.part(piece)
            universal = view.part(piece, 2) if spread else view.part(piece, 1, 2)
            name = self._authorities.name(_text(namespace), _text(universal))
            escape = view.delimiters.escape
            if len(self._names) < _NAMES_KEPT and not (escape and escape in piece):
                self._names[key] = name
        return name


def _parts(view: Reading, text: str) -> list[str]:
    """The components of a repetition, raw; of one with too many the last holds the rest."""
    mark = view.delimiters.component
    return text.split(mark, MAX_COMPONENTS) if mark else [text]


def _leaf(view: Reading, text: str, parts: list[str], number: int) -> Value:
    """`view.part(text, number)`, of a repetition that was split already."""
    if number <= len(parts) <= MAX_COMPONENTS and (found := parts[number - 1]).isalnum():
        return found  # no delimiter is a letter or a digit
    return view.part(text, number)


def is_number(value: str) -> bool:
    """Whether it is neither blank nor a word for "none"."""
    return bool(value.strip()) and not _stands_for_none(value)


def _stands_for_none(value: str) -> bool:
    return len(value) <= LONGEST_WORD and value.strip().upper() in NO_NUMBER


def _text(value: Value) -> str:
    return value.strip() if isinstance(value, str) else ""
