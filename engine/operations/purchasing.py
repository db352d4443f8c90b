"""Orders of goods as Odoo has them now: read, never written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from engine.destinations.odoo.connecting import connect
from engine.destinations.odoo.connection import from_environment
from engine.errors import WardlineError

__all__ = ["Order", "orders_of"]

_ARRIVED = "effective_date"
"""When the first goods of an order came (Odoo's `purchase_stock`)."""


class Order(NamedTuple):
    """An order: when it was made and when its goods arrived (seconds since the epoch, 0: not yet), and
    whether it is still waited for."""

    made: float
    arrived: float
    open: bool


def orders_of(asked: Mapping[str, Collection[int]], environ: Mapping[str, str]) -> tuple[list[Order], str]:
    """The orders with these ids of each destination, and plain words for what could not be read."""
    found: list[Order] = []
    for destination, ids in sorted(asked.items()):
        kind, _, name = destination.partition(":")
        if kind != "odoo":
            continue
        try:
            found += _orders(name, ids, environ)
        except WardlineError:
            return found, f"{destination} could not be asked from here"
    return found, ""


def _orders(name: str, ids: Collection[int], environ: Mapping[str, str]) -> Iterator[Order]:
    client = connect(from_environment(name, environ))
    fields = ["create_date", "state"]
    if _ARRIVED in client.fields("purchase.order"):
        fields.append(_ARRIVED)
    for row in client.search_read("purchase.order", [["id", "in", sorted(ids)]], fields):
        arrived = _seconds(row.get(_ARRIVED))
        yield Order(_seconds(row["create_date"]), arrived, not arrived and row["state"] != "cancel")


def _seconds(text: Any) -> float:
    """A moment as Odoo writes it (UTC)."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else 0.0
