"""Expressions become closures: paths by the privacy policy, verbs by their table.

Types are checked here, once: a lookup is not handed a date, a token is used as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

from engine.effects import Money
from engine.privacy.rules import Use
from engine.transforms.calling import called, function_of
from engine.transforms.compiled import Checked, Compiled, checked, missing
from engine.transforms.expression import (
    Call,
    Calling,
    Expression,
    Flaw,
    Joined,
    PathText,
    Source,
    parse,
    parts_of,
)
from engine.transforms.function import Parameter
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Field, Setting, Stage, Worked
from engine.transforms.verb import Also, Before, Other, Verb, constant
from engine.transforms.verbs import VERBS
from engine.transforms.wording import meant

__all__ = ["Checked", "Compiled", "checked", "compile_day", "compile_expression", "compile_text", "missing"]

_WORDS: dict[type, str] = {
    str: "text", Decimal: "a number", datetime: "a time", date: "a date", Money: "an amount of money",
    tuple: "a list of items",
}  # fmt: skip

_IMPLIED: dict[type, str] = {Decimal: "number", datetime: "timestamp", date: "date", Money: "money"}
"""The verb that text goes through where another type is wanted."""


def compile_text(text: str, setting: Setting, use: Use, wanted: type = str) -> Compiled:
    """The expression that `text` writes, read for `use`, giving the `wanted` type. Raises `Flaw`."""
    return compile_expression(parse(text), setting, use, wanted)


def _nothing_in_vain(expression: Expression) -> None:
    """Raises `Flaw` for an alternative that is never read."""
    for source, after in pairwise(expression.sources):
        if isinstance(source, Call) and source.name == "literal":
            offset = parts_of(after)[0].offset
            raise Flaw("this is never read", offset, "literal() always gives its text: put it last")


def compile_expression(expression: Expression, setting: Setting, use: Use, wanted: type = str) -> Compiled:
    """The same for an expression that was parsed. Raises `Flaw`."""
    expression = setting.values.written_out(expression)
    _nothing_in_vain(expression)
    first = len(setting.reads)
    chain = _Chain(expression, setting, use)
    tokens = frozenset(field.domain for field in chain.fields)
    joined = any(isinstance(source, Joined) for source in expression.sources)
    if tokens - {""} and (expression.verbs or joined or wanted is not str):
        after = expression.verbs[0].offset if expression.verbs else expression.offset
        text = f"{setting.token_among(first)}, and a token is used as it is"
        raise Flaw(text, after, "no verb can change it, and it is no number or date")
    if any(isinstance(part, Call) for source in expression.sources for part in parts_of(source)):
        tokens |= {""}
    for call in expression.verbs:
        chain.apply(call)
    value = chain.turned(wanted, expression.offset)
    setting.sent_through(first, expression.verbs)
    setting.worked.append(Worked(setting.part, chain.fields, chain.alternatives, tuple(chain.verbs)))
    return Compiled(value, chain.fields, tokens, chain.values, chain.needs)


def compile_day(expression: Expression, setting: Setting) -> Compiled:
    """The day (`date`) that the first populated field says, whatever the policy lets it be read for: it
    chooses, and goes nowhere. Raises `Flaw`."""
    expression = setting.values.written_out(expression)
    paths = [source for source in expression.sources if isinstance(source, PathText)]
    if expression.verbs or len(paths) < len(expression.sources):
        raise Flaw("only field paths say which day counts", 0, "such as FT1-4 or MSH-7")
    fields = tuple(setting.time_field(path) for path in paths)
    if any(field.domain for field in fields):
        raise Flaw("a token is no day", 0, "such as FT1-4 or MSH-7")
    values = tuple(field.value for field in fields)
    value = VERBS["date"].build(Call("date", 0), setting, Before(_first(values)))
    return Compiled(value, fields, frozenset({""}), values)


class _Chain:
    """An expression while its verbs are put on, one after the other."""

    def __init__(self, expression: Expression, setting: Setting, use: Use) -> None:
        sources = expression.sources
        self.setting = setting
        self._use = use
        parts = [part for source in sources for part in parts_of(source)]
        self.paths = tuple(part for part in parts if isinstance(part, PathText))
        self.gives: type = str
        self.needs: tuple[Compiled, ...] = ()
        self._so_far: tuple[object, ...] = tuple(map(_said, sources))
        started = [self._started(part, use) for part in parts]
        self.fields = tuple(field for _, fields in started for field in fields)
        known = iter(value for value, _ in started)
        values = tuple(_joined([next(known) for _ in parts_of(source)]) for source in sources)
        self.value = values[0] if len(values) == 1 else self._remembered(lambda: _first(values))
        self.values = values
        self.alternatives = tuple(map(Stage, map(_written, sources), values))
        self.verbs: list[Stage] = []

    def apply(self, call: Call) -> None:
        """Put the verb of `call` after what there is. Raises `Flaw` when it does not fit."""
        verb = _verb(call)
        if verb.takes is None:
            raise Flaw(f"{verb.name} starts an expression", call.offset, "use default(text) for empty fields")
        self.turned(verb.takes, call.offset)
        others = tuple(self._other(one, call) for one in verb.also(call, self.setting))
        before = Before(self.value, self.paths, self.values, self.fields, others)
        self._so_far = (*self._so_far, "|", _said(call))
        if verb.costly:
            self.value = self._remembered(lambda: verb.build(call, self.setting, before))
        else:
            self.value = verb.build(call, self.setting, before)
        self.gives, self.values = verb.gives, (self.value,)
        self.verbs.append(Stage(str(call), self.value, tuple(one.alternatives for one in others)))

    def _started(self, part: PathText | Call, use: Use) -> tuple[Value, tuple[Field, ...]]:
        """The value of a part, and the fields that it reads."""
        if isinstance(part, PathText):
            field = self.setting.field(part, use)
            return field.value, (field,)
        if not isinstance(part, Calling):
            return _started(part, self.setting), ()
        function = function_of(part, self.setting)
        given = [
            _given(one, parameter, part, self.setting)
            for one, parameter in zip(part.given, function.parameters, strict=True)
        ]
        self.gives = function.gives
        self.needs = tuple(
            one for one, parameter in zip(given, function.parameters, strict=True) if not parameter.optional
        )
        fields = tuple(field for one in given for field in one.fields)
        segments = frozenset[str]().union(*(field.segments for field in fields))
        make = partial(called, function, given)
        return self.setting.once(_said(part), segments, make), fields

    def turned(self, wanted: type, offset: int) -> Value:
        """What there is as the type that is wanted: text goes through the verb of that type."""
        if self.gives is not wanted:
            implied = _IMPLIED.get(wanted) if self.gives is str else None
            if implied is None:
                text = f"{_WORDS[wanted]} is wanted here, and this is {_WORDS[self.gives]}"
                raise Flaw(
                    text, offset, "end with | kit(table)" if wanted is tuple else "change or drop verbs"
                )
            self.apply(Call(implied, offset))
        return self.value

    def _other(self, also: Also, call: Call) -> Other:
        """What a verb reads besides; a flaw of it stands where the verb does."""
        setting, first = self.setting, len(self.setting.reads)
        try:
            if also.day:
                compiled = compile_day(also.expression, setting)
            else:
                compiled = compile_expression(also.expression, setting, self._use)
        except Flaw as flaw:
            raise Flaw(flaw.text, call.offset, flaw.hint) from None
        if compiled.tokens - {""}:
            raise Flaw(f"{setting.token_among(first)}, and a token is used as it is", call.offset)
        setting.reads[first:] = [read._replace(offset=call.offset) for read in setting.reads[first:]]
        self.fields += compiled.fields
        return Other(checked(compiled, required=also.day), compiled.alternatives, compiled.fields)

    def _remembered(self, make: Callable[[], Value]) -> Value:
        segments = frozenset[str]().union(*(field.segments for field in self.fields))
        return self.setting.once(self._so_far, segments, make)


def _said(part: Source) -> tuple[object, ...]:
    """What a part of an expression says, wherever it stands: two that say the same are one value."""
    if isinstance(part, PathText):
        return (part.text,)
    if isinstance(part, Calling):
        return ("call", *_said(Call(part.name, 0, part.arguments)))
    if isinstance(part, Call):
        return (part.name, *((argument.name, argument.text) for argument in part.arguments))
    return tuple(map(_said, part.parts))


def _written(source: Source) -> str:
    return " + ".join(part.text if isinstance(part, PathText) else str(part) for part in parts_of(source))


def _joined(values: Sequence[Value]) -> Value:
    """The one value, or all of them with a `/` between; nothing when one is empty."""
    if len(values) == 1:
        return values[0]

    def value(scope: Scope) -> Any:
        found = [one(scope) for one in values]
        return None if None in found else "/".join(found)

    return value


def _first(values: Sequence[Value]) -> Value:
    """The first value that is not empty."""

    def value(scope: Scope) -> Any:
        for one in values:
            found = one(scope)
            if found is not None:
                return found
        return None

    return value


def _started(call: Call, setting: Setting) -> Value:
    verb = _verb(call)
    if verb.takes is not None:
        raise Flaw(f"{call.name} needs a value before it", call.offset, f"such as PV1-3.1 | {call.name}")
    return verb.build(call, setting, Before(constant(None)))


def _given(expression: Expression, parameter: Parameter, calling: Calling, setting: Setting) -> Compiled:
    """What a parameter is given: read like what leaves, because what a function makes of it may."""
    first = len(setting.reads)
    use: Use = "date" if parameter.type in (date, datetime) else "value"
    compiled = compile_expression(expression, setting, use, parameter.type)
    if compiled.tokens - {""}:
        text = f"{setting.token_among(first)}, and a token does not go into a function"
        raise Flaw(text, expression.offset, "give it a code, a number or a date")
    into = f"call {calling.name}"
    setting.reads[first:] = [read._replace(through=(*read.through, into)) for read in setting.reads[first:]]
    return compiled


def _verb(call: Call) -> Verb:
    verb = VERBS.get(call.name)
    if verb is None:
        raise Flaw(f"there is no verb {call.name}", call.offset, meant(call.name, VERBS))
    return verb
