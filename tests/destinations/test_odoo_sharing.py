"""Sharing out what is wanted among moves: nothing twice, nothing lost, the first ones first."""

from __future__ import annotations

from decimal import Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.sharing import alike, share, without
from engine.destinations.odoo.transfers import Line, Move

UNIT, BOX, SIZE = 1, 2, 100
PRODUCTS = [Product(n, f"P{n}", f"Item {n}", UNIT, "consu", "none") for n in (1, 2)]

_many = st.integers(1, 300)
_units = st.sampled_from([UNIT, BOX])
_states = st.sampled_from(["assigned", "confirmed", "partially_available", "done"])


def line(product: Product, unit: int, many: int) -> Line:
    return Line(product, unit, Decimal(many), Decimal(many * (SIZE if unit == BOX else 1)))


def move(number: int, product: int, unit: int, many: int, state: str) -> Move:
    base = Decimal(many * (SIZE if unit == BOX else 1))
    return Move(number, 1, product, unit, Decimal(many), Decimal(many), base, state, 8, 9)


lines = st.lists(st.builds(line, st.sampled_from(PRODUCTS), _units, _many), min_size=1, max_size=4)
moves = st.lists(st.tuples(st.integers(1, 2), _units, _many, _states), max_size=5).map(
    lambda them: [move(n, *one) for n, one in enumerate(them, 1)]
)


def base(lines: tuple[Line, ...] | list[Line], product: int) -> Decimal:
    return sum((one.base for one in lines if one.product.id == product), Decimal(0))


@given(lines, moves)
def test_what_is_shared_and_what_is_left_is_what_was_wanted(lines: list[Line], moves: list[Move]) -> None:
    parts, rest = share(lines, moves)
    for product in (1, 2):
        had = sum(m.base for m in moves if m.product == product)
        given = [one for part in parts for one in part.lines]
        assert base(given, product) == min(base(lines, product), had)
        assert base(given, product) + base(rest, product) == base(lines, product)
    for part in parts:
        assert Decimal(0) < part.quantity <= part.move.demand
        assert {(one.product.id, one.unit) for one in part.lines} == {(part.move.product, part.move.unit)}


@given(lines, moves)
def test_the_first_moves_are_used_up_before_the_next(lines: list[Line], moves: list[Move]) -> None:
    parts, _ = share(lines, moves)
    used = {part.move.id: part.quantity == part.move.demand for part in parts}
    for product in (1, 2):
        whole = [used.get(m.id, False) for m in moves if m.product == product]
        assert whole == sorted(whole, reverse=True)


@given(lines)
def test_lines_less_what_they_moved_are_nothing(lines: list[Line]) -> None:
    moved = [move(n, one.product.id, one.unit, int(one.quantity), "done") for n, one in enumerate(lines, 1)]
    assert without(lines, moved) == ()
    assert without(lines, []) == tuple(lines)
    assert alike(lines, moved)
    assert not alike(lines, moved[1:])


def test_odoos_rounding_is_no_difference() -> None:
    third = Line(PRODUCTS[0], BOX, Decimal("0.333"), Decimal("33.3"))
    rounded = msgspec.structs.replace(move(1, 1, BOX, 1, "done"), demand=Decimal("0.33"), base=Decimal(33))
    assert alike([third], [rounded])
    assert not alike([third], [msgspec.structs.replace(rounded, base=Decimal("34.5"))])
