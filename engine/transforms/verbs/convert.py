"""`convert(from, to)`: a number in one unit as the number in another, exactly.

    quantity: RXA-6 | convert(RXA-7.1, counted, units)
    quantity: RXA-6 | convert(RXA-7.1 + RXA-5.1 or RXA-7.1, counted, units, places: 2)

`from` and `to` are field paths or values of the channel; of several alternatives the first counts that is
known, as for `find`. A unit is a code of the table (`engine.transforms.measures`), if one is named, else
one of Odoo's or of UCUM. Without a unit the number stays as it is. A unit that nobody knows makes the
message a dead letter (`unmapped-code`; `unknown-unit` without a table), and so do two that measure different
things (`unknown-unit`). A result that does not come out even is refused (`quantity`) unless `places` says to
how many places it is rounded (half to even).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from typing import Any

from engine.errors import Unacceptable
from engine.transforms.expression import Argument, Call, Flaw, Joined, parse
from engine.transforms.measures import Measures, UnknownUnit, named
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Setting
from engine.transforms.ucum import Measure, kind_of
from engine.transforms.verb import Also, Before, Other, Verb
from engine.transforms.verbs.rows import absent, day_of, one_of

__all__ = ["CONVERT"]

_EXAMPLE = "write it like convert(RXA-7.1, counted, units)"
_MOST_PLACES = 12
_MOST = 10**28
"""As long as `number` reads one."""
_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)

Known = Callable[[Scope], Measure | None]
"""The unit that is read, None when nothing is."""


def _also(call: Call, setting: Setting) -> tuple[Also, ...]:
    units, table, _ = _taken(call)
    asked = tuple(Also(_expression(one)) for one in units)
    return asked + (day_of(table, setting) if table is not None else ())


def _taken(call: Call) -> tuple[tuple[Argument, ...], Argument | None, Argument | None]:
    """The two units, the table and the places of a call."""
    places = next((one for one in call.arguments if one.name == "places"), None)
    given = [one for one in call.arguments if one is not places]
    if any(one.name is not None for one in given) or not 2 <= len(given) <= 3:
        raise Flaw("convert takes a unit, another, and a table", call.offset, _EXAMPLE)
    return tuple(given[:2]), given[2] if len(given) == 3 else None, places


def _expression(argument: Argument) -> Any:
    try:
        return parse(argument.text)
    except Flaw as flaw:
        raise Flaw(flaw.text, argument.offset, flaw.hint) from None


def _build(call: Call, setting: Setting, before: Before) -> Value:
    units, named_table, places = _taken(call)
    measures = _measures(named_table, setting)
    digits = _digits(places)
    day = before.others[2].value if len(before.others) == 3 else None
    one, other = (
        _known(before.others[number], _alone(argument, setting), measures, day, named_table)
        for number, argument in enumerate(units)
    )
    inner, where = before.value, before.others[0]

    def converted(scope: Scope) -> Any:
        quantity = inner(scope)
        if quantity is None:
            return None
        given = one(scope)
        if given is None:
            return quantity
        wanted = other(scope)
        if wanted is None or given.base != wanted.base:
            raise _misfit(given, wanted, where.place(scope))
        if given.factor == wanted.factor:
            return quantity
        return _exactly(quantity, given.factor / wanted.factor, digits)

    return converted


def _measures(argument: Argument | None, setting: Setting) -> Measures:
    if argument is None:
        return Measures(None)
    table = one_of(argument, setting)
    if "unit" not in table.columns:
        hint = f"its columns: {', '.join(table.columns)}"
        raise Flaw("a table of units needs a column unit", argument.offset, hint)
    try:
        return Measures(table)
    except UnknownUnit as unknown:
        text = f"the unit of {unknown.code} is none of the table's, of Odoo's or of UCUM"
        hint = "add a row that says how many of another unit it is"
        raise Flaw(text, argument.offset, hint) from None


def _digits(argument: Argument | None) -> int | None:
    if argument is None:
        return None
    if not argument.text.isdecimal() or int(argument.text) > _MOST_PLACES:
        raise Flaw("places is a whole number", argument.offset, f"0 to {_MOST_PLACES}")
    return int(argument.text)


def _alone(argument: Argument, setting: Setting) -> tuple[bool, ...]:
    """Of each alternative, whether it is a unit by itself; a unit with an item (`BX/SUP-1001`) is none."""
    written = setting.values.written_out(parse(argument.text))
    if written.verbs:
        return (True,)
    return tuple(not isinstance(source, Joined) for source in written.sources)


def _known(
    unit: Other, alone: tuple[bool, ...], measures: Measures, day: Value | None, table: Argument | None
) -> Known:
    def known(scope: Scope) -> Measure | None:
        codes = [code for one in unit.alternatives if (code := one(scope)) is not None]
        if not codes:
            return None
        on: date | None = None if day is None else day(scope)
        for code in codes:
            if (found := measures.get(code, on)) is not None:
                return found
        for value, is_unit in zip(unit.alternatives, alone, strict=True):
            if is_unit and (code := value(scope)) is not None and (found := named(code)) is not None:
                return found
        raise _unknown(unit.place(scope), table, codes[0])

    return known


def _unknown(place: str, table: Argument | None, code: str) -> Unacceptable:
    if table is None:
        return Unacceptable("unknown-unit", place, "no unit of UCUM", hl7=103)
    refusal = absent(table, code)
    return Unacceptable(refusal.code, place, refusal.text, hl7=refusal.hl7, lacks=refusal.lacks)


def _misfit(given: Measure, wanted: Measure | None, place: str) -> Unacceptable:
    if wanted is None:
        return Unacceptable("unknown-unit", place, "nothing says which unit is wanted", hl7=103)
    kinds = f"{kind_of(given)}, and {kind_of(wanted)} is wanted"
    return Unacceptable("unknown-unit", place, f"the unit measures {kinds}", hl7=103)


def _exactly(quantity: Decimal, ratio: Fraction, digits: int | None) -> Decimal:
    """The product, exactly or to so many places. Raises `Unacceptable` (`quantity`, 102)."""
    found = Fraction(quantity) * ratio
    if abs(found) >= _MOST:
        raise Unacceptable(
            "quantity", "", "the quantity is beyond measure in the unit that is wanted", hl7=102
        )
    decimal = _WIDE.divide(Decimal(found.numerator), Decimal(found.denominator))
    if digits is not None:
        return decimal.quantize(Decimal(1).scaleb(-digits), context=_WIDE).normalize(_WIDE) + 0
    if Fraction(decimal) != found or -int(decimal.as_tuple().exponent) > _MOST_PLACES:
        text = "the quantity does not come out even in the unit that is wanted"
        raise Unacceptable("quantity", "", text, hl7=102)
    return decimal


CONVERT = Verb("convert", Decimal, Decimal, _build, costly=True, also=_also)
