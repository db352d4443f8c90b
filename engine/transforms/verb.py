"""What a verb is: a word of the expression language that makes a value or changes one.

A verb is built once, when the channel is compiled, into a closure; per message only closures run.
Empty is `None` everywhere and passes through a verb untouched, except through `default`. A verb
refuses with `Unacceptable` and no place: the expression it stands in knows the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Any, Protocol

import msgspec

from engine.hl7.reading import Reading
from engine.privacy.book import TokenBook
from engine.privacy.readers import Readers
from engine.transforms.expression import Argument, Call, Flaw, PathText

__all__ = ["Before", "Setting", "Table", "Value", "Verb", "constant", "positional", "step", "table_of"]

Value = Callable[[Reading, TokenBook], Any]
"""What an expression is compiled to: reads a message or a group of it, answers `None` for empty."""


class Table(Protocol):
    """A CSV table of the channel: rows of text by the first column (`engine.config.tables`)."""

    @property
    def columns(self) -> tuple[str, ...]: ...
    def keys(self) -> Iterable[str]: ...
    def rows(self, key: str) -> Sequence[Mapping[str, str]]: ...
    def repeated(self) -> Iterable[tuple[str, int]]: ...


class Setting(msgspec.Struct, frozen=True):
    """What verbs may know of their channel: its readers, its tables, the sender's zone."""

    readers: Readers
    tables: Mapping[str, Table] = {}
    zone: tzinfo = UTC


class Before(msgspec.Struct, frozen=True):
    """What stands before a verb: the value, and the paths that it was read from."""

    value: Value
    paths: tuple[PathText, ...] = ()


class Verb(msgspec.Struct, frozen=True):
    """One word of the language: the type of value it takes (`None`: it starts an expression), the
    type it gives, and how it is built. `build` raises `Flaw` for arguments it cannot use."""

    name: str
    takes: type | None
    gives: type
    build: Callable[[Call, Setting, Before], Value]


def constant(value: object) -> Value:
    """A value that is the same for every message."""

    def same(_view: Reading, _book: TokenBook) -> Any:
        return value

    return same


def step(before: Before, change: Callable[[Any], Any]) -> Value:
    """The value before, and `change` of it when it is populated."""
    inner = before.value

    def changed(view: Reading, book: TokenBook) -> Any:
        value = inner(view, book)
        return None if value is None else change(value)

    return changed


def positional(call: Call, least: int, most: int, example: str) -> tuple[Argument, ...]:
    """The arguments, which must be that many and without names; `example` is the hint."""
    for argument in call.arguments:
        if argument.name is not None:
            raise Flaw(f"{call.name} takes no named arguments", argument.offset, example)
    if not least <= len(call.arguments) <= most:
        wanted = {(0, 0): "no arguments", (1, 1): "one argument", (2, 2): "two arguments"}
        said = wanted.get((least, most), f"{least} to {most} arguments")
        raise Flaw(f"{call.name} takes {said}", call.offset, example)
    return call.arguments


def table_of(argument: Argument, setting: Setting) -> Table:
    """The table that an argument names."""
    table = setting.tables.get(argument.text)
    if table is None:
        known = ", ".join(sorted(setting.tables))
        hint = f"the channel's tables: {known}" if known else "name it under tables:"
        raise Flaw(f"there is no table {argument.text}", argument.offset, hint)
    return table
