"""One batch on its way through the effects: its rows, their outcomes, and who stands in whose way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.destinations.base import Note
from engine.destinations.odoo.catalogue import Catalogue
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.faults import reason_of
from engine.destinations.odoo.repeat import load_columns
from engine.effects import EffectBase
from engine.errors import Unacceptable, Unavailable
from engine.model import Delivered, Delivery, Outcome, Refused, TryAgain

__all__ = ["Row", "Site", "open_rows", "waves", "written"]

E = TypeVar("E", bound=EffectBase)
R = TypeVar("R")


@dataclass(eq=False)
class Row(Generic[E]):
    """One delivery of the batch with what became of it so far."""

    delivery: Delivery
    effect: E
    outcome: Outcome | None = None
    documents: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def came_of(self) -> str:
        """Which message it came of, for who reads it in Odoo; empty in a plan."""
        return f"Wardline {self.delivery.correlation}" if self.delivery.received_at else ""

    def fail(self, error: Unacceptable | Unavailable) -> None:
        """Refused, or to be tried again; the first failure of a row is the one that is told."""
        if self.outcome is None:
            reason = reason_of(error)
            self.outcome = Refused(reason) if isinstance(error, Unacceptable) else TryAgain(reason)

    def stand(self) -> None:
        """The effect is in its final state."""
        if self.outcome is None:
            self.outcome = Delivered(self.documents, "; ".join(dict.fromkeys(self.notes)))


@dataclass(frozen=True)
class Site:
    """One company of one Odoo, as the effects of a batch see it."""

    client: OdooClient
    catalogue: Catalogue
    connection: OdooConnection
    company: int
    note: Note

    @property
    def context(self) -> dict[str, object]:
        """What every call for this company carries: its company, and no mail about our own writes."""
        return {
            "allowed_company_ids": [self.company],
            "tracking_disable": True,
            "mail_create_nosubscribe": True,
        }


def open_rows(rows: Iterable[Row[E]]) -> list[Row[E]]:
    """Those without an outcome yet."""
    return [row for row in rows if row.outcome is None]


def written(
    site: Site,
    model: str,
    writes: Mapping[Row[E], Mapping[str, str]],
    context: Mapping[str, Any] | None = None,
) -> dict[Row[E], int]:
    """Load a record for each row, given as columns and values; the ids. Rows that Odoo refuses fail."""
    ids: dict[Row[E], int] = {}
    for row, answer in load_columns(site.client, model, writes, context or site.context).items():
        if isinstance(answer, int):
            ids[row] = answer
        else:
            row.fail(answer)
    return ids


def waves(rows: Sequence[R], collide: Callable[[R, R], bool]) -> list[list[R]]:
    """Rows in their order, split so that no two in one wave concern the same thing."""
    result: list[list[R]] = []
    placed: list[tuple[R, int]] = []
    for row in rows:
        wave = 1 + max((at for other, at in placed if collide(other, row)), default=-1)
        placed.append((row, wave))
        if wave == len(result):
            result.append([])
        result[wave].append(row)
    return result
