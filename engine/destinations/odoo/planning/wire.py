"""A wire that answers reads and keeps writes to itself, each as the call that it would have been."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.planning.loading import load
from engine.destinations.odoo.planning.reading import READS
from engine.destinations.odoo.planning.records import FIRST, Change, Records
from engine.destinations.odoo.planning.stock import ACTIONS, Stock
from engine.model import ReasonCode

__all__ = ["PlannedCall", "PlanningWire"]


class PlannedCall(msgspec.Struct, frozen=True):
    """One call that would write, as the saga makes it: `arguments` by name, `context` as every call has it.
    `creates` are the models of what it would make, `changes` what it would change of what stands. Ids from
    2 000 000 001 on are those of what does not stand yet."""

    model: str
    method: str
    ids: tuple[int, ...] | None
    arguments: dict[str, Any]
    context: dict[str, Any]
    creates: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()

    @property
    def has_effect(self) -> bool:
        """Whether anything would be otherwise after it."""
        return bool(self.creates or self.changes or any(one >= FIRST for one in self.ids or ()))


class PlanningWire:
    """See `client.Wire`; `calls` are the writes so far."""

    def __init__(self, records: Records, transport: str, version: tuple[int, ...]) -> None:
        self.transport, self.version = transport, version
        self.calls: list[PlannedCall] = []
        self._records, self._stock = records, Stock(records)

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        """One call. Raises what reading raises, and `Unacceptable` (`internal`) for a method that no plan
        foresees."""
        if method in READS:
            return self._records.read(model, method, ids, context, args)
        creates: Sequence[str] = ()
        answer: Any = True
        if method == "load":
            loaded = load(self._records, model, args["fields"], args["data"], context)
            creates, changes = loaded.creates, loaded.changes
            answer = {"ids": loaded.ids, "messages": []}
            self._stock.was_written(changes)
        elif method == "write":
            changes = [one for number in ids or () for one in self._write(model, number, args["vals"])]
            self._stock.was_written(changes)
        elif (model, method) in ACTIONS:
            changes = self._stock.act(model, method, ids or ())
        else:
            raise refusal(ReasonCode.INTERNAL, "no plan foresees this call", f"{model}.{method}")
        listed = None if ids is None else tuple(ids)
        self.calls.append(
            PlannedCall(model, method, listed, dict(args), dict(context), tuple(creates), tuple(changes))
        )
        return answer

    def close(self) -> None:
        """Nothing is kept open here."""

    def _write(self, model: str, number: int, vals: Mapping[str, Any]) -> list[Change]:
        schema = self._records.schema(model)
        plain: dict[str, Any] = {}
        for name, value in vals.items():
            kind = schema.get(name, {}).get("type")
            if kind == "one2many":
                plain |= self._lines(model, number, name, value)
            else:
                plain[name] = [value, ""] if kind == "many2one" and value else value
        changes = self._records.change(model, number, plain)
        return [] if self._records.is_new(number) else changes

    def _lines(self, model: str, number: int, name: str, commands: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """Lines taken away (2) and made (0); a move has as much as its lines together."""
        field = self._records.schema(model)[name]
        total = 0.0
        for command, line, values in commands:
            if command == 2:
                self._records.remove(field["relation"], line)
            else:
                total += values.get("quantity", 0.0)
                named = self._named(field["relation"], values)
                self._records.create(field["relation"], {**named, field["relation_field"]: [number, ""]})
        return {"quantity": total} if model == "stock.move" else {}

    def _named(self, model: str, values: Mapping[str, Any]) -> dict[str, Any]:
        schema = self._records.schema(model)
        return {
            name: [value, ""] if schema[name]["type"] == "many2one" and value else value
            for name, value in values.items()
        }
