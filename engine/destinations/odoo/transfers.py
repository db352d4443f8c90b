"""Transfers (`stock.picking`) and their moves: reading what stands, loading what is new.

A transfer's `origin` is the effect's key, which is how it is found again; its external id is what
keeps it one. Lines of the same product and unit are one move, for Odoo would merge them on confirm.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from engine import effects
from engine.destinations.odoo.catalogue import Location, Product, Wanted
from engine.destinations.odoo.faults import refusal
from engine.destinations.odoo.names import full
from engine.destinations.odoo.repeat import Bad, Record, load_each
from engine.destinations.odoo.work import Site
from engine.model import ReasonCode

__all__ = [
    "OVER", "QUIETLY", "Line", "Move", "NewTransfer", "Transfer", "Transfers", "instant", "lines_of",
]  # fmt: skip

OVER = ("done", "cancel")
"""States of transfers and moves that change no more."""

QUIETLY = {"skip_backorder": True, "skip_sms": True, "skip_expired": True, "skip_immediate": True}
"""The context in which a transfer is validated without questions; what was not counted is split off."""


class Move(msgspec.Struct, frozen=True):
    """A move as it stands; `quantity` is what is reserved (or done) of the `demand`, `base` the demand in
    the product's own unit, `origin` the key of the consumption that took it out of a reservation."""

    id: int
    picking: int
    product: int
    unit: int
    demand: Decimal
    quantity: Decimal
    base: Decimal
    state: str
    source: int
    destination: int
    origin: str = ""
    title: str = ""  # the product's
    returns: int = 0  # the move (id) that it takes back

    @property
    def done(self) -> Decimal:
        """What was reserved or done of it, in the product's own unit."""
        return self.quantity * self.base / self.demand if self.demand else Decimal(0)


class Line(msgspec.Struct, frozen=True):
    """One move that is wanted; `returns` is the id of the move it takes back, `source` the place (id) it
    leaves where that is not the transfer's."""

    product: Product
    unit: int
    quantity: Decimal
    base: Decimal  # in the product's own unit
    lot: str = ""
    returns: int = 0
    source: int = 0

    def fits(self, move: Move) -> bool:
        """Whether a move is of this line's product and unit."""
        return (move.product, move.unit) == (self.product.id, self.unit)

    @property
    def tag(self) -> str:
        """What tells the lines of one transfer apart."""
        return "-".join(
            [str(self.product.id), str(self.unit), *filter(None, [self.lot, str(self.returns or "")])]
        )


class Transfer(msgspec.Struct):
    """A transfer as it stands; `name` is Wardline's external id or empty."""

    id: int
    origin: str
    name: str
    state: str
    source: int
    destination: int
    planned: str
    priority: str
    partner: int
    backorder_of: int
    moves: list[Move] = []

    @property
    def over(self) -> bool:
        """Done or cancelled: nothing may be written to it any more."""
        return self.state in OVER


class NewTransfer(msgspec.Struct, frozen=True):
    """What `Transfers.create` makes."""

    name: str
    origin: str
    source: Location
    destination: Location
    lines: tuple[Line, ...]
    planned: str = ""
    priority: str = "0"
    partner: int = 0
    note: str = ""
    """For who reads it in Odoo: which message it came of. Nothing is found by it."""


class Transfers:
    """The transfers of one company."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._client = site.client

    def find(self, domain: Sequence[Any]) -> list[Transfer]:
        """Transfers with their moves, cancelled ones too, by id."""
        fields = ["origin", "state", "location_id", "location_dest_id", "scheduled_date", "priority"]
        fields += ["partner_id", "backorder_id"]
        mine = [("company_id", "=", self._site.company), *domain]
        rows = self._client.search_read("stock.picking", mine, fields, context=self._site.context)
        names = self._client.external_names("stock.picking", [row["id"] for row in rows])
        found = [_transfer(row, names.get(row["id"], "")) for row in rows]
        self.read_moves(found)
        return found

    def read_moves(self, transfers: Sequence[Transfer]) -> None:
        """Fill in the moves as they are now."""
        by_id = {transfer.id: transfer for transfer in transfers}
        for transfer in transfers:
            transfer.moves = []
        for move in self.moves([("picking_id", "in", list(by_id))]) if by_id else []:
            by_id[move.picking].moves.append(move)

    def moves(self, domain: Sequence[Any]) -> list[Move]:
        """Moves by id."""
        fields = ["picking_id", "product_id", "product_uom", "product_uom_qty", "quantity", "state"]
        fields += ["location_id", "location_dest_id", "product_qty", "origin"]
        fields += ["origin_returned_move_id"]
        rows = self._client.search_read("stock.move", domain, fields, context=self._site.context)
        return [_move(row) for row in rows]

    def create(self, wanted: Sequence[NewTransfer]) -> list[int | Bad]:
        """Load transfers with their moves (drafts); an id or the refusal for each."""
        records = [self._record(new) for new in wanted]
        fields = [*_HEAD, *(f"move_ids/{field}" for field in self._move_fields())]
        return load_each(self._client, "stock.picking", fields, records, self._site.context)

    @staticmethod
    def draft(made: int, new: NewTransfer) -> Transfer:
        """What was just created, its moves not read yet."""
        return Transfer(
            made, new.origin, new.name, "draft", new.source.id, new.destination.id, new.planned, new.priority,
            new.partner, 0, [],
        )  # fmt: skip

    def add_moves(self, transfer: Transfer, lines: Sequence[Line], planned: str) -> list[int | Bad]:
        """Load further moves of an open transfer, for the time it is `planned` at: the earliest of its
        moves' times is the transfer's, and Odoo's own default is now."""
        rows = [
            [self._move_row(transfer.name, transfer.source, transfer.destination, line)] for line in lines
        ]
        records = [[[str(transfer.id), planned, *row] for row in record] for record in rows]
        fields = ["picking_id/.id", "date", *self._move_fields()]
        return load_each(self._client, "stock.move", fields, records, self._site.context)

    def update(self, model: str, fields: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int | Bad]:
        """Write to existing records, first column the database id."""
        return load_each(self._client, model, [".id", *fields], [[row] for row in rows], self._site.context)

    def _record(self, new: NewTransfer) -> Record:
        head = [
            full(new.name),
            str(self._site.catalogue.internal_type(self._site.company, new.source.warehouse)),
        ]
        head += [new.origin, str(new.source.id), str(new.destination.id)]
        head += [str(new.partner or ""), new.priority, new.planned, new.note]
        rows = [self._move_row(new.name, new.source.id, new.destination.id, line) for line in new.lines]
        return [[*(head if i == 0 else [""] * len(head)), *row] for i, row in enumerate(rows)]

    def _move_fields(self) -> list[str]:
        return [*_MOVE, *(["name"] if "name" in self._client.fields("stock.move") else [])]

    def _move_row(self, name: str, source: int, destination: int, line: Line) -> list[str]:
        row = [full(f"{name}:{line.tag}"), str(line.product.id), str(line.quantity), str(line.unit)]
        row += [
            str(line.source or source),
            str(destination),
            str(self._site.company),
            str(line.returns or ""),
        ]
        named = "name" in self._client.fields("stock.move")  # required up to 18, gone in 19
        return [*row, *([line.product.name] if named else [])]


_HEAD = [
    "id", "picking_type_id/.id", "origin", "location_id/.id", "location_dest_id/.id", "partner_id/.id",
    "priority", "scheduled_date", "note",
]  # fmt: skip
_MOVE = [
    "id", "product_id/.id", "product_uom_qty", "product_uom/.id", "location_id/.id", "location_dest_id/.id",
    "company_id/.id", "origin_returned_move_id/.id",
]  # fmt: skip


def lines_of(site: Site, items: Collection[effects.Item]) -> tuple[Line, ...]:
    """The items of an effect as lines, equal ones added up. Raises `Unacceptable`."""
    if not items:
        raise refusal(ReasonCode.QUANTITY, "the effect names no item", "items")
    found: dict[str, Line] = {}
    for item in items:
        wanted = site.catalogue.wanted(site.company, item)
        line = _line(wanted)
        known = found.get(line.tag)
        found[line.tag] = (
            msgspec.structs.replace(
                known, quantity=known.quantity + line.quantity, base=known.base + line.base
            )
            if known
            else line
        )
    return tuple(found.values())


def instant(when: datetime | date | None) -> str:
    """A moment as Odoo writes it (UTC), empty for none; a day means its noon."""
    if when is None:
        return ""
    if not isinstance(when, datetime):
        return f"{when.isoformat()} 12:00:00"
    return (when.astimezone(UTC) if when.tzinfo else when).strftime("%Y-%m-%d %H:%M:%S")


def _line(wanted: Wanted) -> Line:
    return Line(wanted.product, wanted.unit, wanted.quantity, wanted.base, wanted.lot)


def _id(many2one: Any) -> int:
    return int(many2one[0]) if many2one else 0


def _transfer(row: dict[str, Any], name: str) -> Transfer:
    return Transfer(
        id=row["id"],
        origin=row["origin"] or "",
        name=name,
        state=row["state"],
        source=_id(row["location_id"]),
        destination=_id(row["location_dest_id"]),
        planned=row["scheduled_date"] or "",
        priority=row["priority"] or "0",
        partner=_id(row["partner_id"]),
        backorder_of=_id(row["backorder_id"]),
        moves=[],
    )


def _move(row: dict[str, Any]) -> Move:
    return Move(
        id=row["id"],
        picking=_id(row["picking_id"]),
        product=_id(row["product_id"]),
        unit=_id(row["product_uom"]),
        demand=Decimal(str(row["product_uom_qty"])),
        quantity=Decimal(str(row["quantity"])),
        base=Decimal(str(row["product_qty"])),
        state=row["state"],
        source=_id(row["location_id"]),
        destination=_id(row["location_dest_id"]),
        origin=row["origin"] or "",
        title=row["product_id"][1] if row["product_id"] else "",
        returns=_id(row["origin_returned_move_id"]),
    )
