"""Goods that are wanted, counted against the moves that have them. Pure; in the items' own units."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import msgspec

from engine.destinations.odoo.transfers import Line, Move

__all__ = ["Part", "alike", "share", "without"]

_ROUNDED = Decimal("0.01")  # Odoo rounds quantities to the digits that its settings say
_NONE = Decimal(0)


class Part(msgspec.Struct, frozen=True):
    """What a move gives: `lines` in the move's own unit, together `quantity`."""

    move: Move
    lines: tuple[Line, ...]

    @property
    def quantity(self) -> Decimal:
        """In the move's unit."""
        return sum((line.quantity for line in self.lines), _NONE)


def share(lines: Sequence[Line], moves: Sequence[Move]) -> tuple[tuple[Part, ...], tuple[Line, ...]]:
    """What each move gives of what is wanted, the first ones first, and what none of them has.

    A move that is done has what it moved, another one what it asks for."""
    free = {move.id: move.done if move.state == "done" else move.base for move in moves}
    given: dict[int, list[Line]] = {}
    rest: list[Line] = []
    for line in lines:
        left = line.base
        for move in moves:
            part = min(free[move.id], left) if move.product == line.product.id else _NONE
            if part > _NONE:
                given.setdefault(move.id, []).append(_in_unit_of(move, line, part))
                free[move.id] -= part
                left -= part
        rest += [_scaled(line, left)] if _counts(line, left) else []
    parts = tuple(Part(move, tuple(given[move.id])) for move in moves if move.id in given)
    return parts, tuple(rest)


def without(lines: Sequence[Line], moves: Collection[Move]) -> tuple[Line, ...]:
    """What is left of the lines when the done moves are taken off."""
    had: dict[int, Decimal] = {}
    for move in moves:
        had[move.product] = had.get(move.product, _NONE) + move.done
    rest: list[Line] = []
    for line in lines:
        part = min(had.get(line.product.id, _NONE), line.base)
        had[line.product.id] = had.get(line.product.id, _NONE) - part
        if _counts(line, line.base - part):
            rest.append(_scaled(line, line.base - part))
    return tuple(rest)


def alike(lines: Sequence[Line], moves: Collection[Move]) -> bool:
    """Whether lines and moves are the same goods, as far as Odoo rounds them."""
    left: dict[int, Decimal] = {}
    room: dict[int, Decimal] = {}
    for line in lines:
        left[line.product.id] = left.get(line.product.id, _NONE) + line.base
        room[line.product.id] = max(room.get(line.product.id, _ROUNDED), _least(line))
    for move in moves:
        left[move.product] = left.get(move.product, _NONE) - move.base
    return all(abs(many) <= room.get(product, _ROUNDED) for product, many in left.items())


def _least(line: Line) -> Decimal:
    """The least that Odoo's rounding leaves of a line's unit."""
    return _ROUNDED * line.base / line.quantity


def _counts(line: Line, base: Decimal) -> bool:
    return base > min(_least(line), _ROUNDED)


def _scaled(line: Line, base: Decimal) -> Line:
    """The line with another quantity, given in the item's own unit."""
    if base == line.base:
        return line
    return msgspec.structs.replace(line, quantity=base * line.quantity / line.base, base=base)


def _in_unit_of(move: Move, line: Line, base: Decimal) -> Line:
    part = _scaled(line, base)
    if line.unit == move.unit:
        return part
    return msgspec.structs.replace(part, unit=move.unit, quantity=base * move.demand / move.base)
