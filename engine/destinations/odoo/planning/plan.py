"""The plan of some effects: the calls that their sagas would make, and what each effect would come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal

import msgspec

from engine.destinations.odoo.client import OdooClient, Step
from engine.destinations.odoo.connecting import open_wire
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.destination import PHASES, OdooDestination
from engine.destinations.odoo.planning.made_up import CONNECTION, MadeUp, seeds
from engine.destinations.odoo.planning.reading import ReadOnly
from engine.destinations.odoo.planning.records import Change, Record, Records
from engine.destinations.odoo.planning.stock import DERIVED
from engine.destinations.odoo.planning.wire import PlannedCall, PlanningWire
from engine.effects import Effect, kind_of
from engine.model import Delivered, Delivery, Outcome, Reason, Refused

__all__ = ["Plan", "PlannedCall", "PlannedEffect", "Planner", "Verdict"]

Verdict = Literal["create", "change", "stands", "refused", "unavailable"]
"""What an effect would come to: something new, a change of what stands, nothing because it stands, a refusal;
or Odoo could not be asked."""

_AUXILIARY = ("res.partner.category",)
"""What sagas make for themselves, once, whatever the effect."""


class PlannedEffect(msgspec.Struct, frozen=True):
    """What one effect would come to: what it would make, by model; what it would change of what stands; why
    it would be refused; what a person would be told."""

    kind: str
    key: str
    verdict: Verdict
    creates: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    reason: Reason | None = None
    note: str = ""


class Plan(msgspec.Struct, frozen=True):
    """What would go to an Odoo: `odoo` is the connection's name, empty for one that is made up; `calls` are
    those of all effects together, as one batch makes them; `new` are the models of the ids in them that do
    not stand yet."""

    odoo: str
    version: str
    calls: tuple[PlannedCall, ...]
    effects: tuple[PlannedEffect, ...]
    new: dict[int, str] = {}


class Planner:
    """Plans for one connection; without one over an Odoo that is made up. Blocking; for one thread."""

    def __init__(self, connection: OdooConnection | None = None) -> None:
        self._connection = connection

    def plan(self, effects: Sequence[Effect], before: Sequence[Effect] = ()) -> Plan:
        """The plan of the effects of one message, in their order, when those `before` were carried out. What
        Odoo or the way to it refuses is in the verdicts; nothing is raised for it."""
        name = self._connection.name if self._connection else ""
        verdicts = self.verdicts(effects, before)
        with _Session(self._connection, [*before, *effects]) as session:
            session.deliver(before)
            done = len(session.calls)
            session.deliver(effects)
            return Plan(name, session.version, tuple(session.calls[done:]), verdicts, session.new)

    def verdicts(self, effects: Sequence[Effect], before: Sequence[Effect] = ()) -> tuple[PlannedEffect, ...]:
        """What each effect would come to, after those that a batch carries out before it. Those that name
        their documents go together, as a batch does: Odoo is asked for all of them at once."""
        with _Session(self._connection, [*before, *effects]) as session:
            session.deliver(before)
            in_turn = sorted(range(len(effects)), key=lambda at: (_phase(effects[at]), at))
            found: dict[int, PlannedEffect] = {}
            for together, some in groupby(in_turn, key=lambda at: kind_of(effects[at]) in _DOCUMENTS):
                for numbers in [list(some)] if together else [[at] for at in some]:
                    planned = session.planned([effects[at] for at in numbers], together=together)
                    found |= dict(zip(numbers, planned, strict=True))
        return tuple(found[at] for at in range(len(effects)))


class _Session:
    """One Odoo as it would stand while effects are planned one after the other."""

    def __init__(self, connection: OdooConnection | None, effects: Sequence[Effect]) -> None:
        self._seeds: Mapping[str, Sequence[Record]] = {} if connection else seeds(effects, CONNECTION)
        self._wire: PlanningWire | None = None
        self._reads: ReadOnly | None = None
        self._records: Records | None = None
        self._real = connection
        self._destination = OdooDestination(connection or CONNECTION, connect=self._client)

    def __enter__(self) -> _Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._destination.close()
        if self._reads is not None:
            self._reads.close()

    @property
    def calls(self) -> list[PlannedCall]:
        """The writes so far."""
        return self._wire.calls if self._wire else []

    @property
    def version(self) -> str:
        """Odoo's; empty when it could not be asked."""
        return ".".join(map(str, self._wire.version)) if self._wire else ""

    @property
    def new(self) -> dict[int, str]:
        """As in `Plan`."""
        return self._records.new if self._records else {}

    def planned(self, effects: Sequence[Effect], *, together: bool) -> list[PlannedEffect]:
        """What these effects would come to now; alone, an effect has all that is done for it."""
        before, stood = len(self.calls), set(self.new)
        outcomes = self.deliver(effects)
        calls = self.calls[before:]
        changes = [one for call in calls for one in call.changes if one.model not in _AUXILIARY]
        if not together:
            creates = tuple(model for call in calls for model in call.creates if model not in _AUXILIARY)
            return [_effect(effects[0], outcomes[0], creates, tuple(changes))]
        made = {(model, number) for number, model in self.new.items() if number not in stood}
        above = self._transfers({one.id for one in changes if one.model == "stock.move"})
        found = []
        for effect, outcome in zip(effects, outcomes, strict=True):
            mine = _documents(effect, outcome)
            theirs = [one for one in changes if mine & {(one.model, one.id), above.get(one.id)}]
            found.append(
                _effect(effect, outcome, tuple(model for model, _ in sorted(mine & made)), tuple(theirs))
            )
        return found

    def _transfers(self, moves: set[int]) -> dict[int, tuple[str, int]]:
        """The transfers of moves."""
        if not moves or self._records is None:
            return {}
        rows = self._records.search("stock.move", [("id", "in", sorted(moves))], ["picking_id"])
        return {row["id"]: ("stock.picking", row["picking_id"][0]) for row in rows if row["picking_id"]}

    def deliver(self, effects: Sequence[Effect]) -> list[Outcome]:
        """As the destination delivers a batch."""
        batch = [Delivery(at, 1, "plan", "odoo", effect, "", 1) for at, effect in enumerate(effects, 1)]
        return self._destination.deliver(batch, lambda _: None)

    def _client(self, connection: OdooConnection, step: Step) -> OdooClient:
        if self._wire is None:
            self._reads = ReadOnly(open_wire(connection) if self._real else MadeUp())
            self._records = Records(self._reads, self._seeds, DERIVED)
            self._wire = PlanningWire(self._records, self._reads.transport, self._reads.version)
        return OdooClient(self._wire, step)


_DOCUMENTS: Mapping[str, tuple[str, ...]] = {
    "encounter": ("res.partner",),
    "product": ("product.product",),
    "offer": ("product.supplierinfo",),
    "price": ("product.product", "product.pricelist.item"),
    "stocking": ("stock.warehouse.orderpoint",),
    "lot": ("stock.lot",),
    "reserve": ("stock.picking",),
    "release": ("stock.picking",),
    "consume": ("stock.picking",),
    "charge": ("sale.order.line",),
    "credit": ("sale.order.line",),
}
"""The documents that an effect is about, of those that its outcome names; other effects are planned alone."""


def _documents(effect: Effect, outcome: Outcome) -> set[tuple[str, int]]:
    named = outcome.documents if isinstance(outcome, Delivered) else {}
    return {
        (model, int(number))
        for model in _DOCUMENTS[kind_of(effect)]
        for number in named.get(model, "").split(",")
        if number
    }


def _effect(
    effect: Effect, outcome: Outcome, creates: tuple[str, ...], changes: tuple[Change, ...]
) -> PlannedEffect:
    reason = None if isinstance(outcome, Delivered) else outcome.reason
    note = outcome.note if isinstance(outcome, Delivered) else ""
    verdict = _verdict(outcome, creates, changes)
    return PlannedEffect(kind_of(effect), effect.key, verdict, creates, changes, reason, note)


def _verdict(outcome: Outcome, creates: Sequence[str], changes: Sequence[Change]) -> Verdict:
    if isinstance(outcome, Refused):
        return "refused"
    if not isinstance(outcome, Delivered):
        return "unavailable"
    return "create" if creates else "change" if changes else "stands"


def _phase(effect: Effect) -> int:
    return next((at for at, (kinds, _) in enumerate(PHASES) if type(effect) in kinds), len(PHASES))
