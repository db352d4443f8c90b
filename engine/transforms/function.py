"""Functions of a channel: what `call:` names, once it is loaded (`engine.config.functions`).

    values:
      packs: {call: packs_of, with: [FT1-10 | number, charged]}

A function is to expressions what a verb is: typed, and compiled once. Nothing but what its arguments read
goes in, by the privacy policy like any other value, and never a token. Empty passes through it untouched,
unless a parameter is `… | None`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from traceback import extract_tb
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from engine.effects import Item, Money
from engine.errors import Unacceptable

__all__ = ["TYPES", "Function", "Parameter"]

TYPES: tuple[type, ...] = (str, Decimal, date, datetime, Money, tuple)
"""What goes into a function and comes out; a tuple is of `Item`."""


class Parameter(NamedTuple):
    """What a function is given: `optional` when it wants to know of what is empty."""

    name: str
    type: type
    optional: bool


class Function(msgspec.Struct, frozen=True):
    """One function. `file` is how a reason names the file that it stands in, `source` that file's bytes."""

    name: str
    parameters: tuple[Parameter, ...]
    gives: type
    run: Callable[..., Any]
    file: str
    source: bytes = b""

    def __call__(self, *given: Any) -> Any:
        """What the function makes of these. Raises `Unacceptable` (`bad-value`, no place) for whatever it
        raises and for what is not of its type: with the function's name and line, never with a text of
        it."""
        try:
            found = self.run(*given)
        except (Exception, SystemExit) as error:
            raise self._refused(f"raised {_kind(error)}{self._line(error.__traceback__)}") from None
        if found is None or found == "":
            return None
        if not _is_whole(found, self.gives):
            raise self._refused("gave something that it must not")
        return found

    def _refused(self, text: str) -> Unacceptable:
        return Unacceptable("bad-value", "", f"the function {self.name} {text}", hl7=207)

    def _line(self, trace: TracebackType | None) -> str:
        lines = [frame.lineno for frame in extract_tb(trace) if frame.filename == self.file]
        return f" on line {lines[-1]}" if lines else ""


def _kind(error: BaseException) -> str:
    """The error's name, if Python gave it: one that a function made up could say anything."""
    kind = type(error)
    return kind.__name__ if kind.__module__ in ("builtins", "decimal") else "an error"


def _is_whole(found: Any, wanted: type) -> bool:
    """Whether it is of this very type, and whole: no NaN, no time without its zone."""
    if type(found) is not wanted:
        return False
    if isinstance(found, tuple):
        return all(type(one) is Item and _is_whole(one.quantity, Decimal) for one in found)
    if isinstance(found, Money):
        return _is_whole(found.amount, Decimal)
    if isinstance(found, Decimal):
        return found.is_finite()
    return not isinstance(found, datetime) or found.tzinfo is not None
