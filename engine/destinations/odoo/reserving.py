"""What has to change so that a reservation holds what is wanted. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from engine.destinations.odoo.transfers import Line, Transfer

__all__ = ["Change", "change", "shortage"]


class Change(msgspec.Struct, frozen=True):
    """`demands`: new quantities of open moves (id, quantity); `missing`: lines without a move."""

    demands: tuple[tuple[int, Decimal], ...]
    missing: tuple[Line, ...]


def change(transfers: Sequence[Transfer], lines: Sequence[Line]) -> Change:
    """Done moves count towards the wish and stay; of the open moves of a line the first carries
    the rest and others carry nothing; open moves nobody wants any more go down to nothing (Odoo
    cancels a move without demand when the transfer is done, and it can be wanted again)."""
    demands: list[tuple[int, Decimal]] = []
    missing: list[Line] = []
    wished: set[int] = set()
    for line in lines:
        mine = [m for t in transfers for m in t.moves if line.fits(m)]
        done = sum((m.quantity for m in mine if m.state == "done"), Decimal(0))
        still = [m for m in mine if m.state not in ("done", "cancel")]
        rest = max(line.quantity - done, Decimal(0))
        wished.update(m.id for m in still)
        if still:
            demands += [(m.id, rest if i == 0 else Decimal(0)) for i, m in enumerate(still)]
        elif rest:
            missing.append(msgspec.structs.replace(line, quantity=rest))
    moves = [m for t in transfers for m in t.moves if m.state not in ("done", "cancel")]
    demands += [(m.id, Decimal(0)) for m in moves if m.id not in wished]
    standing = {m.id: m.demand for m in moves}
    return Change(tuple((i, q) for i, q in demands if standing[i] != q), tuple(missing))


def shortage(transfers: Sequence[Transfer]) -> dict[int, Decimal]:
    """How much of each product (id) is wanted and not reserved, in the moves' units."""
    short: dict[int, Decimal] = {}
    for transfer in transfers:
        for move in transfer.moves:
            if move.state not in ("done", "cancel") and move.demand > move.quantity:
                short[move.product] = short.get(move.product, Decimal(0)) + move.demand - move.quantity
    return short
