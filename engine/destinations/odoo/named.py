"""Whether Odoo knows what the channels' tables name: places, items, units, companies, cost centres; and
whether what is billed may be billed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal

import msgspec

from engine.destinations.odoo.catalogue import Catalogue
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.offers import vendor, vendors
from engine.destinations.odoo.prices import price_list, price_lists
from engine.errors import Unacceptable

__all__ = ["Check", "Named", "names_in_odoo"]


class Check(msgspec.Struct, frozen=True):
    """One line of the doctor's: how it stands, about what, what was found, what to do."""

    level: Literal["ok", "warn", "fail"]
    about: str
    text: str
    remedy: str = ""


class Named(msgspec.Struct, frozen=True):
    """What the channels' tables name in Odoo, by kind; `charged` are the products that are billed, and
    `effects` the kinds of effects that the channels make. `writes` says whether any of them does: a
    shadow only reads."""

    items: frozenset[str] = frozenset()
    charged: frozenset[str] = frozenset()
    locations: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()
    cost_centres: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    price_lists: frozenset[str] = frozenset()
    effects: frozenset[str] = frozenset()
    writes: bool = True


def names_in_odoo(client: OdooClient, connection: OdooConnection, named: Named) -> Iterator[Check]:
    """The checks, kind by kind. A name is in order when one of the companies has it."""
    catalogue = Catalogue(client, connection.user)
    companies: list[int] = []
    for name in sorted({connection.company, *named.companies}):
        try:
            companies.append(catalogue.company(name))
        except Unacceptable as error:
            yield Check(
                "fail", "company", f"{name}: {error.text}", "give the user this company, or correct the name"
            )
    has = ", ".join(row["name"] for row in client.search_read("res.company", [], ["name"]))
    yield Check("ok", "company", f"the user has {has}")
    places = named.locations | ({connection.source_location, connection.consumption_location} - {""})
    items = named.items | named.charged
    for company in companies:
        catalogue.prepare(company, items, places)
    yield from _found("location", places, companies, catalogue.location)
    yield from _found("item", items, companies, catalogue.item)
    yield from _goods(catalogue, companies, named.charged)
    yield from _found("cost centre", named.cost_centres, companies, catalogue.cost_centre)
    yield from _found("unit", named.units, companies, lambda _, name: catalogue.known_unit(name))
    yield from _masters(client, companies, named)
    if not connection.consumption_location:
        yield from _found(
            "used goods", {"a place"}, companies, lambda company, _: catalogue.consumption(company)
        )
    yield from _inside(connection, named)


def _masters(client: OdooClient, companies: Collection[int], named: Named) -> Iterator[Check]:
    """What master files name, and need."""
    yield from _found(
        "vendor", named.vendors, companies, lambda at, name: vendor(vendors(client, at, {name}), name)
    )
    yield from _found(
        "price list",
        named.price_lists,
        companies,
        lambda at, name: price_list(price_lists(client, at, {name}), name),
    )
    if {"product", "lot"} & named.effects and "expiration_date" not in client.fields("stock.lot"):
        text = "Odoo keeps no expiry dates: records that state one are refused"
        yield Check("warn", "module", text, "install the module product_expiry")


def _found(
    about: str, names: Collection[str], companies: Collection[int], look: Callable[[int, str], Any]
) -> Iterator[Check]:
    """One line for all that are there, one for each that is not."""
    missing = 0
    for name in sorted(names):
        wrong = [_missing(look, company, name) for company in companies]
        if all(wrong):
            missing += 1
            text = f"{name}: {wrong[0]}" if wrong else f"{name}: the user has no company"
            yield Check("fail", about, text, "create it in Odoo, or correct the channel's table")
    if missing < len(names):
        yield Check("ok", about, f"{len(names) - missing} of {len(names)} found")


def _missing(look: Callable[[int, str], Any], company: int, name: str) -> str:
    """Why a name is not to be had, empty when it is."""
    try:
        look(company, name)
    except Unacceptable as error:
        return error.text
    return ""


def _goods(catalogue: Catalogue, companies: Collection[int], charged: Collection[str]) -> Iterator[Check]:
    """Goods left the stock when they were used; on a confirmed quotation they would leave it again."""
    for code in sorted(charged):
        found = [company for company in companies if not _missing(catalogue.item, company, code)]
        if any(catalogue.item(company, code).kind != "service" for company in found):
            text = f"{code} is billed but no service: confirming a quotation would deliver it again"
            yield Check("warn", "item", text, "name a service in the column charge_as (docs: Odoo)")


def _inside(connection: OdooConnection, named: Named) -> Iterator[Check]:
    """A ward below the store does not lower the store's forecast: nothing would ever be procured."""
    for place in sorted(named.locations):
        if place.startswith(f"{connection.source_location}/"):
            text = f"{place} lies inside {connection.source_location}: reservations there procure nothing"
            yield Check("warn", "location", text, "put wards beside the store, below a view location")
