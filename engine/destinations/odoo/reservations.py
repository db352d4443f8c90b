"""Reserve: internal transfers that hold stock until it is used or no longer wanted.

load → confirm → assign → read back → what is short is procured. The same key again changes the
transfer that stands: place, time and open quantities; what was already moved counts towards the
wish and is never touched. After a Release the key begins a new life (`…@2`), written to the
delivery's progress before it is used, so that no crash makes a third.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo import contacts
from engine.destinations.odoo.catalogue import Location
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import external, generation, generation_of
from engine.destinations.odoo.procurement import Need, Ordered, replenish
from engine.destinations.odoo.releases import ours
from engine.destinations.odoo.repeat import Bad, act
from engine.destinations.odoo.reserving import change, shortage
from engine.destinations.odoo.returns import returned
from engine.destinations.odoo.transfers import Line, NewTransfer, Transfer, Transfers, instant, lines_of
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable, Unavailable
from engine.model import ReasonCode

__all__ = ["reserve"]

Reserves = Sequence[Row[effects.Reserve]]
_LIFE = "reserve"  # the progress word that holds the generation


class Plan(msgspec.Struct):
    """What one `Reserve` comes down to."""

    source: Location
    destination: Location
    lines: tuple[Line, ...]
    partner: int = 0
    transfers: list[Transfer] = []  # the lives of the key that were not cancelled
    last: int = 0  # the highest generation that ever was
    cancelled: set[int] = set()
    fresh: bool = False  # its transfer was made just now

    @property
    def still(self) -> Transfer | None:
        """The transfer that can be changed, if any."""
        return next((transfer for transfer in self.transfers if not transfer.over), None)


Plans = dict[Row[effects.Reserve], Plan]
Write = tuple[Row[effects.Reserve], list[str]]


def reserve(site: Site, rows: Reserves) -> None:
    """Carry out the `Reserve` effects of one company, whose keys differ."""
    transfers = Transfers(site)
    plans = _plans(site, rows)
    _read(site, transfers, plans)
    _open_lives(site, transfers, plans)
    _change(transfers, _going_on(plans))
    _hold(site, transfers, _going_on(plans))
    _procure(site, _going_on(plans))
    for row in open_rows(plans):
        row.stand()


def _going_on(plans: Plans) -> Plans:
    return {row: plan for row, plan in plans.items() if row.outcome is None}


def _plans(site: Site, rows: Reserves) -> Plans:
    """What is wanted where, for whom; rows that name unknown things are refused."""
    plans: Plans = {}
    for row in rows:
        effect = row.effect
        try:
            source = site.catalogue.location(
                site.company, effect.source or site.connection.source_location, "source"
            )
            destination = site.catalogue.location(site.company, effect.destination, "destination")
            if source.id == destination.id:
                raise refusal(ReasonCode.REFUSED, "source and destination are the same place", "destination")
            plans[row] = Plan(source, destination, _goods(lines_of(site, effect.items)))
        except Unacceptable as error:
            row.fail(error)
    wanted = {row: contacts.Wanted(row.effect.encounter, row.effect.subject) for row in plans}
    partners = contacts.ensure(site, wanted)
    for row, plan in plans.items():
        plan.partner = partners.get(row, 0)
    return {row: plan for row, plan in plans.items() if row.outcome is None}


def _goods(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    if any(line.product.kind == "service" for line in lines):
        raise refusal(ReasonCode.REFUSED, "an item is a service: it has no stock", "items")
    return lines


def _read(site: Site, transfers: Transfers, plans: Plans) -> None:
    """Find what stands under the keys."""
    keys = sorted({row.effect.key for row in plans})
    found = ours(transfers.find([("origin", "in", keys)])) if keys else []
    _take_off_what_came_back(site, found)
    for row, plan in plans.items():
        base = external("reserve", row.effect.key)
        for transfer in found:
            if transfer.origin == row.effect.key:
                life = generation_of(base, transfer.name)
                plan.last = max(plan.last, life)
                if transfer.state == "cancel":
                    plan.cancelled.add(life)
                else:
                    plan.transfers.append(transfer)


def _take_off_what_came_back(site: Site, found: Sequence[Transfer]) -> None:
    """Done moves count towards the wish only as far as their goods did not come back."""
    done = [move.id for transfer in found for move in transfer.moves if move.state == "done"]
    back = returned(site, done) if done else {}
    for transfer in found if back else ():
        transfer.moves = [
            msgspec.structs.replace(move, quantity=move.quantity - back.get(move.id, Decimal(0)))
            for move in transfer.moves
        ]


def _open_lives(site: Site, transfers: Transfers, plans: Plans) -> None:
    """Make a transfer for every key that has none open; its generation is written down first."""
    news: dict[Row[effects.Reserve], NewTransfer] = {}
    progress: dict[int, dict[str, str]] = {}
    for row, plan in plans.items():
        noted = int(row.delivery.progress.get(_LIFE, "0"))
        missing = change(plan.transfers, plan.lines).missing
        if plan.still or not missing:
            continue
        if noted and noted in plan.cancelled:
            row.notes.append("was cancelled in Odoo since")
            row.stand()
            continue
        life = noted or plan.last + 1
        progress |= {} if noted else {row.delivery.id: {_LIFE: str(life)}}
        news[row] = _new(row, plan, life, missing)
    if progress:
        site.note(progress)
    failed: dict[Row[effects.Reserve], Bad] = {}
    for row, answer in zip(news, transfers.create(list(news.values())), strict=True):
        if isinstance(answer, int):
            plans[row].transfers.append(transfers.draft(answer, news[row]))
            plans[row].fresh = True
        else:
            failed[row] = answer
    _fail(transfers, failed)


def _fail(transfers: Transfers, failed: dict[Row[effects.Reserve], Bad]) -> None:
    """Refused, unless another attempt at the same effect (a lease that ran out) made the transfer
    meanwhile: then the next attempt finds it."""
    keys = sorted({row.effect.key for row in failed})
    made = {t.origin for t in ours(transfers.find([("origin", "in", keys)])) if not t.over} if keys else set()
    for row, error in failed.items():
        row.fail(Unavailable("another attempt made the transfer") if row.effect.key in made else error)


def _new(row: Row[effects.Reserve], plan: Plan, life: int, missing: tuple[Line, ...]) -> NewTransfer:
    return NewTransfer(
        name=generation(external("reserve", row.effect.key), life),
        origin=row.effect.key,
        source=plan.source,
        destination=plan.destination,
        lines=missing,
        planned=_planned(row.effect),
        priority=_priority(row.effect),
        partner=plan.partner,
        note=row.came_of,
    )


def _change(transfers: Transfers, plans: Plans) -> None:
    """Bring open transfers to what is wanted now, writing only what differs."""
    heads: dict[tuple[str, ...], list[Write]] = {}
    demands: list[Write] = []
    for row, plan in plans.items():
        still = plan.still
        if still is None or plan.fresh:
            continue
        for transfer in (t for t in plan.transfers if not t.over):
            values = _head_changes(row, plan, transfer)
            if values:
                heads.setdefault(tuple(values), []).append((row, [str(transfer.id), *values.values()]))
        wish = change(plan.transfers, plan.lines)
        demands += [(row, [str(move), str(quantity)]) for move, quantity in wish.demands]
        planned = _planned(row.effect) or still.planned
        for answer in transfers.add_moves(still, wish.missing, planned):
            _check(row, answer)
    for fields, writes in heads.items():
        _write(transfers, "stock.picking", fields, writes)
    _write(transfers, "stock.move", ("product_uom_qty",), demands)


def _write(transfers: Transfers, model: str, fields: Sequence[str], writes: Sequence[Write]) -> None:
    """Rows whose write is refused fail."""
    answers = transfers.update(model, fields, [values for _, values in writes])
    for (row, _), answer in zip(writes, answers, strict=True):
        _check(row, answer)


def _check(row: Row[effects.Reserve], answer: int | Bad) -> None:
    if not isinstance(answer, int):
        row.fail(answer)


def _head_changes(row: Row[effects.Reserve], plan: Plan, transfer: Transfer) -> dict[str, str]:
    """Fields of the transfer that differ from the wish. With the partner go the places: Odoo makes them
    those of the transfer's type when it changes."""
    planned = _planned(row.effect)
    pairs: dict[str, tuple[object, object]] = {
        "location_id/.id": (transfer.source, plan.source.id),
        "location_dest_id/.id": (transfer.destination, plan.destination.id),
        "scheduled_date": (transfer.planned, planned or transfer.planned),
        "priority": (transfer.priority, _priority(row.effect)),
        "partner_id/.id": (transfer.partner, plan.partner or transfer.partner),
    }
    changed = {field for field, (stands, wish) in pairs.items() if stands != wish}
    if "partner_id/.id" in changed:
        changed |= {"location_id/.id", "location_dest_id/.id"}
    return {field: str(wish) for field, (_, wish) in pairs.items() if field in changed}


def _hold(site: Site, transfers: Transfers, plans: Plans) -> None:
    """Confirm and reserve what is not held yet, and read back what is held."""
    standing = {t.id: row for row, plan in plans.items() for t in plan.transfers if not t.over}
    transfers.read_moves([t for plan in plans.values() for t in plan.transfers if not plan.fresh])
    loose = sorted(t.id for plan in plans.values() for t in plan.transfers if not t.over and not _held(t))
    failed = act(site.client, "stock.picking", "action_confirm", loose, site.context)
    confirmed = [i for i in loose if i not in failed]
    failed |= act(site.client, "stock.picking", "action_assign", confirmed, site.context)
    for transfer, error in failed.items():
        standing[transfer].fail(error)
    if loose:
        transfers.read_moves([t for plan in plans.values() for t in plan.transfers])


def _held(transfer: Transfer) -> bool:
    return bool(transfer.moves) and all(m.state in ("done", "cancel", "assigned") for m in transfer.moves)


def _procure(site: Site, plans: Plans) -> None:
    """Say what is short, and have it procured unless the effect says not to."""
    short = {row: shortage(plan.transfers) for row, plan in plans.items()}
    needs = {
        Need(product, plan.source.id, plan.source.warehouse)
        for row, plan in plans.items()
        if row.effect.procure
        for product in short[row]
    }
    answers = replenish(site, needs) if needs else {}
    for row, plan in plans.items():
        row.documents["stock.picking"] = ",".join(str(t.id) for t in plan.transfers)
        for product, missing in short[row].items():
            answer = answers.get(Need(product, plan.source.id, plan.source.warehouse), Ordered())
            _tell_shortage(row, missing, answer)


def _tell_shortage(row: Row[effects.Reserve], missing: Decimal, answer: Any) -> None:
    if isinstance(answer, Ordered):
        where = f": on order {', '.join(answer.names)}" if answer.names else ""
        row.notes.append(f"short by {missing.normalize():f}{where}")
        row.documents.update({"purchase.order": ",".join(map(str, answer.ids))} if answer.ids else {})
    elif isinstance(answer, Unacceptable) and answer.code == ReasonCode.REFUSED:
        row.fail(refusal(ReasonCode.REFUSED, f"what is in stock is reserved; {answer.text}", answer.place))
    else:
        row.fail(answer)


def _planned(effect: effects.Reserve) -> str:
    return instant(effect.needed_on or effect.needed_at)


def _priority(effect: effects.Reserve) -> str:
    return "0" if effect.priority == "routine" else "1"
