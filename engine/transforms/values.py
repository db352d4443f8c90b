"""Named values: what a channel's expressions have in common, written once.

    values:
      ward: PV1-3.1 or PV1-6.1
      place: ward | find(places, odoo_location)

A name stands for its expression wherever a field path may stand, and means what would stand there written
out; a running channel knows no names. With `ward` and `place` as above:

    place | default(text)   its alternatives and its verbs, then those that follow
    ward or PL-1            its alternatives, then the others
    ward + RQD-2            each alternative joined with the rest: PV1-3.1 + RQD-2 or PV1-6.1 + RQD-2

Verbs change the whole of an expression, so a name that has verbs stands alone before what follows; so does
one whose value is a function's. A value may use those before it, which leaves no way around in a circle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import product
from math import prod
from types import MappingProxyType
from typing import Protocol

from msgspec.structs import replace

from engine.transforms.expression import (
    MAX_ALTERNATIVES,
    MAX_LENGTH,
    MAX_PARTS,
    Argument,
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
from engine.transforms.wording import meant

__all__ = ["PATH_LIKE", "Called", "Values"]

PATH_LIKE = re.compile(r"[a-z][a-z0-9]{2}-[0-9]+")
"""A name that a reader would take for a field path in small letters: `pv1-19`."""

_NAME = re.compile(r"[a-z][a-z0-9-]*")
_SPAN = MAX_LENGTH + 1
"""Offsets of the n-th value's text count from n * _SPAN, so that a flaw's offset says in which text it is."""


class Called(Protocol):
    """A value that is a function's: its name, and the expressions that it is given."""

    @property
    def call(self) -> str: ...
    @property
    def given(self) -> Sequence[str]: ...


_NONE: Mapping[str, str | Called] = MappingProxyType({})


class Values:
    """The named values of a channel, of the texts that its file writes, in their order. `flaws` are those
    that mean nothing, `used` the names that an expression (or a later value) used so far."""

    def __init__(self, texts: Mapping[str, str | Called] = _NONE) -> None:
        self.flaws: dict[str, Flaw] = {}
        self.used: set[str] = set()
        self._names = tuple(texts)
        self._known: dict[str, Expression] = {}
        self._places: list[tuple[str | int, ...]] = []
        for name, said in texts.items():
            try:
                self._known[name] = (
                    self._read(said, name) if isinstance(said, str) else self._called(said, name)
                )
            except Flaw as flaw:
                self.flaws[name] = flaw

    def _read(self, text: str, *place: str | int) -> Expression:
        base = self._base(*place)
        return self.written_out(_moved(_parsed(text, base), base))

    def _called(self, said: Called, name: str) -> Expression:
        base = self._base(name, "call")
        given = tuple(self._read(text, name, "with", number) for number, text in enumerate(said.given))
        arguments = tuple(Argument(text, one.offset) for text, one in zip(said.given, given, strict=True))
        return Expression((Calling(said.call, base, arguments, given),), (), base)

    def _base(self, *place: str | int) -> int:
        """Where the offsets of the text at `place` (below `values:`) count from."""
        self._places.append(place)
        return len(self._places) * _SPAN

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def where(self, offset: int) -> tuple[tuple[str | int, ...], int] | None:
        """The place below `values:` in whose text a flaw of this offset is, and its offset there; None: it is
        in none."""
        number, inside = divmod(offset, _SPAN)
        return (self._places[number - 1], inside) if number else None

    def written_out(self, expression: Expression) -> Expression:
        """`expression` with what its names stand for; the same object where it has none. Raises `Flaw` for a
        name that means nothing or that cannot stand where it stands, and for what becomes too long."""
        if not self._names or not any(map(self._is_name, _all_parts(expression))):
            return expression
        verbs = expression.verbs
        first, *others = expression.sources
        if not others and isinstance(first, PathText):
            meaning = self._meaning(first)
            sources, verbs = meaning.sources, (*meaning.verbs, *verbs)
        else:
            sources = tuple(one for source in expression.sources for one in self._alternatives(source))
        if len(sources) > MAX_ALTERNATIVES or len(verbs) > MAX_PARTS:
            raise _too_long(expression.offset)
        return Expression(sources, verbs, expression.offset)

    def _alternatives(self, source: Source) -> list[Source]:
        """What a source stands for: each alternative of one name with each of the next."""
        choices = [self._joinable(part) for part in parts_of(source)]
        if prod(map(len, choices)) > MAX_ALTERNATIVES:
            raise _too_long(parts_of(source)[0].offset)
        joined = [tuple(part for one in row for part in parts_of(one)) for row in product(*choices)]
        if any(len(parts) > MAX_PARTS for parts in joined):
            raise _too_long(parts_of(source)[0].offset)
        return [parts[0] if len(parts) == 1 else Joined(parts) for parts in joined]

    def _joinable(self, part: PathText | Call) -> tuple[Source, ...]:
        if not isinstance(part, PathText) or not self._is_name(part):
            return (part,)
        meaning = self._meaning(part)
        if meaning.verbs or isinstance(meaning.sources[0], Calling):
            how = "ends in verbs" if meaning.verbs else "is a function's"
            text = f"the value {part.text} {how}, so nothing stands beside it"
            raise Flaw(text, part.offset, "name what stands before its verbs, and put them after the whole")
        return meaning.sources

    def _meaning(self, part: PathText) -> Expression:
        name = part.text
        self.used.add(name)
        if name in self._known:
            return self._known[name]
        if name in self.flaws:
            raise self.flaws[name]
        if name in self._names:
            raise Flaw(f"the value {name} is not known yet here", part.offset, "a value uses those before it")
        raise Flaw(f"there is no value {name}", part.offset, meant(name, self._known))

    def _is_name(self, part: PathText | Call) -> bool:
        """Whether it is meant as a name: no path of HL7 v2 or FHIR starts with a small letter."""
        if not isinstance(part, PathText) or not _NAME.fullmatch(part.text):
            return False
        return part.text in self._names or not PATH_LIKE.fullmatch(part.text)


def _parsed(text: str, base: int) -> Expression:
    try:
        return parse(text)
    except Flaw as flaw:
        raise Flaw(flaw.text, base + flaw.offset, flaw.hint) from None


def _moved(expression: Expression, by: int) -> Expression:
    """The same with other offsets."""

    def part(one: PathText | Call) -> PathText | Call:
        return call(one) if isinstance(one, Call) else replace(one, offset=one.offset + by)

    def call(one: Call) -> Call:
        arguments = tuple(replace(each, offset=each.offset + by) for each in one.arguments)
        return replace(one, offset=one.offset + by, arguments=arguments)

    sources = tuple(
        Joined(tuple(map(part, one.parts))) if isinstance(one, Joined) else part(one)
        for one in expression.sources
    )
    return Expression(sources, tuple(map(call, expression.verbs)), expression.offset + by)


def _all_parts(expression: Expression) -> list[PathText | Call]:
    return [part for source in expression.sources for part in parts_of(source)]


def _too_long(offset: int) -> Flaw:
    most = f"{MAX_ALTERNATIVES} alternatives, {MAX_PARTS} parts of one and {MAX_PARTS} verbs"
    return Flaw("too long once its values are written out", offset, f"at most {most}")
