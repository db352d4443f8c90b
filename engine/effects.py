"""The canonical effects: what a message means to Odoo, in business words.

Every door (HL7 v2, FHIR) lands on these; every destination carries these out. They are frozen,
hold tokens instead of identities, and each carries the key that makes it the same effect when it
comes again. Quantities and money are `Decimal` and travel as strings. `schema()` is published as
`docs/effects.schema.json`.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, Literal, get_args

import msgspec

__all__ = [
    "KINDS", "Charge", "Consume", "Credit", "Effect", "EffectBase", "Encounter", "Forward", "Item", "Lot",
    "Merge", "Money", "Offer", "Price", "Procure", "Product", "Release", "Reserve", "Stocking", "Unmerge",
    "carriers", "covers", "decode", "encode", "kind_of", "schema",
]  # fmt: skip

Priority = Literal["routine", "urgent", "asap", "stat"]
EncounterKind = Literal["inpatient", "outpatient", "emergency", "planned", "other"]
EncounterState = Literal["planned", "open", "closed", "cancelled"]
TokenKind = Literal["person", "account", "visit"]


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """So much of one thing. `code` is Odoo's item code (its internal reference), `unit`
    Odoo's unit name or empty for the item's own unit, `lot` a lot number or empty."""

    code: str
    quantity: Decimal
    unit: str = ""
    lot: str = ""


class Money(msgspec.Struct, frozen=True, omit_defaults=True):
    """An amount; `currency` is an ISO 4217 code or empty for the company's own."""

    amount: Decimal
    currency: str = ""


class EffectBase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="effect"):
    """`key` makes an effect the same one when it comes again (unique per kind of document).
    `company` names Odoo's company, empty for the user's own."""

    key: str
    company: str = ""


class Reserve(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="reserve"):
    """These items are wanted there, then. The same key again replaces the list, place and time.

    `needed_on` is the day alone, where the sender says no time of it, and goes before `needed_at`.
    `source` and `destination` are Odoo's location names (`WH/Stock`, `WH/Wards/ICU`); `subject`
    and `encounter` are tokens or empty. `procure` asks for short items to be procured."""

    items: tuple[Item, ...]
    destination: str
    source: str = ""
    needed_at: datetime | None = None
    needed_on: date | None = None
    priority: Priority = "routine"
    subject: str = ""
    encounter: str = ""
    procure: bool = True


class Release(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="release"):
    """No longer wanted. A key that ends in `/*` releases every reservation below it.

    What was consumed stays consumed. `when_unknown` says what to do when nothing was ever
    reserved under the key: refuse (a person looks) or ignore."""

    when_unknown: Literal["refuse", "ignore"] = "refuse"


class Consume(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="consume"):
    """Was used: leaves the stock of `location`. With `reverses` it is the opposite: what the
    consumption of that key took comes back. Quantities are always positive.

    `against` is the key of the reservation that it uses up: so much of it is handed out where it was
    reserved for, the rest stays reserved, and what was not reserved is used from `location`.

    With `whole` all that is left of what `reverses` took comes back (a key that ends in `/*`: of everything
    below it) and there are no items; `when_unknown` says what to do when nothing was."""

    items: tuple[Item, ...] = ()
    location: str
    subject: str = ""
    encounter: str = ""
    used_on: date | None = None
    reverses: str = ""
    against: str = ""
    whole: bool = False
    when_unknown: Literal["refuse", "ignore"] = "refuse"


class Charge(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="charge"):
    """Bill this to the encounter. `price` is per unit; without one Odoo's price list speaks.

    `again` says what the same key with other content means: a conflict (refuse), or a correction that
    replaces what stands for as long as the quotation is open."""

    encounter: str
    item: Item
    price: Money | None = None
    cost_centre: str = ""
    date: date | None = None
    subject: str = ""
    again: Literal["refuse", "replace"] = "refuse"


class Credit(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="credit"):
    """Take back a charge: `reverses` is that charge's key; `item.quantity` is positive.

    A `whole` one takes back all that is left of the charge as it stands, and needs neither item nor
    encounter. `when_unknown` says what to do when nothing was ever charged under that key."""

    reverses: str
    encounter: str = ""
    item: Item | None = None
    price: Money | None = None
    cost_centre: str = ""
    date: date | None = None
    subject: str = ""
    whole: bool = False
    when_unknown: Literal["refuse", "ignore"] = "refuse"


class Procure(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="procure"):
    """See that it gets to `location` by `by` (no transfer is made: replenishment only)."""

    items: tuple[Item, ...]
    location: str
    by: date | None = None


class Encounter(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="encounter"):
    """Context for the rest: whose (a token), where, open or closed. `key` is the visit's token.

    An empty `state` keeps the one that stands (open for a visit never heard of): an update must not
    reopen a closed visit. An empty `location` and `kind` "other" keep likewise, unless the effect is
    `whole`: then it is all that is known, and what it leaves empty is not known any more.

    With `account` "ended" nothing more may be charged to it (HL7 BAR^P06), whatever the visit's state."""

    subject: str
    state: EncounterState | Literal[""] = ""
    kind: EncounterKind = "other"
    location: str = ""
    account: Literal["", "ended"] = ""
    whole: bool = False


class Merge(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="merge"):
    """Two tokens are one: `gone` is to be re-pointed to `into` (HL7 A40, A41, A42)."""

    kind: TokenKind
    gone: str
    into: str


class Unmerge(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="unmerge"):
    """The merge of `gone` into `into` was wrong: what it moved goes back, and nothing else."""

    kind: TokenKind
    gone: str
    into: str


class Product(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="product"):
    """An item master record says this of an item or service. Empty says nothing: what stands stays.

    `code` is Odoo's item code, `unit` its own unit. `kind` goods are stocked, consumables are not
    counted. `cleared` names what the record takes away (`barcode`)."""

    code: str
    name: str = ""
    kind: Literal["", "goods", "consumable", "service"] = ""
    unit: str = ""
    barcode: str = ""
    tracking: Literal["", "none", "lot", "serial"] = ""
    expires: Literal["", "yes", "no"] = ""
    status: Literal["", "active", "inactive"] = ""
    cleared: tuple[str, ...] = ()


class Offer(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="offer"):
    """A vendor sells the item by this unit at this price per unit. Empty says nothing.

    `vendor` is Odoo's name or reference of the vendor; `package_quantity` says how many of the
    item's own unit the sender thinks are in one `unit`, and is only compared; `primary` puts the
    vendor before the others; `cleared` names what is taken away (`vendor_code`)."""

    code: str
    vendor: str
    unit: str = ""
    price: Money | None = None
    package_quantity: Decimal | None = None
    vendor_code: str = ""
    primary: Literal["", "yes", "no"] = ""
    cleared: tuple[str, ...] = ()


class Price(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="price"):
    """The item or service costs this, per its own unit. In a `price_list` it may hold from and until
    a day (both included) and from a quantity; without one it is the price everywhere from now on."""

    code: str
    price: Money
    price_list: str = ""
    from_quantity: Decimal | None = None
    valid_from: date | None = None
    valid_until: date | None = None


class Stocking(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="stocking"):
    """A location keeps this item: at `reorder_point` it orders `reorder_amount`, both in `unit` or the
    item's own. Empty says nothing; `cleared` names what becomes zero. `trigger` counts when the rule
    is new: `automatic` orders by itself, `manual` waits for a person or for what is reserved."""

    code: str
    location: str
    reorder_point: Decimal | None = None
    reorder_amount: Decimal | None = None
    unit: str = ""
    status: Literal["", "active", "inactive"] = ""
    trigger: Literal["manual", "automatic"] = "manual"
    cleared: tuple[str, ...] = ()


class Lot(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="lot"):
    """A lot of an item exists, good until `expires`. `on_hand` is what the sender counted at `location`
    (in `unit` or the item's own): compared and told, never written, for stock only moves."""

    code: str
    lot: str
    expires: date | None = None
    on_hand: Decimal | None = None
    unit: str = ""
    location: str = ""
    cleared: tuple[str, ...] = ()


class Forward(EffectBase, frozen=True, kw_only=True, omit_defaults=True, tag="forward"):
    """Pass the message on, with tokens in place of identities: `message` is HL7 v2, its segments ended by
    CR, `control_id` its MSH-10, `type` its MSH-9 (`ADT^A01`)."""

    message: str
    control_id: str
    type: str = ""

    def __repr__(self) -> str:
        return f"Forward({self.key!r}, {len(self.message)} characters)"


Effect = (
    Forward
    | Reserve
    | Release
    | Consume
    | Charge
    | Credit
    | Procure
    | Encounter
    | Merge
    | Unmerge
    | Product
    | Offer
    | Price
    | Stocking
    | Lot
)

_PASSING = frozenset({"mllp", "folder", "folder-batch"})

_encoder = msgspec.json.Encoder(decimal_format="string")
_decoder: msgspec.json.Decoder[Effect] = msgspec.json.Decoder(Effect)

encode = _encoder.encode
"""An effect (or any struct of the model) as JSON bytes; decimals as strings."""

decode = _decoder.decode
"""JSON bytes back into the effect they were."""


KINDS: Final = frozenset(str(one.__struct_config__.tag) for one in get_args(Effect))
"""All words of `kind_of`."""


@lru_cache(maxsize=1024)
def carriers(destinations: tuple[str, ...], kind: type[Effect]) -> tuple[str, ...]:
    """Those of the destinations (`odoo:hospital`, `mllp:registry`, …) that carry such effects out: messages
    are passed on to other systems and into folders, everything else is Odoo's; a ledger takes all. One
    that is only compared with (`shadow:odoo:hospital`) stands for the other."""
    passing = kind is Forward
    return tuple(
        name
        for name in destinations
        if (word := name.removeprefix("shadow:").partition(":")[0]) == "ledger"
        or (word in _PASSING) == passing
    )


def kind_of(effect: Effect) -> str:
    """The effect's word: `reserve`, `charge`, …"""
    return str(effect.__struct_config__.tag)


def covers(key: str, other: str) -> bool:
    """Whether a release of `key` (which may end in `/*`) concerns the reservation `other`."""
    return key == other or (key.endswith("/*") and other.startswith(key[:-1]))


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the canonical effects."""
    return msgspec.json.schema(Effect)
