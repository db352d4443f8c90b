"""Expressions become closures: paths by the privacy policy, verbs by their table.

Types are checked here, once: a lookup is not handed a date, a token is used as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec

from engine.effects import Money
from engine.errors import Unacceptable
from engine.privacy.rules import Use
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
from engine.transforms.function import Function, Parameter
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


class Compiled(msgspec.Struct, frozen=True):
    """An expression as a closure. `fields` are the fields that it reads; `tokens` the domains
    (letters) of the tokens that it gives, with an empty one when it may give something else;
    `alternatives` the values that it is the first populated one of; `needs` what a function must be given to
    give anything."""

    value: Value
    fields: tuple[Field, ...]
    tokens: frozenset[str]
    alternatives: tuple[Value, ...] = ()
    needs: tuple[Compiled, ...] = ()

    @property
    def segments(self) -> frozenset[str]:
        """The segments that it reads."""
        return frozenset[str]().union(*(field.segments for field in self.fields))

    def refused(self, refusal: Unacceptable, scope: Scope) -> Unacceptable:
        """The refusal, at the field that it is about: the first populated one, or the first of all; what is
        missing is what a function lacks."""
        place = refusal.place
        for one in self.needs if not place and refusal.code == "missing-field" else ():
            if one.value(scope) is None:
                return one.refused(refusal, scope)
        if not place and self.fields:
            populated = (field for field in self.fields if _is_populated(field, scope))
            place = scope.view.place(next(populated, self.fields[0]).path)
        return Unacceptable(refusal.code, place, refusal.text, hl7=refusal.hl7, lacks=refusal.lacks)


def compile_text(text: str, setting: Setting, use: Use, wanted: type = str) -> Compiled:
    """The expression that `text` writes, read for `use`, giving the `wanted` type. Raises `Flaw`."""
    return compile_expression(parse(text), setting, use, wanted)


def compile_expression(expression: Expression, setting: Setting, use: Use, wanted: type = str) -> Compiled:
    """The same for an expression that was parsed. Raises `Flaw`."""
    expression = setting.values.written_out(expression)
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


class Checked(msgspec.Struct, frozen=True):
    """A value with its refusals placed: what a verb or `check` refuses names the field, and so does an
    empty one that is `required` (`missing-field`, 101). Calling it is one way; the makers of effects do the
    same in place, because a message has dozens of fields."""

    value: Value
    compiled: Compiled
    required: bool = False
    check: Callable[[Any], None] | None = None

    def __call__(self, scope: Scope) -> Any:
        try:
            found = self.value(scope)
            if found is not None:
                if self.check is not None:
                    self.check(found)
            elif self.required:
                raise missing()
        except Unacceptable as refusal:
            raise self.compiled.refused(refusal, scope) from None
        return found


def missing() -> Unacceptable:
    """A field that must hold something is empty; its place is still to be said."""
    return Unacceptable("missing-field", "", "nothing here", hl7=101)


def checked(
    compiled: Compiled, *, required: bool = False, check: Callable[[Any], None] | None = None
) -> Checked:
    """The value of `compiled` with its refusals placed."""
    return Checked(compiled.value, compiled, required, check)


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
        self.verbs.append(Stage(str(call), self.value))

    def _started(self, part: PathText | Call, use: Use) -> tuple[Value, tuple[Field, ...]]:
        """The value of a part, and the fields that it reads."""
        if isinstance(part, PathText):
            field = self.setting.field(part, use)
            return field.value, (field,)
        if not isinstance(part, Calling):
            return _started(part, self.setting), ()
        function = _function(part, self.setting)
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
        make = partial(_called, function, given)
        return self.setting.once((*_said(part), "called"), segments, make), fields

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


def _function(calling: Calling, setting: Setting) -> Function:
    found = setting.functions.get(calling.name)
    if found is None:
        hint = meant(calling.name, sorted(setting.functions)) or f"functions/{calling.name}.py"
        raise Flaw(f"there is no function {calling.name}", calling.offset, hint)
    if len(found.parameters) != len(calling.given):
        names = ", ".join(parameter.name for parameter in found.parameters)
        text = f"{calling.name} takes {len(found.parameters)} values, and this gives {len(calling.given)}"
        raise Flaw(text, calling.offset, f"it takes {names}")
    return found


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


def _called(function: Function, given: Sequence[Compiled]) -> Value:
    """What the function makes of what it is given; nothing where what it needs is empty."""
    values = [
        (one.value, one, parameter.optional)
        for one, parameter in zip(given, function.parameters, strict=True)
    ]

    def called(scope: Scope) -> Any:
        found = []
        for value, compiled, optional in values:
            try:
                one = value(scope)
            except Unacceptable as refusal:
                raise compiled.refused(refusal, scope) from None
            if one is None and not optional:
                return None
            found.append(one)
        return function(*found)

    return called


def _verb(call: Call) -> Verb:
    verb = VERBS.get(call.name)
    if verb is None:
        raise Flaw(f"there is no verb {call.name}", call.offset, meant(call.name, VERBS))
    return verb


def _is_populated(field: Field, scope: Scope) -> bool:
    try:
        return field.value(scope) is not None
    except Unacceptable:
        return True
