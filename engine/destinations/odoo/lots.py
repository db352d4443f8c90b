"""Lots: which stand behind a move. Without a word Odoo takes the oldest (or first to expire)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.transfers import Line, Move, Transfer
from engine.destinations.odoo.work import Site
from engine.model import ReasonCode

__all__ = ["check_lots", "check_same_lots", "lot_ids", "lots_taken", "write_lots"]


def lot_ids(site: Site, lines: Sequence[Line]) -> dict[tuple[int, str], int]:
    """Database ids of the lots that lines name, by product and lot number."""
    named = [line for line in lines if line.lot]
    if not named:
        return {}
    domain = [
        ("product_id", "in", sorted({line.product.id for line in named})),
        ("name", "in", sorted({line.lot for line in named})),
        ("company_id", "in", [site.company, False]),
    ]
    rows = site.client.search_read("stock.lot", domain, ["name", "product_id"], context=site.context)
    return {(row["product_id"][0], row["name"]): int(row["id"]) for row in rows}


def write_lots(
    site: Site, moves: Sequence[Move], lines: Sequence[Line], known: Mapping[tuple[int, str], int]
) -> None:
    """Let each move of a line with a lot consist of that lot alone; may be repeated.

    Several lots of one product are one move where Odoo merged their lines."""
    wanted = {
        move: [line for line in lines if line.lot and line.fits(move)]
        for move in moves
        if move.state not in ("done", "cancel")
    }
    named = {move: mine for move, mine in wanted.items() if mine}
    standing = _details(site, [move.id for move in named])
    for move, mine in named.items():
        remove = [[2, detail, 0] for detail in standing.get(move.id, [])]
        add = [[0, 0, _detail(move, line, known[line.product.id, line.lot])] for line in mine]
        vals = {"move_line_ids": [*remove, *add]}
        site.client.call("stock.move", "write", ids=[move.id], context=site.context, vals=vals)


def _details(site: Site, moves: Sequence[int]) -> dict[int, list[int]]:
    """The move lines (ids) that Odoo's own choice made, by move."""
    found: dict[int, list[int]] = {}
    if moves:
        domain = [("move_id", "in", list(moves))]
        for row in site.client.search_read("stock.move.line", domain, ["move_id"], context=site.context):
            found.setdefault(row["move_id"][0], []).append(row["id"])
    return found


def check_lots(lines: Sequence[Line], known: Mapping[tuple[int, str], int]) -> None:
    """Raises `Unacceptable` for a lot that Odoo does not have."""
    if any(line.lot and (line.product.id, line.lot) not in known for line in lines):
        raise refusal(ReasonCode.REFUSED, "Odoo has no such lot of this item", "items.lot")


def lots_taken(site: Site, pickings: Sequence[int]) -> dict[int, list[tuple[str, Decimal]]]:
    """Which lots each move took, and how much of each."""
    domain = [("picking_id", "in", list(pickings)), ("lot_id", "!=", False)]
    taken: dict[int, list[tuple[str, Decimal]]] = {}
    fields = ["move_id", "lot_id", "quantity"]
    for row in site.client.search_read("stock.move.line", domain, fields, context=site.context):
        taken.setdefault(row["move_id"][0], []).append((row["lot_id"][1], Decimal(str(row["quantity"]))))
    return taken


def check_same_lots(site: Site, lines: Sequence[Line], transfer: Transfer) -> None:
    """Raises `Unacceptable` (`conflict`) when lines name a lot that the done transfer did not move: who looks
    for a lot must find what was said to be of it."""
    named = {(line.product.id, line.lot) for line in lines if line.lot}
    if not named:
        return
    taken = lots_taken(site, [transfer.id])
    moved = {(move.product, lot) for move in transfer.moves for lot, _ in taken.get(move.id, [])}
    if named - moved:
        raise refusal(ReasonCode.CONFLICT, "another lot went under this key", "items.lot")


def _detail(move: Move, line: Line, lot: int) -> dict[str, object]:
    return {
        "product_id": move.product,
        "product_uom_id": move.unit,
        "location_id": move.source,
        "location_dest_id": move.destination,
        "picking_id": move.picking,
        "lot_id": lot,
        "quantity": float(line.quantity),  # a JSON number: Odoo keeps it as one
    }
