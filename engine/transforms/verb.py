"""What a verb is: a word of the expression language that makes a value or changes one.

A verb is built once, when the channel is compiled, into a closure; per message only closures run.
Empty is `None` everywhere and passes through a verb untouched, except through `default`. A verb
refuses with `Unacceptable` and no place: the expression it stands in knows the place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from engine.transforms.expression import Argument, Call, Expression, Flaw, PathText
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Field, Setting, Table
from engine.transforms.wording import meant

__all__ = ["Also", "Before", "Other", "Verb", "beside", "constant", "positional", "step", "table_of"]


class Also(msgspec.Struct, frozen=True):
    """What a verb reads besides what stands before it: an expression; as a `day` it must say one, or the
    message is refused (`missing-field`)."""

    expression: Expression
    day: bool = False


class Other(msgspec.Struct, frozen=True):
    """The same, compiled: its value (whose refusals name the place), those that it is the first populated
    one of, and the fields that it reads."""

    value: Value
    alternatives: tuple[Value, ...]
    fields: tuple[Field, ...] = ()

    def place(self, scope: Scope) -> str:
        """Where it was read: the first populated path, else the first."""
        return _place(self.fields, scope) or (scope.view.place(self.fields[0].path) if self.fields else "")


class Before(msgspec.Struct, frozen=True):
    """What stands before a verb: the value, the paths that it was read from (and their fields), and the
    values that it is the first populated one of (itself, once a verb has changed it). `others` are what
    the verb asked for `also`."""

    value: Value
    paths: tuple[PathText, ...] = ()
    alternatives: tuple[Value, ...] = ()
    fields: tuple[Field, ...] = ()
    others: tuple[Other, ...] = ()

    def place(self, scope: Scope) -> str:
        """Where the value was read, as a warning names it: the first populated path."""
        return _place(self.fields, scope)


def _place(fields: tuple[Field, ...], scope: Scope) -> str:
    populated = (field for field in fields if field.value(scope) is not None)
    return next((scope.view.place(field.path) for field in populated), "")


class Verb(msgspec.Struct, frozen=True):
    """One word of the language: the type of value it takes (`None`: it starts an expression), the
    type it gives, and how it is built. `build` raises `Flaw` for arguments it cannot use. A `costly`
    one is not worked out twice. `also` says what else it reads."""

    name: str
    takes: type | None
    gives: type
    build: Callable[[Call, Setting, Before], Value]
    costly: bool = False
    also: Callable[[Call, Setting], tuple[Also, ...]] = lambda _call, _setting: ()


def constant(value: object) -> Value:
    """A value that is the same for every message."""

    def same(_scope: Scope) -> Any:
        return value

    return same


def step(before: Before, change: Callable[[Any], Any]) -> Value:
    """The value before, and `change` of it when it is populated."""
    inner = before.value

    def changed(scope: Scope) -> Any:
        value = inner(scope)
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
        hint = meant(argument.text, sorted(setting.tables)) or "name it under tables:"
        raise Flaw(f"there is no table {argument.text}", argument.offset, hint)
    return table


def beside(argument: Argument, setting: Setting, before: Before) -> Field:
    """The field that an argument names, in the segment that the value itself was read from."""
    first = len(setting.reads)
    field = setting.field(PathText(argument.text, argument.offset), "value")
    if field.domain:
        text = f"{setting.token_among(first)}, and a token is no number"
        raise Flaw(text, argument.offset, "name a field that holds a number")
    if any(_about(path.text) != _about(argument.text) for path in before.paths):
        raise Flaw("the field must be of the segment that is read", argument.offset, "such as FT1-10")
    return field


def _about(path: str) -> str:
    """The segment or the type of resource that a path is about."""
    return path.partition("-")[0].partition(".")[0]
