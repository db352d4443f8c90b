"""A plan as a person may see it: aliases in place of tokens, and names for what does not stand yet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.destinations.odoo import OdooConnection
from engine.destinations.odoo.planning import Planner, Verdict
from engine.destinations.odoo.planning.records import NEW
from engine.effects import Forward
from engine.model import Reason

__all__ = ["VERDICTS", "ShownCall", "ShownEffect", "ShownPlan", "goes_to_odoo", "planned"]


VERDICTS: Mapping[Verdict, str] = {
    "create": "would be made",
    "change": "would change what stands",
    "stands": "stands already: nothing to do",
    "refused": "would be refused",
    "unavailable": "Odoo cannot be asked",
}
"""The verdicts in words."""


class ShownCall(msgspec.Struct, frozen=True):
    """A call as JSON-2 makes it: `POST /json/2/<model>/<method>` with this `body` (JSON-RPC sends the same by
    position). `changes` says whether anything would be otherwise after it."""

    model: str
    method: str
    body: Mapping[str, Any]
    changes: bool


class ShownEffect(msgspec.Struct, frozen=True):
    """What one effect would come to; `told` are its parts: what is made, field by field what changes."""

    kind: str
    key: str
    verdict: Verdict
    told: tuple[str, ...] = ()
    reason: Reason | None = None


class ShownPlan(msgspec.Struct, frozen=True):
    """What would go to Odoo; `odoo` is the connection's name, empty for an Odoo that is made up."""

    odoo: str
    version: str
    effects: tuple[ShownEffect, ...]
    calls: tuple[ShownCall, ...]


def goes_to_odoo(destinations: tuple[str, ...]) -> bool:
    """Whether a channel has an Odoo among its destinations."""
    return any(name.removeprefix("shadow:").startswith("odoo:") for name in destinations)


def planned(
    effects: tuple[Any, ...],
    shown: Callable[[str], str],
    connection: OdooConnection | None,
    before: tuple[Any, ...] = (),
) -> ShownPlan:
    """The plan of a message's effects: read from Odoo through `connection`, else over one that is made up, as
    it stands when those `before` were carried out; `shown` puts aliases in place of tokens."""
    plan = Planner(connection).plan(_for_odoo(effects), _for_odoo(before))
    names = {number: f"<new {model} {at}>" for model, at, number in _counted(plan.new)}

    def text(value: str) -> str:
        return shown(NEW.sub(lambda found: names.get(int(found[0]), found[0]), value))

    return ShownPlan(
        plan.odoo,
        plan.version,
        tuple(
            ShownEffect(one.kind, text(one.key), one.verdict, tuple(map(text, _told(one))), one.reason)
            for one in plan.effects
        ),
        tuple(ShownCall(one.model, one.method, _body(one, text), one.has_effect) for one in plan.calls),
    )


def _for_odoo(effects: tuple[Any, ...]) -> list[Any]:
    return [one for one in effects if not isinstance(one, Forward)]


def _counted(new: Mapping[int, str]) -> list[tuple[str, int, int]]:
    """Each model's new records, counted."""
    seen: dict[str, int] = {}
    found = []
    for number, model in new.items():
        seen[model] = seen.get(model, 0) + 1
        found.append((model, seen[model], number))
    return found


def _told(effect: Any) -> list[str]:
    made = [f"makes a {model}" for model in dict.fromkeys(effect.creates)]
    changed = [
        f"{one.model} {one.id}: {one.field} {_plain(one.before)} → {_plain(one.after)}"
        for one in effect.changes
    ]
    return [*made, *changed, *([effect.note] if effect.note else [])]


def _plain(value: Any) -> str:
    return "nothing" if value in (False, None, "", []) else str(value)


def _body(call: Any, text: Callable[[str], str]) -> Mapping[str, Any]:
    ids = {} if call.ids is None else {"ids": list(call.ids)}
    shown: Mapping[str, Any] = _walk({**ids, **call.arguments, "context": call.context}, text)
    return shown


def _walk(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _walk(one, text) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_walk(one, text) for one in value]
    if isinstance(value, str):
        return text(value)
    is_new = isinstance(value, int) and re.fullmatch(NEW, str(value)) is not None
    return text(str(value)) if is_new else value
