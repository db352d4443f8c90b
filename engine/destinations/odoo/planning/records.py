"""Odoo's records as they would stand: what is there, and over it what a plan has written.

Nothing goes to Odoo but reads. New records have ids from `FIRST` on, which no Odoo gives out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.planning.domain import fields_in, matches
from engine.destinations.odoo.planning.naming import Names
from engine.destinations.odoo.planning.reading import ReadOnly
from engine.model import ReasonCode

__all__ = ["FIRST", "NEW", "Change", "Record", "Records"]

FIRST = 2_000_000_001
"""The first id of what does not stand yet; below the largest that Odoo's database takes (2^31 - 1)."""

NEW = re.compile(r"(?<![0-9])20[0-9]{8}(?![0-9])")
"""Such an id in a text."""

Record = dict[str, Any]
Derived = Callable[["Records", Record], Any]
_EVERYTHING = {"active_test": False}
_LISTS = ("one2many", "many2many")


class Change(msgspec.Struct, frozen=True):
    """A field of a record that stands, and what it would be; many2one fields by id."""

    model: str
    id: int
    field: str
    before: Any
    after: Any


class Records:
    """The records of one Odoo, read through `wire`. `seeds` stand as if they were read, by model; `derived`
    are fields that Odoo works out from others."""

    def __init__(
        self,
        wire: ReadOnly,
        seeds: Mapping[str, Iterable[Record]],
        derived: Mapping[tuple[str, str], Derived],
    ) -> None:
        self._wire, self._derived = wire, derived
        self.names = Names(wire)
        self._made = {model: {one["id"]: one for one in some} for model, some in seeds.items()}
        self._written: dict[str, dict[int, Record]] = {}
        self._fixed: dict[tuple[str, int, str], Any] = {}
        self._schemas: dict[str, dict[str, Record]] = {}
        self._next = FIRST

    def schema(self, model: str) -> dict[str, Record]:
        """What fields a model has: their type, and what they lead to."""
        if model not in self._schemas:
            wanted = {"attributes": ["type", "relation", "relation_field"]}
            self._schemas[model] = self._wire.call(model, "fields_get", None, {}, wanted)
        return self._schemas[model]

    def read(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        """What Odoo would answer by now to one of `reading.READS`."""
        if method == "search_read":
            return self.search(model, args["domain"], args["fields"], context, args["limit"], args["order"])
        if method == "get_external_id":
            standing = [number for number in ids or () if not self.is_new(number)]
            return self.names.of(model, standing, context)
        if method == "check_object_reference":
            name = f"{args['module']}.{args['xml_id']}"
            if self.names.is_given(name):
                return list(self.names.find(name) or ())
        return self._wire.call(model, method, ids, context, args)

    def search(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        context: Mapping[str, Any] = _EVERYTHING,
        limit: int | None = None,
        order: str = "id",
    ) -> list[Record]:
        """Records that match as they would stand, by id (or `id desc`)."""
        touched = self._written.get(model, {})
        wanted = {"domain": list(domain), "fields": list(fields), "limit": limit, "order": order}
        real = [] if _asks_for_new(domain) else self._wire.call(model, "search_read", None, context, wanted)
        found = {row["id"]: row for row in real}
        if touched:
            found = self._as_written(model, domain, fields, context, found)
        for number, record in self._made.get(model, {}).items():
            if self._is_seen(record, domain, context) and self._matches(model, record, domain):
                found[number] = {"id": number, **{name: self._value(model, record, name) for name in fields}}
        rows = sorted(found.values(), key=lambda row: int(row["id"]), reverse=order.endswith("desc"))
        return rows[:limit] if limit else rows

    def record(self, model: str, number: int, *fields: str) -> Record:
        """One record as it would stand. Raises `Unacceptable` (`internal`) where there is none."""
        for row in self.search(model, [("id", "=", number)], fields):
            return row
        raise refusal(ReasonCode.INTERNAL, "a plan names a record that is not there", model)

    def fixed(self, model: str, number: int, field: str) -> Any:
        """A field that no plan changes: a unit's factor, a place's kind. Asked for once."""
        key = model, number, field
        if key not in self._fixed:
            self._fixed[key] = self.record(model, number, field)[field]
        return self._fixed[key]

    def create(self, model: str, values: Record, name: str = "") -> int:
        """A new record with these values, under an external id."""
        if model == "product.product":  # every variant has a template, and a unit whether one is said or not
            template = self.create("product.template", {})
            values = {"product_tmpl_id": [template, ""], "uom_id": [1, ""], **values}
        number, self._next = self._next, self._next + 1
        self._made.setdefault(model, {})[number] = {
            "active": True,
            **_BORN.get(model, {}),
            **values,
            "id": number,
        }
        if name:
            self.names.give(name, model, number)
        return number

    def change(self, model: str, number: int, values: Mapping[str, Any]) -> list[Change]:
        """Write these values; those that say something else than stands."""
        fields = [name for name in values if name in self.schema(model)]
        stands = self.record(model, number, *fields)
        changes = [
            Change(model, number, name, _id_of(stands[name]), _id_of(values[name]))
            for name in fields
            if not _alike(stands[name], values[name])
        ]
        made = self._made.get(model, {})
        record = (
            made[number] if number in made else self._written.setdefault(model, {}).setdefault(number, {})
        )
        record.update(values)
        return changes

    def remove(self, model: str, number: int) -> None:
        """Take a record away."""
        self._made.get(model, {}).pop(number, None)
        self._written.setdefault(model, {})[number] = {"id": 0}

    @property
    def new(self) -> dict[int, str]:
        """The models of what does not stand yet, by id."""
        made = ((number, model) for model, some in self._made.items() for number in some)
        return {number: model for number, model in sorted(made) if self.is_new(number)}

    def is_new(self, number: int) -> bool:
        """Whether it does not stand yet."""
        return number >= FIRST

    def _as_written(
        self,
        model: str,
        domain: Sequence[Any],
        fields: Sequence[str],
        context: Mapping[str, Any],
        found: dict[int, Record],
    ) -> dict[int, Record]:
        """With what was written over records that stand, which may match now, or no longer."""
        touched = self._written[model]
        needed = sorted({*fields, *fields_in(domain), *self._needs(model, fields)} - {"id"})
        args = {"domain": [("id", "in", sorted(touched))], "fields": needed, "limit": None, "order": "id"}
        for row in self._wire.call(model, "search_read", None, {**context, **_EVERYTHING}, args):
            record = {**row, **touched[row["id"]]}
            found.pop(row["id"], None)
            if (
                record["id"]
                and self._is_seen(record, domain, context)
                and self._matches(model, record, domain)
            ):
                values = {name: self._value(model, record, name) for name in fields}
                found[row["id"]] = {"id": row["id"], **values}
        return found

    def _needs(self, model: str, fields: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in _SOURCES if model == "stock.move" and "product_qty" in fields)

    def _is_seen(self, record: Record, domain: Sequence[Any], context: Mapping[str, Any]) -> bool:
        hidden = record.get("active", True) is False and context.get("active_test", True)
        return not hidden or "active" in fields_in(domain)

    def _matches(self, model: str, record: Record, domain: Sequence[Any]) -> bool:
        return matches(domain, lambda path: self._at(model, record, path))

    def _at(self, model: str, record: Record, path: str) -> Any:
        """The value at the end of a path through many2one fields."""
        name, _, rest = path.partition(".")
        value = self._value(model, record, name)
        if not rest:
            return value
        if not value:
            return False
        relation = self.schema(model)[name]["relation"]
        first = rest.partition(".")[0]
        return self._at(relation, self.record(relation, _id_of(value), first), rest)

    def _value(self, model: str, record: Record, name: str) -> Any:
        if (derived := self._derived.get((model, name))) is not None:
            return derived(self, record)
        if name in record:
            return record[name]
        kind = self.schema(model).get(name, {}).get("type", "char")
        return [] if kind in _LISTS else 0 if kind in ("integer", "float", "monetary") else False


_SOURCES = ("product_uom_qty", "product_uom", "product_id")
_BORN: dict[str, Record] = {
    "stock.picking": {"state": "draft", "priority": "0"},
    "stock.move": {"state": "draft", "quantity": 0.0},
    "sale.order": {"state": "draft"},
    "product.product": {"type": "consu", "tracking": "none"},
}
"""What Odoo gives a new record by itself, as far as it is read."""


def _asks_for_new(domain: Sequence[Any]) -> bool:
    """Whether a domain asks for what does not stand yet, of which Odoo knows nothing."""
    if any(isinstance(term, str) for term in domain):
        return False
    ids = (
        [wanted] if operator == "=" else wanted for _, operator, wanted in domain if operator in ("=", "in")
    )
    return any(all(type(one) is int and one >= FIRST for one in some) for some in ids)


def _id_of(value: Any) -> Any:
    return (
        value[0]
        if isinstance(value, list | tuple) and len(value) == 2 and isinstance(value[1], str)
        else value
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, float | int | Decimal) and not isinstance(value, bool)


def _alike(stands: Any, wished: Any) -> bool:
    one, other = _id_of(stands), _id_of(wished)
    if _is_number(one) and _is_number(other):
        return Decimal(str(one)) == Decimal(str(other))
    if isinstance(one, list) and isinstance(other, list):
        return sorted(one) == sorted(other)
    if isinstance(one, dict) or isinstance(other, dict):
        return bool((one or {}) == (other or {}))
    return bool(one == other or (not one and not other))
