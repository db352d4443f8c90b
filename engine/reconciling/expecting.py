"""What should stand in Odoo by what was delivered: effects folded by kind and key. Pure.

Deliveries are added in their order. The last one that was carried out under a key says what stands; keys that
something is on its way for are `moving`, and nothing is said about them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo import names
from engine.effects import kind_of
from engine.model import DeliveryState
from engine.store.contracts.views import DeliveryView

__all__ = ["COMPARED", "Ledger", "Wanted", "name_of"]

COMPARED = (
    "charge", "credit", "reserve", "consume", "encounter", "product", "offer", "price", "stocking", "lot",
)  # fmt: skip
"""Kinds of effects that leave a document whose content a check knows."""

_OPEN = (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED)


class Wanted(msgspec.Struct):
    """A document that should stand: the last effect under its key, and where it was written.

    `ids` are Odoo's, by model, of every delivery under the key; `released` says that a reservation was let go
    of; `left` is how much of its charge a whole credit takes back, None when that is not known from here."""

    effect: Any
    channel: str
    message_id: int
    delivery_id: int
    received: float
    ids: dict[str, set[int]]
    released: bool = False
    left: Decimal | None = None

    @property
    def kind(self) -> str:
        """The effect's word."""
        return kind_of(self.effect)

    @property
    def key(self) -> str:
        """The effect's key."""
        return str(self.effect.key)


class Ledger:
    """The fold for one destination."""

    def __init__(self) -> None:
        self.wanted: dict[tuple[str, str], Wanted] = {}
        self.moving: set[str] = set()
        self.names: set[str] = set()
        """The external ids of whatever something in the books is about, whatever became of it."""
        self._taken: dict[str, Decimal] = {}  # by charge: how much its credits took back
        self._below: dict[str, set[str]] = {}  # `a/*` → keys of reservations below

    def add(self, view: DeliveryView, received: float) -> None:
        """One delivery, with when its message was received."""
        effect = view.delivery.effect
        kind = kind_of(effect)
        self.names |= name_of(effect)
        if view.state in _OPEN:
            self.moving |= _named(effect)
        elif view.state is DeliveryState.DELIVERED or _stood(view):
            if isinstance(effect, effects.Release):
                self._release(effect.key)
            elif kind in COMPARED:
                self._stands(kind, view, received)

    def settled(self, channel: str, until: float) -> list[Wanted]:
        """What is to be compared: of a channel or all (empty), received before `until` or until now (0)."""
        return [
            one
            for one in self.wanted.values()
            if channel in ("", one.channel)
            and not (until and one.received >= until)
            and not self.is_moving(one)
        ]

    def is_moving(self, one: Wanted) -> bool:
        """Whether something is on its way that is about it."""
        return any(map(self.is_moving_key, _named(one.effect)))

    def is_moving_key(self, name: str) -> bool:
        """Whether something is on its way under a key, or releases what stands below it."""
        return any(key in self.moving for key in (name, *_above(name)))

    def touch(self, effect: effects.Effect) -> None:
        """Something came for it: nothing is said about it."""
        self.names |= name_of(effect)
        self.moving |= _named(effect)

    def _stands(self, kind: str, view: DeliveryView, received: float) -> None:
        delivery = view.delivery
        before = self.wanted.get((kind, delivery.effect.key))
        ids = before.ids if before else {}
        for model, numbers in view.documents.items():
            ids.setdefault(model, set()).update(int(one) for one in numbers.split(",") if one.isdecimal())
        if not view.documents:  # nothing was to be done: nothing is expected of it
            return
        one = Wanted(delivery.effect, delivery.channel, delivery.message_id, delivery.id, received, ids)
        if isinstance(delivery.effect, effects.Credit):
            self._credit(one, delivery.effect, before)
        self.wanted[kind, delivery.effect.key] = one
        if kind == "reserve":
            for above in _above(delivery.effect.key):
                self._below.setdefault(above, set()).add(delivery.effect.key)

    def _credit(self, one: Wanted, effect: effects.Credit, before: Wanted | None) -> None:
        """How much a credit takes back, by what the books know of its charge."""
        if before is not None:
            one.left = before.left
            return
        taken = self._taken.get(effect.reverses, Decimal(0))
        charge = self.wanted.get(("charge", effect.reverses))
        if effect.whole and charge is not None and isinstance(charge.effect, effects.Charge):
            one.left = max(charge.effect.item.quantity - taken, Decimal(0))
        elif effect.item is not None and not effect.whole:
            one.left = effect.item.quantity
        self._taken[effect.reverses] = taken + (one.left or Decimal(0))

    def _release(self, key: str) -> None:
        for name in self._below.get(key, set()) | {key}:
            reserved = self.wanted.get(("reserve", name))
            if reserved is not None:
                reserved.released = True


def _stood(view: DeliveryView) -> bool:
    """Whether it was carried out before its message went through its channel anew: what it wrote stands until
    something under the same key is carried out."""
    return view.state is DeliveryState.REPLACED and view.reason is None


def name_of(effect: effects.Effect) -> set[str]:
    """The external id of the document that an effect makes, of its first life; none where there is no such
    document."""
    if isinstance(effect, effects.Credit):
        return {names.credit(effect.reverses, effect.key)}
    if isinstance(effect, effects.Charge | effects.Reserve | effects.Consume):
        return {names.external(kind_of(effect), effect.key)}
    return set()


def _named(effect: effects.Effect) -> set[str]:
    """The keys that an effect is about."""
    words = (effect.key, getattr(effect, "reverses", ""), getattr(effect, "against", ""))
    return {*words} - {""}


def _above(key: str) -> list[str]:
    """`a/b/c` → `a/*`, `a/b/*`."""
    parts = key.split("/")
    return ["/".join(parts[:at]) + "/*" for at in range(1, len(parts))]
