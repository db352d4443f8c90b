"""Consume: what was used leaves the stock, once; with `reverses` it comes back, with `against` a reservation
is used up first (`fulfilment`).

load → confirm → assign → lots and quantities → picked → validate → read back. The goods are gone
in the ward whatever Odoo believes, so a transfer is validated even where the stock then goes below
zero, and the outcome says so; only an item that is kept by lots cannot go without a lot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from engine import effects
from engine.destinations.odoo import contacts
from engine.destinations.odoo.catalogue import Location
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.fulfilment import Fulfilled, fulfil
from engine.destinations.odoo.lots import check_lots, check_same_lots, lot_ids, write_lots
from engine.destinations.odoo.names import external
from engine.destinations.odoo.repeat import Bad, act
from engine.destinations.odoo.returns import goods_back
from engine.destinations.odoo.sharing import alike
from engine.destinations.odoo.transfers import (
    QUIETLY,
    Line,
    Move,
    NewTransfer,
    Transfer,
    Transfers,
    instant,
    lines_of,
)
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.effects import covers
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["collide", "consume"]

Rows = Sequence[Row[effects.Consume]]


class Plan(msgspec.Struct):
    """What one `Consume` comes down to: from where to where, which lines, and what stands."""

    source: Location
    destination: Location
    lines: tuple[Line, ...]
    partner: int = 0
    transfer: Transfer | None = None
    lots: dict[tuple[int, str], int] = {}  # ids of the lots named, by product and lot number


Plans = dict[Row[effects.Consume], Plan]


def collide(a: Row[effects.Consume], b: Row[effects.Consume]) -> bool:
    """Whether two concern the same consumption: then order matters."""
    mine, other = {a.effect.key, a.effect.reverses}, {b.effect.key, b.effect.reverses}
    if (mine & other) - {""} or a.effect.against == b.effect.against != "":
        return True
    return covers(a.effect.reverses, b.effect.key) or covers(b.effect.reverses, a.effect.key)


def consume(site: Site, rows: Rows) -> None:
    """Carry out the `Consume` effects of one company, whose keys differ."""
    transfers = Transfers(site)
    standing = _standing(transfers, rows)
    wanted = _wanted(site, rows)
    against = {row: wanted[row] for row in open_rows(rows) if row.effect.against and not row.effect.reverses}
    done = fulfil(site, transfers, against, standing)
    for row in open_rows(rows):
        _settle(site, row, wanted[row], standing.get(row.effect.key), done.get(row))
    wanted |= {row: fulfilled.rest for row, fulfilled in done.items()}
    plans = _plans(site, transfers, open_rows(rows), wanted, standing)
    _create(transfers, plans)
    _hold(site, transfers, _going_on(plans))
    _count(transfers, _going_on(plans))
    _validate(site, transfers, _going_on(plans))
    for row in open_rows(plans):
        row.stand()


def _going_on(plans: Plans) -> Plans:
    return {row: plan for row, plan in plans.items() if row.outcome is None}


def _standing(transfers: Transfers, rows: Rows) -> dict[str, Transfer]:
    """Transfers made for these keys before."""
    keys = sorted({row.effect.key for row in rows})
    return {t.origin: t for t in transfers.find([("origin", "in", keys)]) if t.name == _name(t.origin)}


def _tell(row: Row[effects.Consume], transfer: int) -> None:
    """Name the transfer among the row's documents."""
    named = row.documents.get("stock.picking", "").split(",")
    row.documents["stock.picking"] = ",".join(dict.fromkeys([*filter(None, named), str(transfer)]))


def _name(key: str) -> str:
    return external("consume", key)


def _over(row: Row[effects.Consume], transfer: Transfer) -> None:
    _tell(row, transfer.id)
    if transfer.state == "cancel":
        row.fail(refusal(ReasonCode.CONFLICT, "the transfer was cancelled in Odoo", "key"))
    row.stand()


def _wanted(site: Site, rows: Rows) -> dict[Row[effects.Consume], tuple[Line, ...]]:
    """The goods of each row; those that name unknown ones fail."""
    wanted: dict[Row[effects.Consume], tuple[Line, ...]] = {}
    for row in rows:
        try:
            wanted[row] = () if row.effect.whole else lines_of(site, row.effect.items)
        except Unacceptable as error:
            row.fail(error)
    return wanted


def _settle(
    site: Site,
    row: Row[effects.Consume],
    lines: tuple[Line, ...],
    transfer: Transfer | None,
    fulfilled: Fulfilled | None,
) -> None:
    """Settle a row whose goods went before, or all went out of its reservation now."""
    taken = fulfilled.moves if fulfilled else ()
    if taken:
        row.documents["stock.picking"] = ",".join(map(str, sorted({move.picking for move in taken})))
    if transfer and transfer.over:
        if transfer.state == "done":
            _compare(site, row, lines, transfer, taken)
        _over(row, transfer)
    elif fulfilled and not fulfilled.rest:
        row.stand()
    elif fulfilled:
        row.notes.append("more than was reserved" if taken else "nothing was reserved for it")


def _compare(
    site: Site, row: Row[effects.Consume], lines: Sequence[Line], transfer: Transfer, taken: Sequence[Move]
) -> None:
    """Fail a row whose goods are not those that its key already took or brought back."""
    moved = [*taken, *(move for move in transfer.moves if move.state != "cancel")]
    try:
        if not taken:
            check_same_lots(site, lines, transfer)
        if not row.effect.whole and not alike(lines, moved):
            raise refusal(ReasonCode.CONFLICT, "other goods went under this key", "items")
    except Unacceptable as error:
        row.fail(error)


def _plans(
    site: Site,
    transfers: Transfers,
    rows: Rows,
    wanted: Mapping[Row[effects.Consume], tuple[Line, ...]],
    standing: Mapping[str, Transfer],
) -> Plans:
    """What is taken from where, for whom; rows that name unknown things are refused."""
    plans: Plans = {}
    back = goods_back(site, transfers, [row for row in rows if row.effect.reverses])
    for row in open_rows(rows):
        try:
            place = site.catalogue.location(site.company, row.effect.location)
            gone = _used_goods(site)
            if row.effect.reverses:
                plans[row] = Plan(msgspec.structs.replace(gone, id=back[row].source), place, back[row].lines)
            else:
                plans[row] = Plan(place, gone, wanted[row])
        except Unacceptable as error:
            row.fail(error)
            continue
        plans[row].transfer = standing.get(row.effect.key)
    _find_lots(site, plans)
    whose = {row: contacts.Wanted(row.effect.encounter, row.effect.subject) for row in open_rows(plans)}
    for row, partner in contacts.ensure(site, whose).items():
        plans[row].partner = partner
    return _going_on(plans)


def _find_lots(site: Site, plans: Plans) -> None:
    """Look up the lots that lines name, before anything is written."""
    known = lot_ids(site, [line for plan in plans.values() for line in plan.lines])
    for row, plan in plans.items():
        plan.lots = known
        try:
            check_lots(plan.lines, known)
        except Unacceptable as error:
            row.fail(error)


def _used_goods(site: Site) -> Location:
    named = site.connection.consumption_location
    return site.catalogue.location(site.company, named) if named else site.catalogue.consumption(site.company)


def _create(transfers: Transfers, plans: Plans) -> None:
    """Load the transfers that do not stand yet."""
    news = {row: _new(row, plan) for row, plan in plans.items() if plan.transfer is None}
    failed: dict[Row[effects.Consume], Bad] = {}
    for row, answer in zip(news, transfers.create(list(news.values())), strict=True):
        if isinstance(answer, int):
            plans[row].transfer = transfers.draft(answer, news[row])
        else:
            failed[row] = answer
    _fail(transfers, failed)


def _new(row: Row[effects.Consume], plan: Plan) -> NewTransfer:
    used = instant(row.effect.used_on)
    return NewTransfer(
        _name(row.effect.key),
        row.effect.key,
        plan.source,
        plan.destination,
        plan.lines,
        used,
        "0",
        plan.partner,
        row.came_of,
    )


def _transfers_of(plans: Plans) -> dict[int, Row[effects.Consume]]:
    return {plan.transfer.id: row for row, plan in plans.items() if plan.transfer}


def _hold(site: Site, transfers: Transfers, plans: Plans) -> None:
    """Confirm, and let Odoo choose the oldest lots; named lots are written."""
    _act(site, transfers, plans, "action_confirm")
    _act(site, transfers, _going_on(plans), "action_assign")
    _read(transfers, _going_on(plans))
    named = {row: plan for row, plan in _going_on(plans).items() if any(line.lot for line in plan.lines)}
    for plan in named.values():
        write_lots(site, plan.transfer.moves if plan.transfer else [], plan.lines, plan.lots)
    if named:
        _read(transfers, named)


def _count(transfers: Transfers, plans: Plans) -> None:
    """Let every move have all it asks for, in stock or not."""
    short: list[tuple[Row[effects.Consume], list[str]]] = []
    for row, plan in plans.items():
        kept = {line.product.id: line.product.tracking != "none" for line in plan.lines}
        for move in plan.transfer.moves if plan.transfer else ():
            if move.quantity >= move.demand:
                continue
            if kept.get(move.product):
                row.fail(
                    refusal(
                        ReasonCode.QUANTITY, "too few lots in stock: count them in or name the lot", "items"
                    )
                )
            else:
                short.append((row, [str(move.id), str(move.demand)]))
                note = f"stock went below zero by {(move.demand - move.quantity).normalize():f}"
                row.notes.append(note)
    short = [(row, values) for row, values in short if row.outcome is None]
    for (row, _), answer in zip(
        short, transfers.update("stock.move", ["quantity"], [values for _, values in short]), strict=True
    ):
        if not isinstance(answer, int):
            row.fail(answer)


def _validate(site: Site, transfers: Transfers, plans: Plans) -> None:
    """Mark as picked and validate; read back that it is done."""
    rows = _transfers_of(plans)
    if not rows:
        return
    moves = [m.id for p in plans.values() if p.transfer for m in p.transfer.moves if m.state != "cancel"]
    site.client.call("stock.move", "write", ids=moves, context=site.context, vals={"picked": True})
    _act(site, transfers, plans, "button_validate")
    done = {transfer.id for transfer in transfers.find([("id", "in", sorted(rows)), ("state", "=", "done")])}
    for transfer, row in rows.items():
        _tell(row, transfer)
        if transfer not in done:
            row.fail(
                refusal(ReasonCode.CONFLICT, "Odoo asks for a decision: validate the transfer there", "key")
            )


def _read(transfers: Transfers, plans: Plans) -> None:
    transfers.read_moves([plan.transfer for plan in plans.values() if plan.transfer])


def _act(site: Site, transfers: Transfers, plans: Plans, method: str) -> None:
    """Call a repeatable action on all transfers; those that it fails for fail."""
    rows = _transfers_of(plans)
    failed = act(site.client, "stock.picking", method, sorted(rows), {**site.context, **QUIETLY})
    _fail(transfers, {rows[transfer]: error for transfer, error in failed.items()})


def _fail(transfers: Transfers, failed: dict[Row[effects.Consume], Bad]) -> None:
    """Tell why a step failed, unless another attempt at the same effect brought it to its end
    meanwhile (a lease that ran out): then it stands."""
    standing = _standing(transfers, list(failed)) if failed else {}
    for row, error in failed.items():
        transfer = standing.get(row.effect.key)
        if transfer and transfer.state == "done":
            _over(row, transfer)
        row.fail(error)
