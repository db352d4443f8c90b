"""Release: reservations that are no longer wanted are cancelled; what was handed out stays so."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from engine import effects
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.repeat import act
from engine.destinations.odoo.transfers import Transfer, Transfers
from engine.destinations.odoo.work import Row, Site
from engine.effects import covers
from engine.model import ReasonCode

__all__ = ["collide", "ours", "release", "under"]

Releases = Sequence[Row[effects.Release]]


def collide(a: Row[Any], b: Row[Any]) -> bool:
    """Whether two of `Reserve` and `Release` concern the same reservation: then order matters."""
    return covers(a.effect.key, b.effect.key) or covers(b.effect.key, a.effect.key)


def release(site: Site, rows: Releases) -> None:
    """Carry out the `Release` effects of one company."""
    transfers = Transfers(site)
    found = ours(transfers.find(under({row.effect.key for row in rows})))
    open_ids = sorted({transfer.id for transfer in found if not transfer.over})
    failed = act(site.client, "stock.picking", "action_cancel", open_ids, site.context)
    for row in rows:
        mine = [transfer for transfer in found if covers(row.effect.key, transfer.origin)]
        for transfer in mine:
            if transfer.id in failed:
                row.fail(failed[transfer.id])
        if row.outcome is None:
            _released(row, mine)


def _released(row: Row[effects.Release], mine: Sequence[Transfer]) -> None:
    """Settle a release whose transfers were cancelled or are over."""
    if not mine and row.effect.when_unknown == "refuse":
        row.fail(refusal(ReasonCode.UNKNOWN_REFERENCE, "nothing was ever reserved under this key", "key"))
        return
    if mine:
        row.documents["stock.picking"] = ",".join(str(transfer.id) for transfer in mine)
    if not mine:
        row.notes.append("nothing was reserved")
    elif all(transfer.state == "cancel" for transfer in mine):
        row.notes.append("was released before")
    if any(transfer.state == "done" for transfer in mine):
        row.notes.append("what was handed out stays handed out")
    row.stand()


def ours(found: Sequence[Transfer]) -> list[Transfer]:
    """Reservations of Wardline and what Odoo split off them (backorders)."""
    ours = {t.id for t in found if t.name.startswith("reserve_")}
    grew = True
    while grew:
        more = {t.id for t in found if t.backorder_of in ours} - ours
        ours |= more
        grew = bool(more)
    return [t for t in found if t.id in ours]


def under(keys: Collection[str]) -> list[Any]:
    """The domain of what has one of these keys as its `origin`, or stands below one that ends in `/*`."""
    domain: list[Any] = [("origin", "in", sorted(key for key in keys if not key.endswith("/*")))]
    for key in sorted(keys):
        if key.endswith("/*"):
            domain = ["|", ("origin", "=like", _like(key)), *domain]
    return domain


def _like(key: str) -> str:
    """`a_b/*` → the pattern for everything below `a_b/`."""
    escaped = key[:-1].replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped}%"
