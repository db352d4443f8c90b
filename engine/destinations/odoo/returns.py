"""What a consumption took and may come back: nothing twice, nothing more than was taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal

import msgspec

from engine import effects
from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.lots import lots_taken
from engine.destinations.odoo.names import external
from engine.destinations.odoo.releases import under
from engine.destinations.odoo.transfers import Line, Move, Transfers, lines_of
from engine.destinations.odoo.work import Row, Site
from engine.effects import covers
from engine.errors import Unacceptable
from engine.model import ReasonCode

__all__ = ["Back", "goods_back", "returned"]

Rows = Sequence[Row[effects.Consume]]


class Back(msgspec.Struct, frozen=True):
    """Lines to take back, each from where its goods went; `source` is that of the first (a location's id)."""

    lines: tuple[Line, ...]

    @property
    def source(self) -> int:
        return self.lines[0].source


def goods_back(site: Site, transfers: Transfers, rows: Rows) -> dict[Row[effects.Consume], Back]:
    """For each reversal the lines to return. A reversal of an unknown consumption, or of more than
    is left of it, fails; one of all that is left stands where nothing is."""
    if not rows:
        return {}
    taken = _taken(transfers, {row.effect.reverses for row in rows})
    everything = [move for _, moves in taken for move in moves]
    back = returned(site, [move.id for move in everything])
    lots = lots_taken(site, sorted({move.picking for move in everything}))
    found: dict[Row[effects.Consume], Back] = {}
    for row in rows:
        moves = [move for key, some in taken if covers(row.effect.reverses, key) for move in some]
        if not moves:
            _unknown(row)
            continue
        if any(move.origin for move in moves):
            row.notes.append("what came back is not reserved again")
        try:
            lines = (
                _all(moves, back, lots) if row.effect.whole else _lines(site, row.effect, moves, back, lots)
            )
        except Unacceptable as error:
            row.fail(error)
            continue
        if lines:
            found[row] = Back(lines)
        else:
            row.notes.append("came back before")
            row.stand()
    return found


def _taken(transfers: Transfers, keys: Collection[str]) -> list[tuple[str, list[Move]]]:
    """The moves done under each key: those out of reservations, and those of its own transfer."""
    own = {
        transfer.id: transfer.origin
        for transfer in transfers.find([*under(keys), ("state", "=", "done")])
        if transfer.name == external("consume", transfer.origin)
    }
    done = ["|", ("picking_id", "in", sorted(own)), *under(keys), ("state", "=", "done")]
    taken: dict[str, list[Move]] = {}
    for move in transfers.moves(done):
        if not move.returns and (move.origin or move.picking in own):
            taken.setdefault(move.origin or own[move.picking], []).append(move)
    return list(taken.items())


def _unknown(row: Row[effects.Consume]) -> None:
    if row.effect.when_unknown == "ignore":
        row.notes.append("nothing was consumed")
        row.stand()
    else:
        row.fail(refusal(ReasonCode.UNKNOWN_REFERENCE, "nothing was consumed under this key", "reverses"))


def _all(
    moves: Sequence[Move], back: dict[int, Decimal], lots: dict[int, list[tuple[str, Decimal]]]
) -> tuple[Line, ...]:
    """What is left of the moves, as it stands."""
    result: list[Line] = []
    for move in moves:
        left = move.quantity - back.get(move.id, Decimal(0))
        if left > 0:
            kept = "lot" if move.id in lots else "none"
            product = Product(move.product, "", move.title, move.unit, "consu", kept)
            line = Line(product, move.unit, left, move.done, returns=move.id, source=move.destination)
            result += _by_lot(line, lots.get(move.id, []))
    return tuple(result)


def returned(site: Site, moves: Sequence[int]) -> dict[int, Decimal]:
    """How much of each move (id) came back already, in its unit."""
    domain = [("origin_returned_move_id", "in", list(moves)), ("state", "=", "done")]
    fields = ["origin_returned_move_id", "quantity", "picking_id", "origin"]
    back: dict[int, Decimal] = {}
    for row in site.client.search_read("stock.move", domain, fields, context=site.context):
        move = row["origin_returned_move_id"][0]
        back[move] = back.get(move, Decimal(0)) + Decimal(str(row["quantity"]))
    return back


def _lines(
    site: Site,
    effect: effects.Consume,
    moves: Sequence[Move],
    back: dict[int, Decimal],
    lots: dict[int, list[tuple[str, Decimal]]],
) -> tuple[Line, ...]:
    """The effect's items, each against what is left of the original moves."""
    result: list[Line] = []
    for line in lines_of(site, effect.items):
        left = line.quantity
        for move in moves:
            if not left or not line.fits(move):
                continue
            free = max(move.quantity - back.get(move.id, Decimal(0)), Decimal(0))
            part = min(free, left)
            if part:
                result += _by_lot(
                    msgspec.structs.replace(line, quantity=part, returns=move.id, source=move.destination),
                    lots.get(move.id, []),
                )
                left -= part
        if left:
            raise refusal(ReasonCode.QUANTITY, "more comes back than was consumed", "items.quantity")
    return tuple(result)


def _by_lot(line: Line, lots: Sequence[tuple[str, Decimal]]) -> list[Line]:
    """A line that takes back a move's lots, in the order they were taken."""
    chosen = [(name, quantity) for name, quantity in lots if not line.lot or name == line.lot]
    if not lots:
        return [line]
    result: list[Line] = []
    left = line.quantity
    for name, quantity in chosen:
        part = min(left, quantity)
        if part:
            result.append(msgspec.structs.replace(line, quantity=part, lot=name))
            left -= part
    if left:
        raise refusal(ReasonCode.QUANTITY, "more of the lot comes back than was consumed", "items.quantity")
    return result
