"""What can be known before the first effect: is this Odoo reachable, allowed, complete?

Every check says what is wrong and what to do about it. Nothing is written to Odoo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from engine.destinations.odoo.client import OdooClient
from engine.destinations.odoo.connecting import connect
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.faults import KeyRefused
from engine.destinations.odoo.named import Check, Named, names_in_odoo
from engine.errors import Misconfigured, Unacceptable, Unavailable

__all__ = ["Check", "Named", "key_ends", "preflight"]

SOON = 14  # days before a key's end from which it is time to renew it


class _Right(msgspec.Struct, frozen=True):
    model: str
    operation: str
    module: str
    group: str
    what: str
    effects: frozenset[str] = frozenset()  # needed when one of these is made; empty: always


RIGHTS = (
    _Right(
        "res.partner", "create", "contacts", "Contact / Creation (base.group_partner_manager)", "contacts"
    ),
    _Right("stock.picking", "create", "stock", "Inventory / User (stock.group_stock_user)", "transfers"),
    _Right(
        "stock.warehouse.orderpoint",
        "create",
        "stock",
        "Inventory / Administrator (stock.group_stock_manager)",
        "reordering rules",
    ),
    _Right(
        "purchase.order", "create", "purchase_stock", "Purchase / User (purchase.group_purchase_user)", "RFQs"
    ),
    _Right(
        "sale.order",
        "create",
        "sale_management",
        "Sales / User: All Documents (sales_team.group_sale_salesman_all_leads)",
        "quotations",
    ),
    _Right("account.analytic.account", "read", "account", "Sales / User", "cost centres"),
    _Right(
        "product.product",
        "create",
        "product",
        "Products / Create (product.group_product_manager)",
        "master files",
        frozenset({"product", "offer", "price"}),
    ),
)


def preflight(
    connection: OdooConnection, named: Named, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[Check]:
    """The checks of one connection, in the order a person would make them; the first ends
    them where nothing more can be known."""
    try:
        client = connect(connection)
        uid = _user(client, connection)
    except KeyRefused:
        remedy = (
            f"make a new key in Odoo (the user's preferences, security) and set {connection.variable}_KEY"
        )
        yield Check("fail", "login", "Odoo refuses the login or the API key", remedy)
        return
    except (Unavailable, Misconfigured, Unacceptable) as error:
        yield Check("fail", "connection", str(error), f"check {connection.variable}_URL and _DATABASE")
        return
    try:
        yield from _checks(client, connection, uid, named, now())
    except Unavailable as error:
        yield Check("fail", "connection", str(error), "Odoo went away during the checks: try again")
    finally:
        client.close()


def key_ends(connection: OdooConnection) -> datetime | None:
    """When the first API key of the connection's user ends; None where none does, or Odoo does not tell.
    Raises `Misconfigured`, `Unacceptable`, `Unavailable` when it cannot be asked."""
    client = connect(connection)
    try:
        ends = _ends(client, _user(client, connection)) if client.version >= (18,) else []
    finally:
        client.close()
    return min(ends, default=None)


def _checks(
    client: OdooClient, connection: OdooConnection, uid: int, named: Named, now: datetime
) -> Iterator[Check]:
    version = ".".join(map(str, client.version))
    yield Check("ok", "connection", f"Odoo {version} over {client.transport}, database {connection.database}")
    yield from _clear_text(connection)
    yield from _person(client, uid)
    yield from _keys(client, uid, now)
    yield from _rights(client, uid, named)
    yield from names_in_odoo(client, connection, named)


def _user(client: OdooClient, connection: OdooConnection) -> int:
    uid = client.call("res.users", "context_get").get("uid")
    if uid:
        return int(uid)
    return int(client.search_read("res.users", [("login", "=", connection.user)], ["id"])[0]["id"])


def _clear_text(connection: OdooConnection) -> Iterator[Check]:
    parts = urlsplit(connection.url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        text = "the key travels unencrypted"
        yield Check("warn", "connection", text, f"use https in {connection.variable}_URL")


def _person(client: OdooClient, uid: int) -> Iterator[Check]:
    (row,) = client.search_read("res.users", [("id", "=", uid)], ["login", "company_ids"])
    if _in_group(client, uid, "base.group_system"):
        remedy = "use a user of its own with the least rights (docs: Odoo)"
        yield Check("warn", "user", f"{row['login']} is an administrator", remedy)
    else:
        yield Check("ok", "user", f"{row['login']}, no administrator")


def _in_group(client: OdooClient, uid: int, group: str) -> bool:
    """17 asks about the caller, 18 and newer about a user record."""
    ids = [uid] if client.version >= (18,) else None
    return bool(client.call("res.users", "has_group", ids=ids, group_ext_id=group))


def _keys(client: OdooClient, uid: int, now: datetime) -> Iterator[Check]:
    if client.version < (18,):
        yield Check("ok", "key", "API keys of this version do not expire")
        return
    try:
        ends = _ends(client, uid)
    except Unacceptable:
        yield Check("warn", "key", "Odoo does not tell when the key ends", "note the day it was made")
        return
    if not ends:
        yield Check("ok", "key", "no API key of the user expires")
        return
    days = (min(ends) - now).days
    text = f"the first of {len(ends)} API key{'s' * (len(ends) > 1)} ends in {days} days"
    remedy = "make a new key now: deliveries wait from the day it ends" if days <= SOON else ""
    yield Check("warn" if days <= SOON else "ok", "key", text, remedy)


def _ends(client: OdooClient, uid: int) -> list[datetime]:
    """Raises `Unacceptable` where the user may not look."""
    rows = client.search_read("res.users.apikeys", [("user_id", "=", uid)], ["expiration_date"])
    found = [row["expiration_date"] for row in rows if row["expiration_date"]]
    return [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in found]


def _rights(client: OdooClient, uid: int, named: Named) -> Iterator[Check]:
    for right in RIGHTS:
        if right.effects and not right.effects & named.effects:
            continue
        if not named.writes:
            right = msgspec.structs.replace(right, operation="read", group="that lets it be read")
        try:
            allowed = _allowed(client, right)
        except Unacceptable:
            yield Check("fail", "module", f"Odoo has no {right.model}", f"install the module {right.module}")
            continue
        if allowed and named.writes and right.model == "sale.order":
            allowed = _in_group(client, uid, "sales_team.group_sale_salesman_all_leads")
        if allowed:
            yield Check("ok", "right", right.what)
        else:
            yield Check("fail", "right", f"{right.what}: the user may not", f"add the group {right.group}")


def _allowed(client: OdooClient, right: _Right) -> bool:
    if client.version >= (18,):
        return bool(client.call(right.model, "has_access", ids=[], operation=right.operation))
    ask = client.call(right.model, "check_access_rights", operation=right.operation, raise_exception=False)
    return bool(ask)
