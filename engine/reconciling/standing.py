"""Odoo as it is now, read in batches and never written: quotations, transfers, whose they are.

Everything goes through the wire of a plan, which lets nothing but reads through
(`engine.destinations.odoo.planning.reading`): a user of Odoo that may only look is enough.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine.destinations.odoo.catalogue import Catalogue
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connecting import open_wire
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.faults import ServerError
from engine.destinations.odoo.names import MODULE
from engine.destinations.odoo.planning.reading import ReadOnly
from engine.destinations.odoo.transfers import Transfer, Transfers
from engine.destinations.odoo.work import Site

__all__ = ["PAGE", "Line", "Made", "Order", "Returned", "Standing", "instant", "pages"]

PAGE = 500
"""Documents that one call reads."""

_ALL = {"active_test": False}
T = TypeVar("T")


class Order(msgspec.Struct, frozen=True):
    """A quotation: `name` is Wardline's external id or empty, `token` whose it says it is, `partner` the
    reference of the contact it is made out to."""

    id: int
    name: str
    token: str
    state: str
    partner_id: int
    partner: str
    currency: str


class Line(msgspec.Struct, frozen=True):
    """A line of one: `name` is Wardline's external id or empty, `shares` percentages by analytic account."""

    id: int
    name: str
    order: Order
    product: int
    item: str
    unit: int
    unit_name: str
    quantity: Decimal
    price: Decimal
    discount: Decimal
    title: str
    shares: dict[str, float]

    @property
    def amount(self) -> Decimal:
        """Before taxes, in the order's currency."""
        return self.quantity * self.price * (100 - self.discount) / 100


class Returned(msgspec.Struct, frozen=True):
    """Goods of a move that came back, in the product's own unit; whether by a transfer of Wardline's."""

    move: int
    quantity: Decimal
    ours: bool


class Made(msgspec.Struct, frozen=True):
    """Something with an external id of Wardline's."""

    model: str
    id: int
    name: str


class Standing:
    """One Odoo, read as its user. Blocking, for one thread. Raises as `OdooClient` does."""

    def __init__(self, connection: OdooConnection) -> None:
        self.connection = connection
        self.client = OdooClient(ReadOnly(open_wire(connection)))
        self.catalogue = Catalogue(self.client, connection.user)
        self._codes: dict[int, str] = {}
        self._units: dict[int, str] = {}

    def close(self) -> None:
        """Let go of the connection."""
        self.client.close()

    def site(self, company: str) -> Site:
        """The company's site, as sagas see it. Raises `Unacceptable` for a company that is not there."""
        number = self.catalogue.company(company or self.connection.company)
        return Site(self.client, self.catalogue, self.connection, number, lambda _: None)

    # Quotations

    def lines(self, site: Site, ids: Collection[int]) -> dict[int, Line]:
        """These lines as far as they are there, and all others of their quotations, by id."""
        found = self._lines(site, [("id", "in", sorted(ids))])
        orders = sorted({line.order.id for line in found})
        domain = [("order_id", "in", orders), ("id", "not in", [line.id for line in found])]
        rest = self._lines(site, domain) if orders else []
        return {line.id: line for line in (*found, *rest)}

    def strays(self, site: Site, partners: Collection[int]) -> list[Line]:
        """Lines of quotations that are made out to these contacts and are none of Wardline's."""
        domain = [("order_id.partner_id", "in", sorted(partners)), ("order_id.state", "!=", "cancel")]
        return [line for line in self._lines(site, domain) if not line.order.name]

    def _lines(self, site: Site, domain: Sequence[Any]) -> list[Line]:
        unit = self.client.first_field("sale.order.line", "product_uom_id", "product_uom")
        fields = ["order_id", "product_id", unit, "product_uom_qty", "price_unit", "discount", "name"]
        fields += ["analytic_distribution"]
        mine = [("company_id", "=", site.company), ("display_type", "=", False), *domain]
        mine = [("is_downpayment", "=", False), *mine]  # finance's own work
        rows = self.client.search_read("sale.order.line", mine, fields, context=site.context)
        names = self.client.external_names("sale.order.line", [row["id"] for row in rows])
        orders = self._read_orders(site, {_id(row["order_id"]) for row in rows})
        codes = self.item_codes({_id(row["product_id"]) for row in rows})
        return [
            _line(row, names.get(row["id"], ""), orders[_id(row["order_id"])], codes, unit) for row in rows
        ]

    def _read_orders(self, site: Site, ids: Collection[int]) -> dict[int, Order]:
        rows = self.client.search_read(
            "sale.order",
            [("id", "in", sorted(ids))],
            ["client_order_ref", "state", "partner_id", "currency_id"],
            context=site.context,
        )
        names = self.client.external_names("sale.order", [row["id"] for row in rows])
        refs = self.references({_id(row["partner_id"]) for row in rows})
        return {
            row["id"]: Order(
                row["id"], names.get(row["id"], ""), row["client_order_ref"] or "", row["state"],
                _id(row["partner_id"]), refs.get(_id(row["partner_id"]), ""), _named(row["currency_id"]),
            )
            for row in rows
        }  # fmt: skip

    def unit_name(self, unit: int) -> str:
        """The name of a unit of measure."""
        if unit not in self._units:
            rows = self.client.search_read("uom.uom", [], ["name"], context=_ALL)
            self._units = {row["id"]: row["name"] for row in rows}
        return self._units.get(unit, "")

    def references(self, partners: Collection[int]) -> dict[int, str]:
        """The tokens that contacts stand for, by id; archived ones too."""
        domain = [("id", "in", sorted({*partners} - {0}))]
        rows = self.client.search_read("res.partner", domain, ["ref"], context=_ALL)
        return {row["id"]: row["ref"] or "" for row in rows}

    # Stock

    def transfers(self, site: Site, keys: Collection[str], ids: Collection[int]) -> list[Transfer]:
        """Transfers whose origin is one of these keys, or that have one of these ids, with their moves."""
        domain = ["|", ("origin", "in", sorted(keys)), ("id", "in", sorted(ids))]
        return Transfers(site).find(domain)

    def taken_back(self, site: Site, moves: Collection[int]) -> list[Returned]:
        """What came back of these moves."""
        domain = [("origin_returned_move_id", "in", sorted(moves)), ("state", "=", "done")]
        fields = ["origin_returned_move_id", "product_qty", "picking_id"]
        rows = self.client.search_read("stock.move", domain, fields, context=site.context)
        names = self.client.external_names("stock.picking", sorted({_id(row["picking_id"]) for row in rows}))
        return [
            Returned(
                _id(row["origin_returned_move_id"]),
                _decimal(row["product_qty"]),
                _id(row["picking_id"]) in names,
            )
            for row in rows
        ]

    # What there is

    def found(self, names: Collection[str]) -> dict[str, int]:
        """The ids of what stands under these external ids, asked for one by one, which every user may."""
        ids: dict[str, int] = {}
        for name in names:
            try:
                _, number = self.client.call(
                    "ir.model.data", "check_object_reference", context=_ALL, module=MODULE, xml_id=name
                )
            except ServerError as error:
                if "ValueError" not in str(error):  # Odoo's way to say: no such external id
                    raise
            else:
                ids |= {name: number} if number else {}
        return ids

    def made(self, model: str, site: Site, since: float, until: float) -> Iterator[Made]:
        """What has an external id of Wardline's and was made from `since` until before `until` (seconds since
        the epoch; 0: until now), page by page."""
        last = 0
        period = [("create_date", ">=", instant(since)), ("company_id", "=", site.company)]
        period += [("create_date", "<", instant(until))] if until else []
        while True:
            rows = self.client.search_read(
                model, [*period, ("id", ">", last)], ["id"], context=site.context, limit=PAGE
            )
            if not rows:
                return
            last = rows[-1]["id"]
            for number, name in self.client.external_names(model, [row["id"] for row in rows]).items():
                yield Made(model, number, name)

    def item_codes(self, products: Collection[int]) -> Mapping[int, str]:
        """Item codes by product; empty for one without."""
        for some in pages(sorted({*products} - {0} - self._codes.keys())):
            rows = self.client.search_read(
                "product.product", [("id", "in", some)], ["default_code"], context=_ALL
            )
            self._codes |= {row["id"]: row["default_code"] or "" for row in rows}
        return self._codes


def pages(items: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    """The items, so many at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))


def instant(seconds: float) -> str:
    """A moment as Odoo writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _line(row: dict[str, Any], name: str, order: Order, codes: Mapping[int, str], unit: str) -> Line:
    product = _id(row["product_id"])
    return Line(
        row["id"], name, order, product, codes.get(product, ""), _id(row[unit]), _named(row[unit]),
        _decimal(row["product_uom_qty"]), _decimal(row["price_unit"]), _decimal(row["discount"]),
        row["name"] or "", row["analytic_distribution"] or {},
    )  # fmt: skip


def _id(many2one: Any) -> int:
    return int(many2one[0]) if many2one else 0


def _named(many2one: Any) -> str:
    return str(many2one[1]) if many2one else ""


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value or 0))
