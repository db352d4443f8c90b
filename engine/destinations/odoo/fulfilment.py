"""What a consumption takes out of the reservation that it is against: so much of the reserved transfer is
done, and the rest stays reserved.

lots → claim → validate → read back → the rest held. A claim is a move's `origin`: it becomes the
consumption's key in the write that counts the goods, and Odoo splits off what is left when the transfer is
validated. So a done move of that origin tells what was taken, and an attempt that comes again takes no more.
What the store handed out of the reservation by itself is counted before the rest of it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from engine import effects
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.lots import check_lots, lot_ids, write_lots
from engine.destinations.odoo.releases import ours
from engine.destinations.odoo.repeat import act
from engine.destinations.odoo.sharing import Part, alike, share, without
from engine.destinations.odoo.transfers import OVER, QUIETLY, Line, Move, Transfer, Transfers
from engine.destinations.odoo.work import Row, Site, open_rows
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["Fulfilled", "fulfil"]

Use = Row[effects.Consume]
_BEGUN = "against"  # the progress word of a consumption that has begun to take


class Fulfilled(msgspec.Struct, frozen=True):
    """The moves that were done for a consumption out of its reservation; what that did not have."""

    moves: tuple[Move, ...]
    rest: tuple[Line, ...]


class _Reserved(msgspec.Struct):
    """A reservation as it stands, as one consumption sees it; what it is to give."""

    transfers: list[Transfer]
    taken: tuple[Move, ...]
    parts: tuple[Part, ...] = ()
    rest: tuple[Line, ...] = ()


Plans = dict[Use, _Reserved]


def fulfil(
    site: Site, transfers: Transfers, wanted: Mapping[Use, tuple[Line, ...]], standing: Mapping[str, Transfer]
) -> dict[Use, Fulfilled]:
    """Take what rows want out of the reservations they are against, no two of the same. Those that had
    begun in another delivery, or use goods beside the reservation (`standing`), take no more."""
    plans = _read(transfers, wanted)
    for row, plan in plans.items():
        mine = _BEGUN in row.delivery.progress or not plan.taken
        plan.rest = without(wanted[row], plan.taken)
        if row.effect.key in standing:
            continue
        if mine:
            plan.parts, plan.rest = share(plan.rest, _candidates(plan))
        elif not alike(wanted[row], plan.taken):
            row.fail(refusal(ReasonCode.CONFLICT, "other goods went under this key", "items"))
    begun = {row.delivery.id: {_BEGUN: "yes"} for row, plan in plans.items() if plan.parts}
    if begun:
        site.note(begun)
    _lots(site, _going_on(plans))
    _claim(transfers, _going_on(plans))
    _validate(site, _going_on(plans))
    stand = _read(transfers, _going_on(plans))
    _check(stand, plans)
    _hold(site, stand)
    return {row: Fulfilled(after.taken, plans[row].rest) for row, after in _going_on(stand).items()}


def _going_on(plans: Plans) -> Plans:
    return {row: plans[row] for row in open_rows(plans)}


def _read(transfers: Transfers, rows: Mapping[Use, object]) -> Plans:
    """The reservations that the rows are against, and what was taken out of them for each."""
    keys = sorted({row.effect.against for row in rows})
    found = ours(transfers.find([("origin", "in", keys)])) if keys else []
    plans: Plans = {}
    for row in rows:
        mine = [transfer for transfer in found if transfer.origin == row.effect.against]
        moves = (move for transfer in mine for move in transfer.moves)
        taken = tuple(m for m in moves if m.state == "done" and m.origin == row.effect.key)
        plans[row] = _Reserved(mine, taken)
    return plans


def _candidates(plan: _Reserved) -> list[Move]:
    """What the store handed out by itself, then what is still to be handed out."""
    moves = [move for transfer in plan.transfers for move in transfer.moves]
    by_hand = [move for move in moves if move.state == "done" and not move.origin]
    return by_hand + [move for move in moves if move.state not in OVER]


def _lots(site: Site, plans: Plans) -> None:
    """Let the moves consist of the lots that are named. Without a name there must be enough of them."""
    known = lot_ids(site, [line for plan in plans.values() for part in plan.parts for line in part.lines])
    for row, plan in plans.items():
        still = [part for part in plan.parts if part.move.state not in OVER]
        try:
            for part in still:
                check_lots(part.lines, known)
                _check_count(row, part)
        except Unacceptable as error:
            row.fail(error)
            continue
        for part in still:
            write_lots(site, [part.move], part.lines, known)


def _check_count(row: Use, part: Part) -> None:
    line, short = part.lines[0], part.quantity - part.move.quantity
    if short <= 0 or all(one.lot for one in part.lines):
        return
    if line.product.tracking != "none":
        raise refusal(ReasonCode.QUANTITY, "too few lots in stock: count them in or name the lot", "items")
    row.notes.append(f"stock went below zero by {short.normalize():f}")


def _claim(transfers: Transfers, plans: Plans) -> None:
    """Write whose goods these are, and how many; what was handed out by hand only whole."""
    shipped: list[tuple[Use, list[str]]] = []
    counted: list[tuple[Use, list[str]]] = []
    for row, plan in plans.items():
        for part in plan.parts:
            claim = [str(part.move.id), row.effect.key]
            if part.move.state not in OVER:
                counted.append((row, [*claim, str(part.quantity), "1"]))
            elif part.quantity == part.move.quantity:
                shipped.append((row, claim))
    for fields, writes in ((["origin"], shipped), (["origin", "quantity", "picked"], counted)):
        answers = transfers.update("stock.move", fields, [values for _, values in writes])
        for (row, _), answer in zip(writes, answers, strict=True):
            if not isinstance(answer, int):
                row.fail(answer)


def _validate(site: Site, plans: Plans) -> None:
    """Have the counted moves done; Odoo splits off the rest."""
    rows = {
        part.move.picking: row
        for row, plan in plans.items()
        for part in plan.parts
        if part.move.state not in OVER
    }
    context = {**site.context, **QUIETLY}
    for picking, error in act(site.client, "stock.picking", "button_validate", sorted(rows), context).items():
        rows[picking].fail(error)


def _check(stand: Plans, plans: Plans) -> None:
    """What was counted must be done."""
    for row, after in stand.items():
        done = {move.id for move in after.taken}
        counted = {part.move.id for part in plans[row].parts if part.move.state not in OVER}
        if counted - done:
            text = "Odoo asks for a decision: validate the transfer there"
            row.fail(refusal(ReasonCode.CONFLICT, text, "against"))


def _hold(site: Site, stand: Plans) -> None:
    """Reserve what is still to be handed out."""
    loose = {
        transfer.id: row
        for row, plan in _going_on(stand).items()
        for transfer in plan.transfers
        if any(move.state in ("confirmed", "partially_available") for move in transfer.moves)
    }
    for picking, error in act(
        site.client, "stock.picking", "action_assign", sorted(loose), site.context
    ).items():
        loose[picking].fail(error)
