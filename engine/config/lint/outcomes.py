"""What an expression can give at all, as far as its verbs and the channel's tables say.

`PV1-2 | map(I: inpatient, else: other)` gives `inpatient`, `other` or nothing, whatever a message holds; a
look-up gives the cells of its column. Conditions are held against this (`engine.config.lint.reach`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from engine.transforms.expression import Call, Expression, Source
from engine.transforms.setting import Table

__all__ = ["Outcomes", "outcomes"]


class Outcomes(NamedTuple):
    """The texts that may come out (None: any), whether nothing may, and the table that they are of."""

    words: frozenset[str] | None
    empty: bool = True
    table: str = ""


_ANY = Outcomes(None)


def outcomes(expression: Expression, tables: Mapping[str, Table]) -> Outcomes:
    """What `expression` (values written out) can give. Of what cannot be understood: anything."""
    gives = _either([_started(source) for source in expression.sources])
    for call in expression.verbs:
        through = _THROUGH.get(call.name)
        gives = through(call, gives, tables) if through else _ANY
    return gives


def _started(source: Source) -> Outcomes:
    if not isinstance(source, Call) or not source.arguments:
        return _ANY
    said = frozenset([source.arguments[-1].text])
    return Outcomes(said, empty=source.name != "literal") if source.name in ("literal", "anywhere") else _ANY


def _either(alternatives: list[Outcomes]) -> Outcomes:
    """The first populated of several: empty only when all are."""
    words = frozenset[str]()
    for one in alternatives:
        if one.words is None:
            return Outcomes(None, all(each.empty for each in alternatives))
        words |= one.words
    return Outcomes(words, all(each.empty for each in alternatives))


def _map(call: Call, before: Outcomes, _: Mapping[str, Table]) -> Outcomes:
    given = [argument.text for argument in call.arguments]
    return Outcomes(frozenset(filter(None, given)), before.empty or "" in given)


def _looked_up(call: Call, before: Outcomes, tables: Mapping[str, Table]) -> Outcomes:
    table = tables.get(call.arguments[0].text) if len(call.arguments) > 1 else None
    column = call.arguments[1].text if len(call.arguments) > 1 else ""
    fallback = call.arguments[2:]
    if table is None or column not in table.columns or any(one.name for one in fallback):
        return _ANY
    cells = [row[column] for key in table.keys() for row in table.rows(key)]  # noqa: SIM118 - no mapping
    cells += [one.text for one in fallback]
    return Outcomes(frozenset(filter(None, cells)), before.empty or "" in cells, call.arguments[0].text)


def _default(call: Call, before: Outcomes, _: Mapping[str, Table]) -> Outcomes:
    given = frozenset(argument.text for argument in call.arguments)
    return Outcomes(None if before.words is None else before.words | given, empty=False, table=before.table)


def _one_of(*words: str) -> Callable[[Call, Outcomes, Mapping[str, Table]], Outcomes]:
    return lambda _call, _before, _tables: Outcomes(frozenset(words))


_THROUGH: dict[str, Callable[[Call, Outcomes, Mapping[str, Table]], Outcomes]] = {
    "map": _map,
    "lookup": _looked_up,
    "find": _looked_up,
    "default": _default,
    "sign": _one_of("negative", "zero", "positive"),
    "product_of": _one_of("yes", "no"),
}
