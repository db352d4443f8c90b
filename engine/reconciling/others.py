"""Contacts of visits and master data, held against Odoo by planning their effects once more.

What a saga would still make is missing, what it would write otherwise was changed by hand. Nothing is
written: a plan only reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.delivery import repointed
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.planning import Change, PlannedEffect, Planner
from engine.errors import Unavailable
from engine.reconciling.expecting import Wanted
from engine.reconciling.finding import gap_of
from engine.reconciling.words import Difference, Gap, GapKind

__all__ = ["check_others"]

_TOLD: Final = (
    "list_price", "price", "fixed_price", "product_min_qty", "product_max_qty", "expiration_date",
    "min_quantity", "date_start", "date_end", "sequence",
)  # fmt: skip
"""Fields that are told with their values: numbers and days, never a text."""


def check_others(
    connection: OdooConnection, some: Sequence[Wanted], survivors: Mapping[str, str]
) -> list[Gap]:
    """Effects of these kinds, a page of them; `survivors` as in `check_bills`. Raises `Unavailable` when Odoo
    cannot be asked."""
    verdicts = Planner(connection).verdicts([repointed(one.effect, survivors) for one in some])
    if any(planned.verdict == "unavailable" for planned in verdicts):
        raise Unavailable("Odoo cannot be asked")
    return [
        gap for one, planned in zip(some, verdicts, strict=True) if (gap := _judged(one, planned)) is not None
    ]


def _judged(one: Wanted, planned: PlannedEffect) -> Gap | None:
    model = next(iter(one.ids), "")
    documents = sorted(one.ids.get(model, ()))
    if planned.verdict == "create":
        return gap_of(one, GapKind.MISSING, "it is not in Odoo any more", model, mend="again")
    if planned.verdict == "refused":
        text = "Odoo would refuse it now: " + (planned.reason.text if planned.reason else "")
        return gap_of(
            one, GapKind.CHANGED, text, model, documents, advice="see the reason, and mend it in Odoo"
        )
    differences = list(dict.fromkeys(map(_difference, planned.changes)))
    if not differences:
        return None
    return gap_of(
        one, GapKind.CHANGED, "it says something else than the message", model, documents, differences,
        mend="restore", asked=True,
        advice="ask who changed it: nothing is changed back unless it is asked for",
    )  # fmt: skip


def _difference(change: Change) -> Difference:
    told = change.field in _TOLD
    return Difference(change.field, _text(change.after) if told else "", _text(change.before) if told else "")


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value or "nothing")
