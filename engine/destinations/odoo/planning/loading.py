"""Odoo's `load`, into records that only a plan knows: rows by external id or database id, children in further
rows (Odoo 19, `odoo/orm/models.py`: `load`)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from engine.destinations.odoo.planning.records import Change, Record, Records

__all__ = ["Loaded", "load"]


class Loaded(NamedTuple):
    """The ids of the records in order; models of those that are new, one each; what changes of the others."""

    ids: list[int]
    creates: list[str]
    changes: list[Change]


def load(
    records: Records,
    model: str,
    fields: Sequence[str],
    rows: Sequence[Sequence[str]],
    context: Mapping[str, Any],
) -> Loaded:
    """Load rows; a row whose own columns are empty is a further child of the record before it."""
    above = {"company_id": [context["allowed_company_ids"][0], ""]} if model in _OF_COMPANY else {}
    schema = records.schema(model)
    many = {name for name, field in schema.items() if field["type"] == "one2many"}
    named = [at for at, column in enumerate(fields) if column == "id" or column.partition("/")[2] == "id"]
    records.names.learn(row[at] for row in rows for at in named if row[at])
    done = Loaded([], [], [])
    for row in rows:
        own: dict[str, str] = {}
        children: dict[str, dict[str, str]] = {}
        for column, text in zip(fields, row, strict=True):
            first, _, rest = column.partition("/")
            if first in many:
                children.setdefault(first, {})[rest] = text
            else:
                own[column] = text
        if any(own.values()) or not done.ids:
            done.ids.append(_upsert(records, model, own, above, done))
        for name, columns in children.items():
            relation, inverse = schema[name]["relation"], schema[name]["relation_field"]
            _upsert(records, relation, columns, {inverse: [done.ids[-1], ""]}, done)
    return done


_OF_COMPANY = ("stock.picking",)
"""What Odoo gives the company of the call by itself, through its type."""


def _upsert(records: Records, model: str, columns: dict[str, str], above: Record, done: Loaded) -> int:
    """The record of these columns, changed or made."""
    values = above | {
        name.partition("/")[0]: _value(records, model, name, text)
        for name, text in columns.items()
        if name not in ("id", ".id")
    }
    if ".id" in columns:
        number = int(columns[".id"])
    else:
        stands = records.names.find(columns["id"]) if columns.get("id") else None
        if stands is None:
            done.creates.append(model)
            said = {name: value for name, value in values.items() if value not in (False, "")}
            return records.create(model, said, columns.get("id", ""))
        number = stands[1]
    changes = records.change(model, number, values)
    if not records.is_new(number):
        done.changes.extend(changes)
    return number


def _value(records: Records, model: str, column: str, text: str) -> Any:
    name, _, by = column.partition("/")
    field = records.schema(model).get(name, {"type": "char"})
    if field["type"] == "many2many":
        return [int(one) for one in text.split(",") if one]
    if not text:
        return False
    if by == ".id":
        return [int(text), ""]
    if by == "id":
        stands = records.names.find(text)
        return [stands[1], ""] if stands else False
    if field["type"] == "many2one":  # by its name
        return [-1, text]
    return _CASTS.get(field["type"], str)(text)


def _yes(text: str) -> bool:
    return text not in ("0", "False", "no")


_CASTS: dict[str, Any] = {
    "float": float, "monetary": float, "integer": int, "boolean": _yes, "json": json.loads,
}  # fmt: skip
