"""Expressions become closures: paths by the privacy policy, verbs by their table.

Types are checked here, once: a lookup is not handed a date, a token is used as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

import msgspec

from engine.effects import Money
from engine.errors import Unacceptable
from engine.hl7.path import Path
from engine.hl7.reading import Reading
from engine.privacy.book import TokenBook
from engine.privacy.readers import Reader
from engine.privacy.rules import Use
from engine.transforms.expression import Call, Expression, Flaw, PathText, Source, parse
from engine.transforms.source import populated, reader_of
from engine.transforms.verb import Before, Setting, Value, Verb, constant
from engine.transforms.verbs import VERBS

__all__ = ["Compiled", "checked", "compile_expression", "compile_text"]

_WORDS: dict[type, str] = {
    str: "text", Decimal: "a number", datetime: "a time", date: "a date", Money: "an amount of money",
    tuple: "a list of items",
}  # fmt: skip

_IMPLIED: dict[type, str] = {Decimal: "number", datetime: "timestamp", date: "date", Money: "money"}
"""The verb that text goes through where another type is wanted."""


class Compiled(msgspec.Struct, frozen=True):
    """An expression as a closure. `tokens` are the domains (letters) of the tokens that it gives,
    with an empty one when it may give something else; `segments` the segments it reads; `place`
    names the field that a refusal is about."""

    value: Value
    tokens: frozenset[str]
    segments: frozenset[str]
    place: Callable[[Reading, TokenBook], str]


def compile_text(text: str, setting: Setting, use: Use, wanted: type = str) -> Compiled:
    """The expression that `text` writes, read for `use`, giving the `wanted` type. Raises `Flaw`."""
    return compile_expression(parse(text), setting, use, wanted)


def compile_expression(expression: Expression, setting: Setting, use: Use, wanted: type = str) -> Compiled:
    """The same for an expression that was parsed. Raises `Flaw`."""
    paths = tuple(source for source in expression.sources if isinstance(source, PathText))
    readers = [reader_of(setting.readers, path, use) for path in paths]
    tokens = frozenset(reader.rule.domain for reader in readers if reader.rule.treatment == "token")
    if tokens and (expression.verbs or wanted is not str):
        after = expression.verbs[0].offset if expression.verbs else expression.offset
        raise Flaw("a token is used as it is", after, "no verb can change it, and it is no number or date")
    if len(paths) > sum(reader.rule.treatment == "token" for reader in readers) or len(paths) < len(
        expression.sources
    ):
        tokens |= {""}
    value = _through(expression, _first(expression.sources, readers, setting), setting, paths, wanted)
    segments = frozenset(path.text[:3] for path in paths)
    return Compiled(value, tokens, segments, _placing(paths, readers))


def checked(compiled: Compiled, *, required: bool, check: Callable[[Any], None] | None = None) -> Value:
    """The value with its refusals placed: what a verb or `check` refuses names the field, and so does
    an empty one that is `required` (`missing-field`, 101)."""
    value = compiled.value

    def field(view: Reading, book: TokenBook) -> Any:
        try:
            found = value(view, book)
            if found is not None:
                if check is not None:
                    check(found)
                return found
        except Unacceptable as refusal:
            place = refusal.place or compiled.place(view, book)
            raise Unacceptable(refusal.code, place, refusal.text, hl7=refusal.hl7) from None
        if required:
            raise Unacceptable("missing-field", compiled.place(view, book), "nothing here", hl7=101)
        return None

    return field


def _through(
    expression: Expression, value: Value, setting: Setting, paths: tuple[PathText, ...], wanted: type
) -> Value:
    """`value` through the verbs, with what is implied between and after them."""
    gives: type = str
    calls = [(call, _verb(call)) for call in expression.verbs]
    for call, verb in calls:
        if verb.takes is None:
            raise Flaw(f"{verb.name} starts an expression", call.offset, "use default(text) for empty fields")
        value = _turned(value, gives, verb.takes, call.offset, setting, paths)
        value, gives = verb.build(call, setting, Before(value, paths)), verb.gives
    return _turned(value, gives, wanted, expression.offset, setting, paths)


def _turned(
    value: Value, gives: type, wanted: type, offset: int, setting: Setting, paths: tuple[PathText, ...]
) -> Value:
    if gives is wanted:
        return value
    implied = _IMPLIED.get(wanted) if gives is str else None
    if implied is None:
        raise Flaw(f"{_WORDS[wanted]} is wanted here, and this is {_WORDS[gives]}", offset, _hint(wanted))
    verb = VERBS[implied]
    return verb.build(Call(implied, offset), setting, Before(value, paths))


def _hint(wanted: type) -> str:
    return "end with | kit(table)" if wanted is tuple else "change the order of the verbs, or leave one out"


def _verb(call: Call) -> Verb:
    verb = VERBS.get(call.name)
    if verb is None:
        close = get_close_matches(call.name, VERBS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"one of: {', '.join(VERBS)}"
        raise Flaw(f"there is no verb {call.name}", call.offset, hint)
    return verb


def _first(sources: tuple[Source, ...], readers: list[Reader], setting: Setting) -> Value:
    """The first of the sources that is populated."""
    remaining = iter(readers)
    values = tuple(
        populated(next(remaining)) if isinstance(source, PathText) else _started(source, setting)
        for source in sources
    )
    if len(values) == 1:
        return values[0]

    def value(view: Reading, book: TokenBook) -> Any:
        for source in values:
            found = source(view, book)
            if found is not None:
                return found
        return None

    return value


def _started(call: Call, setting: Setting) -> Value:
    verb = _verb(call)
    if verb.takes is not None:
        raise Flaw(
            f"{call.name} needs a value before it", call.offset, f"write it like PV1-3.1 | {call.name}"
        )
    return verb.build(call, setting, Before(constant(None)))


def _placing(paths: tuple[PathText, ...], readers: list[Reader]) -> Callable[[Reading, TokenBook], str]:
    """Names the field that was read: the first populated one, or the first of all."""
    fields = tuple(
        (populated(reader), Path.parse(_unselected(path.text)))
        for path, reader in zip(paths, readers, strict=True)
    )

    def place(view: Reading, book: TokenBook) -> str:
        for value, path in fields:
            if _is_populated(value, view, book):
                return view.place(path)
        return view.place(fields[0][1]) if fields else ""

    return place


def _is_populated(value: Value, view: Reading, book: TokenBook) -> bool:
    try:
        return value(view, book) is not None
    except Unacceptable:
        return True


def _unselected(path: str) -> str:
    """The path without the choice of a repetition by type (`PID-3[MR]`)."""
    before, bracket, rest = path.rpartition("[")
    return before + rest.partition("]")[2] if bracket and not rest[:1].isdigit() else path
