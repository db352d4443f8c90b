"""Draft quotations (`sale.order`) and their lines: reading what stands, loading what is new."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine.destinations.odoo.faults import ServerError
from engine.destinations.odoo.names import MODULE, external, full, generation, generation_of
from engine.destinations.odoo.repeat import Bad, load_columns, load_each
from engine.destinations.odoo.work import Site

__all__ = [
    "Order",
    "OrderLine",
    "load_lines",
    "make_orders",
    "newest_line",
    "order_with",
    "read_orders",
    "read_orders_of_persons",
]

K = TypeVar("K")
_OPEN = ("draft", "sent")


class OrderLine(msgspec.Struct, frozen=True):
    """A line as it stands; `name` is Wardline's external id or empty."""

    id: int
    name: str
    product: int
    unit: int
    quantity: Decimal
    price: Decimal
    title: str = ""
    discount: Decimal = Decimal(0)
    distribution: dict[str, float] = {}  # percentages by analytic account


class Order(msgspec.Struct, frozen=True):
    """A quotation of a visit (`token`) as it stands; `name` is Wardline's external id or empty."""

    id: int
    name: str
    token: str
    state: str
    lines: tuple[OrderLine, ...]

    @property
    def open(self) -> bool:
        """Whether charges may be added."""
        return self.state in _OPEN


def read_orders(site: Site, tokens: Collection[str]) -> list[Order]:
    """All orders of these visits with their lines, in whatever state, by id."""
    if not tokens:
        return []
    return _read(site, [("client_order_ref", "in", sorted(tokens))])


def read_orders_of_persons(site: Site, persons: Collection[str]) -> list[Order]:
    """The same of all visits of these persons."""
    wanted = sorted({token for token in persons if token})
    return _read(site, [("partner_id.parent_id.ref", "in", wanted)]) if wanted else []


def order_with(site: Site, line_name: str) -> list[Order]:
    """The orders of the visit whose order holds the line of this external id, wherever it went;
    empty when there is no such line."""
    client = site.client
    try:
        found = client.call("ir.model.data", "check_object_reference", module=MODULE, xml_id=line_name)
    except ServerError as error:
        if "ValueError" in str(error):  # Odoo's way to say: no such external id
            return []
        raise
    line = client.search_read("sale.order.line", [("id", "=", found[1])], ["order_id"], context=site.context)
    if not line:
        return []
    orders = _read(site, [("id", "=", line[0]["order_id"][0])])
    return _read(site, [("client_order_ref", "=", orders[0].token)]) if orders and orders[0].token else orders


def make_orders(site: Site, partners: Mapping[str, int], orders: Sequence[Order]) -> dict[str, int | Bad]:
    """An open order (id) for each visit's token, the next generation where all are closed."""
    result: dict[str, int | Bad] = {}
    names: dict[str, str] = {}
    for token in partners:
        mine = [order for order in orders if order.token == token]
        still = next((order for order in mine if order.open), None)
        if still:
            result[token] = still.id
            continue
        base = external("order", f"{site.company}_{token}")  # a visit may be charged in two companies
        names[token] = generation(
            base, 1 + max((generation_of(base, order.name) for order in mine), default=0)
        )
    fields = ["id", "partner_id/.id", "client_order_ref", "company_id/.id"]
    records = [
        [[full(name), str(partners[token]), token, str(site.company)]] for token, name in names.items()
    ]
    made = load_each(site.client, "sale.order", fields, records, site.context)
    return result | dict(zip(names, made, strict=True))


def newest_line(site: Site) -> int:
    """The id of the line that was made last."""
    found = site.client.search_read(
        "sale.order.line", [], ["id"], context=site.context, limit=1, order="id desc"
    )
    return int(found[0]["id"]) if found else 0


def load_lines(site: Site, lines: Mapping[K, Mapping[str, str]]) -> dict[K, int | Bad]:
    """Load order lines given as columns and values; those with the same columns go together."""
    return load_columns(site.client, "sale.order.line", lines, site.context)


def _read(site: Site, domain: Sequence[Any]) -> list[Order]:
    client = site.client
    mine = [("company_id", "=", site.company), *domain]
    rows = client.search_read("sale.order", mine, ["client_order_ref", "state"], context=site.context)
    if not rows:
        return []
    ids = [row["id"] for row in rows]
    names = client.external_names("sale.order", ids)
    lines = _read_lines(site, ids)
    return [
        Order(
            id=row["id"],
            name=names.get(row["id"], ""),
            token=row["client_order_ref"] or "",
            state=row["state"],
            lines=tuple(lines[row["id"]]),
        )
        for row in rows
    ]


def _read_lines(site: Site, orders: Sequence[int]) -> dict[int, list[OrderLine]]:
    client = site.client
    unit = client.first_field("sale.order.line", "product_uom_id", "product_uom")
    fields = ["order_id", "product_id", unit, "product_uom_qty", "price_unit", "name", "discount"]
    fields += ["analytic_distribution"]
    domain = [("order_id", "in", list(orders)), ("display_type", "=", False)]
    rows = client.search_read("sale.order.line", domain, fields, context=site.context)
    names = client.external_names("sale.order.line", [row["id"] for row in rows])
    found: dict[int, list[OrderLine]] = {order: [] for order in orders}
    for row in rows:
        found[row["order_id"][0]].append(
            OrderLine(
                id=row["id"],
                name=names.get(row["id"], ""),
                product=row["product_id"][0] if row["product_id"] else 0,
                unit=row[unit][0] if row[unit] else 0,
                quantity=Decimal(str(row["product_uom_qty"])),
                price=Decimal(str(row["price_unit"])),
                title=row["name"] or "",
                discount=Decimal(str(row["discount"])),
                distribution=row["analytic_distribution"] or {},
            )
        )
    return found
