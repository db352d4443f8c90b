"""What the fields of each effect may say: how a rule of a channel becomes one, field by field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

import msgspec

from engine import effects
from engine.effects import Effect, Money
from engine.privacy.tokens import DOMAINS
from engine.transforms.field import Want
from engine.transforms.quantity import check_count, check_lot

__all__ = ["ITEM", "SHAPES", "WHOLE", "Shape", "words_of"]

_TEXT = Want()
_TEXT_NEEDED = Want(required=True)
_PERSON = Want(tokens=frozenset({DOMAINS["person"]}))
_VISIT = Want(tokens=frozenset({DOMAINS["visit"], DOMAINS["account"]}))
_DAY = Want(date)
_PRIORITY = Want(words=("routine", "urgent", "asap", "stat"))
_YES_NO = Want(words=("yes", "no"))
_STATUS = Want(words=("active", "inactive"))
_COUNT = Want(Decimal, check=check_count)
_KIND = Want(words=("inpatient", "outpatient", "emergency", "planned", "other"))

ITEM = {
    "item": _TEXT_NEEDED,
    "quantity": Want(Decimal, required=True),
    "unit": _TEXT,
    "lot": Want(check=check_lot),
}
_BILL = {
    "encounter": msgspec.structs.replace(_VISIT, required=True),
    "price": Want(Money),
    "cost_centre": _TEXT,
    "date": _DAY,
    "subject": _PERSON,
}


class Shape(msgspec.Struct, frozen=True):
    """An effect's type; its fields that are expressions; its keys; how it says what: `items`,
    `item` or nothing; the fields that a message may take away (`""`); the fields of which one must say
    something, or there is nothing to do."""

    type: Callable[..., Effect]
    fields: dict[str, Want] = {}
    keys: tuple[str, ...] = ("key",)
    what: str = ""
    clearable: tuple[str, ...] = ()
    statement: frozenset[str] = frozenset()


SHAPES = {
    "reserve": Shape(
        effects.Reserve,
        {
            "source": _TEXT,
            "destination": _TEXT_NEEDED,
            "needed_at": Want(datetime),
            "needed_on": _DAY,
            "priority": _PRIORITY,
            "subject": _PERSON,
            "encounter": _VISIT,
        },
        what="items",
    ),
    "release": Shape(effects.Release),
    "consume": Shape(
        effects.Consume,
        {"location": _TEXT_NEEDED, "subject": _PERSON, "encounter": _VISIT, "used_on": _DAY},
        keys=("key", "reverses", "against"),
        what="items",
    ),
    "charge": Shape(effects.Charge, _BILL, what="item"),
    "credit": Shape(effects.Credit, _BILL, keys=("key", "reverses"), what="item"),
    "procure": Shape(effects.Procure, {"location": _TEXT_NEEDED, "by": _DAY}, what="items"),
    "encounter": Shape(
        effects.Encounter,
        {"subject": msgspec.structs.replace(_PERSON, required=True), "kind": _KIND, "location": _TEXT},
    ),
    "product": Shape(
        effects.Product,
        {
            "code": _TEXT_NEEDED,
            "name": _TEXT,
            "kind": Want(words=("goods", "consumable", "service")),
            "unit": _TEXT,
            "barcode": _TEXT,
            "tracking": Want(words=("none", "lot", "serial")),
            "expires": _YES_NO,
            "status": _STATUS,
        },
        clearable=("barcode",),
        statement=frozenset({"name", "kind", "unit", "barcode", "tracking", "expires", "status", "cleared"}),
    ),
    "offer": Shape(
        effects.Offer,
        {
            "code": _TEXT_NEEDED,
            "vendor": _TEXT_NEEDED,
            "unit": _TEXT,
            "price": Want(Money),
            "package_quantity": Want(Decimal),
            "vendor_code": _TEXT,
            "primary": _YES_NO,
        },
        clearable=("vendor_code",),
    ),
    "price": Shape(
        effects.Price,
        {
            "code": _TEXT_NEEDED,
            "price": Want(Money, required=True),
            "price_list": _TEXT,
            "from_quantity": _COUNT,
            "valid_from": _DAY,
            "valid_until": _DAY,
        },
    ),
    "stocking": Shape(
        effects.Stocking,
        {
            "code": _TEXT_NEEDED,
            "location": _TEXT_NEEDED,
            "reorder_point": _COUNT,
            "reorder_amount": _COUNT,
            "unit": _TEXT,
            "status": _STATUS,
        },
        clearable=("reorder_point", "reorder_amount"),
        statement=frozenset({"reorder_point", "reorder_amount", "status", "cleared"}),
    ),
    "lot": Shape(
        effects.Lot,
        {
            "code": _TEXT_NEEDED,
            "lot": Want(required=True, check=check_lot),
            "expires": _DAY,
            "on_hand": _COUNT,
            "unit": _TEXT,
            "location": _TEXT,
        },
        clearable=("expires",),
    ),
}

WHOLE = {
    "credit": Shape(effects.Credit, {**_BILL, "encounter": _VISIT}, keys=("key", "reverses")),
    "consume": msgspec.structs.replace(SHAPES["consume"], what=""),
}
"""What takes back all that stands needs to say neither what nor whose."""


def words_of(kind: str, name: str, text: str) -> tuple[str, ...]:
    """The words among which `text` is one, where the field `name` of the effect `kind` may say a word instead
    of an expression; empty: it is an expression."""
    fields = SHAPES[kind].fields if kind in SHAPES else {}
    words = fields[name].words if name in fields else ()
    return words if text in words else ()
