"""What the effects name, found in Odoo: items, units, locations, companies, cost centres.

Asked for a batch at a time and remembered for a while; what was not found is asked for again the
next time, for somebody may have created it since.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Hashable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from engine import effects
from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.faults import refusal
from engine.model import ReasonCode

__all__ = ["Catalogue", "Location", "Product", "Wanted"]

T = TypeVar("T")
MOST = Decimal(1_000_000)
"""A quantity above this is an error of the sender, whatever the unit."""


class Product(msgspec.Struct, frozen=True):
    """An item: `unit` and `template` are database ids."""

    id: int
    code: str
    name: str
    unit: int
    kind: str  # consu, service, … (17: product)
    tracking: str  # none, lot, serial
    template: int = 0


class Location(msgspec.Struct, frozen=True):
    """A stock location; `warehouse` 0 when it lies in none."""

    id: int
    name: str
    usage: str
    warehouse: int


class Unit(msgspec.Struct, frozen=True):
    """A unit of measure; those of one `family` convert into each other by their `factor`s."""

    id: int
    family: str
    factor: Decimal


class Wanted(msgspec.Struct, frozen=True):
    """An item of an effect, found: so much of a product in a unit (id), from a lot or any.
    `base` is the quantity in the product's own unit."""

    product: Product
    quantity: Decimal
    unit: int
    base: Decimal
    lot: str = ""


class Catalogue:
    """Look-ups of one connection. `clock` gives seconds; what was found is kept `keep` seconds."""

    def __init__(
        self,
        client: OdooClient,
        login: str = "",
        *,
        clock: Callable[[], float] = time.monotonic,
        keep: float = 300.0,
    ) -> None:
        self._client = client
        self._login = login
        self._clock = clock
        self._keep = keep
        self._known: dict[Hashable, tuple[float, Any]] = {}

    def company(self, name: str) -> int:
        """A company's id by its name, or the user's own for the empty name. Raises `Unacceptable`."""

        def ask() -> int:
            if not name:
                return self._own_company()
            found = self._client.search_read("res.company", [("name", "=", name)], ["id"], limit=2)
            if len(found) != 1:
                raise refusal(ReasonCode.UNKNOWN_COMPANY, "the user has no company of this name", "company")
            return int(found[0]["id"])

        return self._remembered(("company", name), ask)

    def prepare(self, company: int, codes: Collection[str], locations: Collection[str]) -> None:
        """Ask for all items and locations of a batch at once."""
        self._fetch(("item", company), set(codes), self._ask_items)
        self._fetch(("location", company), set(locations), self._ask_locations)

    def wanted(self, company: int, item: effects.Item) -> Wanted:
        """An effect's item with its product and unit. Raises `Unacceptable`."""
        if not item.quantity.is_finite() or not 0 < item.quantity <= MOST:
            raise refusal(
                ReasonCode.QUANTITY, "a quantity is not positive, or absurdly large", "item.quantity"
            )
        product = self.item(company, item.code)
        unit, ratio = self.unit(item.unit, product)
        return Wanted(product, item.quantity, unit, item.quantity * ratio, item.lot)

    def item(self, company: int, code: str) -> Product:
        """The product of an item code. Raises `Unacceptable` (unknown, or not unique)."""
        found: list[Product] = self._found(("item", company), code)
        if len(found) != 1:
            text = (
                "two products in Odoo have this item code"
                if found
                else "no product in Odoo has this item code"
            )
            raise refusal(ReasonCode.UNKNOWN_ITEM, text, "item.code")
        return found[0]

    def location(self, company: int, name: str, place: str = "location") -> Location:
        """A location by its complete name. Raises `Unacceptable`."""
        found: list[Location] = self._found(("location", company), name)
        if not found:
            raise refusal(ReasonCode.UNKNOWN_LOCATION, "Odoo has no location of this name", place)
        return found[0]

    def unit(self, name: str, product: Product) -> tuple[int, Decimal]:
        """A unit's id by its name (the product's own for the empty name), and how many of the
        product's own unit it is. Raises `Unacceptable`."""
        if not name:
            return product.unit, Decimal(1)
        units: dict[str, list[Unit]] = self._remembered(("units",), self._ask_units)
        if name not in units:
            units = self._remembered(("units",), self._ask_units, fresh=True)
        own = next((u for named in units.values() for u in named if u.id == product.unit), None)
        for unit in units.get(name, ()):
            if own and unit.family == own.family:
                return unit.id, unit.factor / own.factor
        text = "the unit does not fit the item" if name in units else "Odoo has no unit of this name"
        raise refusal(ReasonCode.UNKNOWN_UNIT, text, "item.unit")

    def own_unit(self, name: str) -> int:
        """A unit's id by its name alone, for an item that is new. Raises `Unacceptable`."""
        self.known_unit(name)
        units: dict[str, list[Unit]] = self._remembered(("units",), self._ask_units)
        return units[name][0].id

    def forget_items(self, codes: Collection[str]) -> None:
        """They were changed: ask again."""
        for key in [key for key in self._known if isinstance(key, tuple) and key[0] == "item"]:
            if key[2] in codes:
                del self._known[key]

    def known_unit(self, name: str) -> None:
        """Raises `Unacceptable` when Odoo has no unit of this name at all."""
        if name not in self._remembered(("units",), self._ask_units):
            raise refusal(ReasonCode.UNKNOWN_UNIT, "Odoo has no unit of this name", "item.unit")

    def cost_centre(self, company: int, code: str) -> int:
        """An analytic account's id by its code. Raises `Unacceptable`."""

        def ask() -> int:
            domain = [("code", "=", code), ("company_id", "in", [company, False])]
            found = self._client.search_read("account.analytic.account", domain, ["id"], limit=1)
            if not found:
                raise refusal(
                    ReasonCode.UNMAPPED_CODE, "Odoo has no analytic account of this code", "cost_centre"
                )
            return int(found[0]["id"])

        return self._remembered(("cost centre", company, code), ask)

    def currency(self, company: int) -> str:
        """The ISO code of the company's currency."""

        def ask() -> str:
            found = self._client.search_read("res.company", [("id", "=", company)], ["currency_id"])
            return str(found[0]["currency_id"][1])

        return self._remembered(("currency", company), ask)

    def internal_type(self, company: int, warehouse: int) -> int:
        """The operation type that the warehouse keeps for internal transfers (picking and packing
        are internal too, and mostly archived), else any of the company's. Raises `Unacceptable`."""

        def ask() -> int:
            for house in self._client.search_read(
                "stock.warehouse", [("id", "=", warehouse)], ["int_type_id"]
            ):
                if house["int_type_id"]:
                    return int(house["int_type_id"][0])
            domain = [("code", "=", "internal"), ("company_id", "=", company)]
            found = self._client.search_read(
                "stock.picking.type", domain, ["active"], context={"active_test": False}
            )
            if not found:
                raise refusal(ReasonCode.REFUSED, "the company has no operation type for internal transfers")
            return int(max(found, key=lambda one: bool(one["active"]))["id"])

        return self._remembered(("internal type", company, warehouse), ask)

    def consumption(self, company: int) -> Location:
        """Where used goods go when the connection names no place: the virtual production location."""

        def ask() -> Location:
            domain = [("usage", "in", ["production", "customer"]), ("company_id", "in", [company, False])]
            found = self._read_locations(domain)
            if not found:
                raise refusal(ReasonCode.UNKNOWN_LOCATION, "Odoo has no location for used goods", "location")
            return min(found, key=lambda location: (location.usage != "production", location.id))

        return self._remembered(("consumption", company), ask)

    def tags(self, ask: Callable[[], dict[str, int]]) -> dict[str, int]:
        """The tags of visits, as `ask` finds or makes them."""
        return self._remembered(("tags",), ask)

    def _own_company(self) -> int:
        uid = self._client.call("res.users", "context_get").get("uid")
        domain = [("id", "=", uid)] if uid else [("login", "=", self._login)]
        return int(self._client.search_read("res.users", domain, ["company_id"])[0]["company_id"][0])

    def _ask_items(self, company: int, codes: list[str]) -> dict[str, list[Product]]:
        domain = [("default_code", "in", codes), ("company_id", "in", [company, False])]
        fields = ["default_code", "name", "uom_id", "type", "tracking", "product_tmpl_id"]
        context = {"allowed_company_ids": [company]}
        found: dict[str, list[Product]] = {}
        for row in self._client.search_read("product.product", domain, fields, context=context):
            product = Product(
                row["id"], row["default_code"], row["name"], row["uom_id"][0], row["type"], row["tracking"],
                row["product_tmpl_id"][0],
            )  # fmt: skip
            found.setdefault(product.code, []).append(product)
        return found

    def _ask_locations(self, company: int, names: list[str]) -> dict[str, list[Location]]:
        domain = [("complete_name", "in", names), ("company_id", "in", [company, False])]
        found: dict[str, list[Location]] = {}
        for location in self._read_locations(domain):
            found.setdefault(location.name, []).append(location)
        return found

    def _read_locations(self, domain: list[Any]) -> list[Location]:
        rows = self._client.search_read("stock.location", domain, ["complete_name", "usage", "warehouse_id"])
        return [
            Location(
                r["id"], r["complete_name"], r["usage"], r["warehouse_id"][0] if r["warehouse_id"] else 0
            )
            for r in rows
        ]

    def _ask_units(self) -> dict[str, list[Unit]]:
        """All units by name, in the source language and the user's own."""
        tie = self._client.first_field("uom.uom", "category_id", "parent_path")
        factor = self._client.first_field("uom.uom", "factor_inv", "factor")
        language = self._client.call("res.users", "context_get").get("lang") or "en_US"
        units: dict[str, list[Unit]] = {}
        for context in ({"lang": "en_US"}, {"lang": language})[: 1 if language == "en_US" else 2]:
            for row in self._client.search_read("uom.uom", [], ["name", tie, factor], context=context):
                unit = Unit(row["id"], _family(row[tie]), Decimal(str(row[factor])))
                if unit not in units.setdefault(row["name"], []):
                    units[row["name"]].append(unit)
        return units

    def _remembered(self, key: Hashable, ask: Callable[[], T], *, fresh: bool = False) -> T:
        kept = self._known.get(key)
        if kept and not fresh and kept[0] > self._clock():
            value: T = kept[1]
            return value
        value = ask()
        self._known[key] = (self._clock() + self._keep, value)
        return value

    def _fetch(
        self, kind: tuple[str, int], names: set[str], ask: Callable[[int, list[str]], dict[str, list[Any]]]
    ) -> None:
        now = self._clock()
        missing = sorted(n for n in names if self._known.get((*kind, n), (0.0, None))[0] <= now)
        if missing:
            for name, found in ask(kind[1], missing).items():
                self._known[(*kind, name)] = (now + self._keep, found)

    def _found(self, kind: tuple[str, int], name: str) -> list[Any]:
        """From what `prepare` fetched; a name that is not there was not found a moment ago."""
        kept = self._known.get((*kind, name))
        return list(kept[1]) if kept and kept[0] > self._clock() else []


def _family(tie: Any) -> str:
    """17 and 18: the unit's category `[id, name]`; 19: the root of its path `3/7/`."""
    return str(tie[0]) if isinstance(tie, (list, tuple)) else str(tie or "").partition("/")[0]
