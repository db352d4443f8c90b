"""Read a YAML file as plain text, lists and mappings, and remember where everything stands.

YAML without its traps (spec: threats, section 3.4): every scalar stays the text that was written
(`NO`, `0123`, `12:30:45`), and there are no anchors, aliases, tags, directives, merge keys, duplicate
keys or second documents. Limits are kept while reading, so a hostile file costs little. This is the
one place that knows a YAML library.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

import yaml

from engine.config.finding import Finding, Place
from engine.config.positions import Positions, Spot

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_EVENTS", "Node", "Reading", "read_yaml"]

MAX_BYTES = 256 * 1024
MAX_EVENTS = 20_000
MAX_DEPTH = 20

Node = str | list["Node"] | dict[str, "Node"]
"""What a file holds once read: text, lists, mappings; nothing else."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
"""Control characters, further line breaks, and marks that make text look other than it is."""


class Reading(NamedTuple):
    """A file as read: what it holds (None when it cannot be read), where, and what is wrong with it."""

    data: Node | None
    positions: Positions
    findings: list[Finding]


def read_yaml(raw: bytes, shown: str) -> Reading:
    """Read the YAML in `raw`, which findings call `shown`. Never raises for what the file holds."""
    positions = Positions(shown)
    composer = _Composer(positions)
    data: Node | None = None
    try:
        text = _text(raw)
        positions.rows = text.splitlines()
        data = composer.document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except _Unreadable as stop:
        composer.findings.append(
            Finding(shown, stop.line, stop.column, stop.text, stop.hint)
        )  # what was read so far is of no use
    except yaml.MarkedYAMLError as error:
        composer.findings.append(_syntax(error, shown, text))
    return Reading(None if composer.findings else data, positions, composer.findings)


class _Unreadable(Exception):
    """Reading must stop here."""

    def __init__(self, line: int, column: int, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.line, self.column, self.text, self.hint = line, column, text, hint


def _text(raw: bytes) -> str:
    """The bytes as text, or `_Unreadable` with the place of what does not belong in it."""
    if len(raw) > MAX_BYTES:
        line = raw.count(b"\n", 0, MAX_BYTES) + 1
        raise _Unreadable(line, 1, f"the file is larger than {MAX_BYTES // 1024} KiB", "split it")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = error.start - before.rfind(b"\n")
        raise _Unreadable(before.count(b"\n") + 1, column, "not UTF-8", "save the file as UTF-8") from None
    bad = _FORBIDDEN.search(text)
    if bad:
        line, column = _line_column(text, bad.start())
        hint = "retype the line; it may have been pasted from another program"
        raise _Unreadable(line, column, f"a character that has no place here: U+{ord(bad[0]):04X}", hint)
    return text


def _line_column(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


class _Composer:
    """Builds the tree from the parser's events, one after the other, within the limits."""

    def __init__(self, positions: Positions) -> None:
        self.findings: list[Finding] = []
        self._positions = positions
        self._left = MAX_EVENTS

    def document(self, events: Iterator[yaml.Event]) -> Node:
        """The one document of the stream."""
        self._events = events
        node: Node | None = None
        while True:
            event = self._next()
            if isinstance(event, yaml.StreamEndEvent):
                return {} if node is None else node
            if isinstance(event, yaml.DocumentStartEvent):
                if node is not None:
                    self._stop(event, "a second document starts here", "one file, one document: remove ---")
                if event.version or event.tags:
                    self._stop(event, "directives (%) are not allowed", "remove the line")
                node = self._node(self._next(), ())

    def _next(self) -> yaml.Event:
        event = next(self._events)
        self._left -= 1
        if self._left < 0:
            self._stop(event, f"the file has more than {MAX_EVENTS} nodes", "split it")
        return event

    def _node(self, event: yaml.Event, place: Place) -> Node:
        self._plain(event)
        if len(place) >= MAX_DEPTH:
            self._stop(event, f"nested more than {MAX_DEPTH} deep", "write it flatter")
        self._positions.values[place] = _spot(event)
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(place)
        return self._mapping(place)

    def _sequence(self, place: Place) -> list[Node]:
        items: list[Node] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._node(event, (*place, len(items))))
        return items

    def _mapping(self, place: Place) -> dict[str, Node]:
        members: dict[str, Node] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._key(event)
            here = (*place, key)
            first = self._positions.keys.setdefault(here, _spot(event))
            if key in members:
                self._note(event, f"{key} is written twice", f"it is on line {first.line} already; keep one")
            members[key] = self._node(self._next(), here)
        return members

    def _key(self, event: yaml.Event) -> str:
        self._plain(event)
        if not isinstance(event, yaml.ScalarEvent):
            self._stop(event, "a key must be a word", "a value that starts with { or [ needs quotes")
        key = str(event.value)
        if key == "<<":
            self._stop(event, "merge keys (<<) are not allowed", "write the keys out")
        if not key:
            self._stop(event, "a key is missing before the colon")
        return key

    def _plain(self, event: yaml.Event) -> None:
        """Nothing but what is written: no anchor, no alias, no tag."""
        if isinstance(event, yaml.AliasEvent):
            self._stop(
                event, "aliases (*) are not allowed", "write it out, or quote a text that starts with *"
            )
        if getattr(event, "anchor", None):
            self._stop(event, "anchors (&) are not allowed", "remove it, or quote a text that starts with &")
        if getattr(event, "tag", None):
            self._stop(event, "tags (!) are not allowed", "remove it, or quote a text that starts with !")

    def _note(self, event: yaml.Event, text: str, hint: str = "") -> None:
        spot = _spot(event)
        self.findings.append(Finding(self._positions.shown, spot.line, spot.column, text, hint))

    def _stop(self, event: yaml.Event, text: str, hint: str = "") -> NoReturn:
        spot = _spot(event)
        raise _Unreadable(spot.line, spot.column, text, hint)


def _spot(event: yaml.Event) -> Spot:
    style = getattr(event, "style", None)
    inset = {"'": 1, '"': 1, "|": -1, ">": -1}.get(style or "", 0)
    return Spot(event.start_mark.line + 1, event.start_mark.column + 1, inset)


_SYNTAX = {
    "mapping values are not allowed in this context": (
        "this colon does not fit here",
        "check the indentation; a text that holds ': ' needs quotes",
    ),
    "could not find expected ':'": ("a key without its colon", "write `key: value`"),
    "did not find expected key": (
        "this does not fit what stands before it",
        "check the indentation; a text that starts with { or [ or has quotes inside needs quotes",
    ),
    "did not find expected '-' indicator": (
        "this does not fit the list it is in",
        "each entry starts with - in the same column",
    ),
    "did not find expected ',' or ']'": ("a list in brackets is not closed", "add , or ]"),
    "did not find expected ',' or '}'": (
        "a mapping in braces is not closed",
        "add , or }; quote { in a text",
    ),
    "found unknown escape character": (
        "a backslash that means nothing here",
        "in single quotes it is a backslash",
    ),
    "found unexpected end of stream": ("a quoted text is not closed", "add the closing quote"),
    "found undefined alias": ("aliases (*) are not allowed", "quote a text that starts with *"),
}
"""The parser's words in ours."""


def _syntax(error: yaml.MarkedYAMLError, shown: str, text: str) -> Finding:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    words, hint = _SYNTAX.get(error.problem or "", ("this is not valid YAML", "check indentation and quotes"))
    if (error.problem or "").startswith("found character that cannot start"):
        words, hint = _odd_start(text, line, column)
    elif error.context_mark and (error.problem or "") == "found unexpected end of stream":
        line, column = error.context_mark.line, error.context_mark.column
    return Finding(shown, line + 1, column + 1, words, hint)


def _odd_start(text: str, line: int, column: int) -> tuple[str, str]:
    rows = text.splitlines()
    if line < len(rows) and rows[line][column : column + 1] == "\t":
        return "a tab", "indent with spaces"
    return "a text cannot start with this character", "put the text in quotes"
