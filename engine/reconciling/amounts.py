"""How much of each product a reservation or consumption asks for, and how much its transfers moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from engine import effects
from engine.destinations.odoo.transfers import Line, Move, Transfer, lines_of
from engine.destinations.odoo.work import Site
from engine.errors import Unacceptable
from engine.reconciling.finding import plain
from engine.reconciling.words import Difference

__all__ = ["Amounts", "alike", "asked_for", "differences_of", "moved_by", "total_of"]

Amounts = dict[int, Decimal]
"""By product (id), in its own unit."""

_ROUNDED = Decimal("0.005")
_NONE = Decimal(0)


def asked_for(site: Site, items: Collection[effects.Item]) -> Amounts | None:
    """What the items come to; None where Odoo does not know one of them any more."""
    try:
        lines: tuple[Line, ...] = lines_of(site, items)
    except Unacceptable:
        return None
    said: Amounts = {}
    for line in lines:
        said[line.product.id] = said.get(line.product.id, _NONE) + line.base
    return said


def moved_by(transfers: Iterable[Transfer], back: Mapping[int, Decimal] | None = None) -> Amounts:
    """What transfers come to, less what came `back` of them, by move."""
    return total_of([move for transfer in transfers for move in transfer.moves], back)


def total_of(moves: Iterable[Move], back: Mapping[int, Decimal] | None = None) -> Amounts:
    """What moves have done and what they still ask for; cancelled ones have nothing."""
    total: Amounts = {}
    for move in moves:
        if move.state == "cancel":
            continue
        amount = move.done if move.state == "done" else move.base
        total[move.product] = total.get(move.product, _NONE) + amount - (back or {}).get(move.id, _NONE)
    return total


def alike(one: Amounts, other: Amounts) -> bool:
    """Whether they are the same but for rounding."""
    return all(
        abs(one.get(product, _NONE) - other.get(product, _NONE)) <= _ROUNDED for product in {*one, *other}
    )


def differences_of(site: Site, said: Amounts, found: Amounts) -> list[Difference]:
    """Quantities that differ, by item."""
    codes = site.client.search_read(
        "product.product", [("id", "in", sorted({*said, *found}))], ["default_code"],
        context={"active_test": False},
    )  # fmt: skip
    named = {row["id"]: row["default_code"] or "" for row in codes}
    return [
        Difference(
            f"quantity of {named.get(product, '')}",
            plain(said.get(product, _NONE)), plain(found.get(product, _NONE)),
        )
        for product in sorted({*said, *found})
        if abs(said.get(product, _NONE) - found.get(product, _NONE)) > _ROUNDED
    ]  # fmt: skip
