"""What would be done about gaps, shown as the calls that Odoo would get; and doing it.

Two ways, and no third: an effect is carried out once more under its own key, by the engine, in its place in
the order; or a double that no message asked for is cancelled, or credited. Nothing is deleted, no line of a
confirmed quotation and no transfer that is done is touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.delivery import repointed, tokens_of
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.names import full
from engine.destinations.odoo.planning import PlannedCall, Planner
from engine.effects import Charge, Effect
from engine.errors import Misconfigured
from engine.reconciling.billing import repaired
from engine.reconciling.standing import Line, Standing
from engine.reconciling.words import Gap, Mend, Remedy
from engine.store.base import Store
from engine.store.contracts.views import Query

__all__ = ["AGAIN", "chosen", "do_double", "effect_of", "planned"]

AGAIN: Final[Mapping[Mend, Mapping[str, str]]] = {"again": {}, "restore": {"again": "replace"}}
"""What is carried out once more, and the progress that it goes with."""

MOST: Final = 200
"""Gaps that one repair takes: a person reads all of its calls."""

_TEXTS: Final[Mapping[Mend, str]] = {
    "again": "carry the effect out again under its key",
    "restore": "make Odoo say what the message says",
    "cancel": "cancel the second transfer",
    "credit": "credit the second line on its quotation",
}
_NEW: Final = re.compile(r"(?<![0-9])20[0-9]{8}(?![0-9])")


def chosen(gaps: Sequence[Gap], numbers: Sequence[int]) -> list[tuple[int, Gap]]:
    """The gaps (by their place, from 1) that are to be mended: those that are named, or the first `MOST` that
    need not be asked for. Raises `Misconfigured` for one that is not there, for one that Wardline can do
    nothing about, and for too many."""
    if not numbers:
        return [(at, gap) for at, gap in enumerate(gaps, 1) if gap.mend and not gap.asked][:MOST]
    if len(numbers) > MOST:
        raise Misconfigured(f"a repair takes {MOST} gaps at most", where="gap")
    found = []
    for number in dict.fromkeys(numbers):
        if not 1 <= number <= len(gaps):
            raise Misconfigured("the check lists no such gap", where=f"gap {number}")
        gap = gaps[number - 1]
        if not gap.mend:
            raise Misconfigured(f"nothing is repaired from here: {gap.advice}", where=f"gap {number}")
        found.append((number, gap))
    return found


def planned(store: Store, connection: OdooConnection, some: Sequence[tuple[int, Gap]]) -> tuple[Remedy, ...]:
    """What would be done, with the calls that it would take over Odoo as it is now; nothing is written. What
    Odoo would refuse says so in its `outcome`, and is not done. Raises as `OdooClient` does."""
    standing = Standing(connection)
    try:
        return tuple(_planned(store, standing, number, gap) for number, gap in some)
    finally:
        standing.close()


def _planned(store: Store, standing: Standing, number: int, gap: Gap) -> Remedy:
    remedy = Remedy(number, gap, gap.mend, _TEXTS[gap.mend])
    if gap.mend == "cancel":
        return replace(remedy, calls=tuple(f"stock.picking.action_cancel({one})" for one in gap.documents))
    if gap.mend == "credit":
        columns = [_credit(standing, line) for line in _lines(standing, gap)]
        return replace(remedy, calls=tuple(f"sale.order.line.load({_plain(one)})" for one in columns))
    plan = Planner(standing.connection).plan([effect_of(store, gap)])
    (effect,) = plan.effects
    if effect.verdict in ("refused", "unavailable"):
        said = effect.reason.text if effect.reason else effect.verdict
        return replace(remedy, outcome=f"Odoo would refuse it: {said}")
    return replace(remedy, calls=tuple(_call(one, plan.new) for one in plan.calls if one.has_effect))


def effect_of(store: Store, gap: Gap) -> Effect:
    """The effect that is to be carried out once more. Raises `Misconfigured` when it is not in the store."""
    for view in store.deliveries(Query(ids=(gap.delivery_id,), limit=1)):
        effect = repointed(view.delivery.effect, store.survivors(tokens_of(view.delivery.effect)))
        if gap.mend == "restore" and isinstance(effect, Charge):
            return replace(effect, again="replace")
        return effect
    raise Misconfigured("its effect is not in the store any more", where=f"delivery {gap.delivery_id}")


def do_double(standing: Standing, client: OdooClient, gap: Gap) -> None:
    """Cancel or credit a double: each call may be repeated. Raises as `OdooClient` does."""
    context = standing.site(gap.company).context
    if gap.mend == "cancel":
        client.call("stock.picking", "action_cancel", ids=gap.documents, context=context)
        return
    for line in _lines(standing, gap):
        columns = _credit(standing, line)
        found = client.load("sale.order.line", [*columns], [[*columns.values()]], context=context)
        if not found.ids:
            raise Misconfigured("Odoo does not take the credit", where=gap.mark)


def _lines(standing: Standing, gap: Gap) -> list[Line]:
    lines = standing.lines(standing.site(gap.company), gap.documents)
    return [lines[one] for one in gap.documents if one in lines]


def _credit(standing: Standing, line: Line) -> dict[str, str]:
    """The line that takes a double back, on the same quotation, under a name of its own."""
    unit = standing.client.first_field("sale.order.line", "product_uom_id", "product_uom")
    return {
        "id": full(repaired(line.id)),
        "order_id/.id": str(line.order.id),
        "product_id/.id": str(line.product),
        "product_uom_qty": str(-line.quantity),
        f"{unit}/.id": str(line.unit),
        "price_unit": str(line.price),
        "discount": str(line.discount),
        "name": f"Credit: {line.title}",
        "analytic_distribution": msgspec.json.encode(line.shares).decode() if line.shares else "",
    }


def _call(call: PlannedCall, new: Mapping[int, str]) -> str:
    """One call in a line; what does not stand yet has no id."""
    ids = [*(call.ids or ())]
    said = ", ".join(
        filter(None, [_plain(ids) if ids else "", *(_said(*one) for one in call.arguments.items())])
    )
    return _NEW.sub(
        lambda found: f"new {new.get(int(found[0]), 'record')}", f"{call.model}.{call.method}({said})"
    )


def _said(name: str, value: Any) -> str:
    return f"{name}={_plain(value)}"


def _plain(value: Any) -> str:
    return msgspec.json.encode(value).decode()
