"""What the rules of a channel may make: the effects, word for word (`engine.effects`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.config.spec.words import Expression, SegmentName, Strict, Template, Tests

__all__ = [
    "EFFECTS",
    "ChargeRule",
    "ConsumeRule",
    "CreditRule",
    "EffectRule",
    "EncounterRule",
    "ForwardRule",
    "LotRule",
    "MergeRule",
    "OfferRule",
    "PriceRule",
    "ProcureRule",
    "ProductRule",
    "ReleaseRule",
    "ReserveRule",
    "StockingRule",
]


class ReserveRule(Strict):
    """These items are wanted there, then."""

    key: Template
    items: Expression | None = Field(None, description="A list of items: `AIS-3.1 | kit(kits)`.")
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    source: Expression | None = None
    destination: Expression
    needed_at: Expression | None = None
    needed_on: Expression | None = Field(None, description="The day alone; goes before `needed_at`.")
    priority: Expression | None = None
    subject: Expression | None = None
    encounter: Expression | None = None
    company: Expression | None = None
    procure: bool = True


class ReleaseRule(Strict):
    """No longer wanted; a key ending in `/*` takes every reservation below it."""

    key: Template
    when_unknown: Literal["refuse", "ignore"] = "refuse"
    company: Expression | None = None


class ConsumeRule(Strict):
    """Was used (or, with `reverses`, came back)."""

    key: Template
    items: Expression | None = None
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    lot: Expression | None = None
    location: Expression
    subject: Expression | None = None
    encounter: Expression | None = None
    used_on: Expression | None = None
    reverses: Template | None = None
    against: Template | None = Field(
        None, description="The key of the reservation that it uses up; the rest stays reserved."
    )
    whole: bool = Field(
        False,
        description="All that `reverses` took comes back (ending in `/*`: all below it); needs no items.",
    )
    when_unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="Nothing was ever consumed under the key that `reverses` names."
    )
    company: Expression | None = None


class ChargeRule(Strict):
    """Bill this to the encounter."""

    key: Template
    encounter: Expression
    item: Expression
    quantity: Expression
    unit: Expression | None = None
    price: Expression | None = None
    cost_centre: Expression | None = None
    date: Expression | None = None
    subject: Expression | None = None
    company: Expression | None = None
    again: Literal["refuse", "replace"] = Field(
        "refuse",
        description="The same key with other content: a conflict, or a correction of an open quotation.",
    )


class CreditRule(Strict):
    """Take back the charge whose key `reverses` names."""

    key: Template
    reverses: Template
    whole: bool = Field(
        False, description="All that is left of the charge as it stands; needs no item and no encounter."
    )
    when_unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="Nothing was ever charged under that key."
    )
    encounter: Expression | None = None
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    price: Expression | None = None
    cost_centre: Expression | None = None
    date: Expression | None = None
    subject: Expression | None = None
    company: Expression | None = None


class ProcureRule(Strict):
    """See that it gets there."""

    key: Template
    items: Expression | None = None
    item: Expression | None = None
    quantity: Expression | None = None
    unit: Expression | None = None
    location: Expression
    by: Expression | None = None
    company: Expression | None = None


class EncounterRule(Strict):
    """Context: whose visit, where, open or closed."""

    key: Template
    subject: Expression
    state: Literal["planned", "open", "closed", "cancelled", "keep"] = Field(
        "keep", description="`keep`: as it stands; an update must not reopen a closed visit."
    )
    kind: Expression | None = None
    location: Expression | None = None
    account: Literal["ended"] | None = Field(
        None, description="`ended`: no charge may follow (BAR^P06); left out, nothing is said of it."
    )
    company: Expression | None = None


class MergeRule(Strict):
    """Two numbers are one: what stood under `gone` goes on under `into`."""

    kind: Literal["person", "account", "visit"]
    gone: Expression
    into: Expression
    when_reversed: Literal["dead", "ignore"] = Field(
        "dead",
        description="What becomes of a message that merges two numbers the other way round than they were"
        " merged before: a dead letter, or nothing (where numbers are corrected back and forth).",
    )


class ProductRule(Strict):
    """What an item master says of an item or service; empty fields say nothing."""

    key: Template
    code: Expression = Field(description="The item's code in the ERP (Odoo: internal reference).")
    name: Expression | None = None
    kind: Expression | None = Field(None, description="`goods` (stocked), `consumable` or `service`.")
    unit: Expression | None = Field(None, description="The item's own unit; fixed once it is in use.")
    barcode: Expression | None = None
    tracking: Expression | None = Field(None, description="`none`, `lot` or `serial`.")
    expires: Expression | None = Field(None, description="`yes` or `no`: its lots have an expiry date.")
    status: Expression | None = Field(None, description="`active` or `inactive`.")
    company: Expression | None = None


class OfferRule(Strict):
    """A vendor's price of an item, per unit of packaging."""

    key: Template
    code: Expression
    vendor: Expression = Field(description="Name or reference of the vendor in the ERP.")
    unit: Expression | None = Field(None, description="The packaging that the price is for.")
    price: Expression | None = None
    package_quantity: Expression | None = Field(
        None, description="Of the item's own unit in one packaging; refused where the ERP's unit differs."
    )
    vendor_code: Expression | None = Field(None, description="The vendor's own catalogue number.")
    primary: Expression | None = Field(None, description="`yes`: bought here first.")
    company: Expression | None = None


class PriceRule(Strict):
    """What an item or service is billed at."""

    key: Template
    code: Expression
    price: Expression
    price_list: Expression | None = Field(None, description="Without one it is the price everywhere.")
    from_quantity: Expression | None = None
    valid_from: Expression | None = None
    valid_until: Expression | None = None
    company: Expression | None = None


class StockingRule(Strict):
    """When a location orders an item anew, and how much."""

    key: Template
    code: Expression
    location: Expression
    reorder_point: Expression | None = None
    reorder_amount: Expression | None = None
    unit: Expression | None = None
    status: Expression | None = Field(None, description="`active` or `inactive`.")
    trigger: Literal["manual", "automatic"] = Field("manual", description="Of a rule that is new.")
    company: Expression | None = None


class LotRule(Strict):
    """A lot exists; what is on hand is compared and told, never written."""

    key: Template
    code: Expression
    lot: Expression
    expires: Expression | None = None
    on_hand: Expression | None = None
    unit: Expression | None = None
    location: Expression | None = None
    company: Expression | None = None


class ForwardRule(Strict):
    """Pass the message on without identities, to destinations of the kinds `mllp` and `folder`."""

    segments: list[SegmentName] = Field(min_length=1, description="What goes along, such as [EVN, PID, PV1].")
    dates: Literal["day", "drop", "shift"] = Field(
        "day", description="Operational dates: as a day, not at all, or shifted by days of the person's own."
    )
    application: str = Field("", description="MSH-3; empty: as it came. Likewise the next three.")
    facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""


class EffectRule(Strict):
    """One rule: when it applies, over which repeating segment, and the one effect it makes."""

    name: str | None = Field(None, description="Shown where the rule is named; default: its number.")
    when: Tests = Field({})
    for_each: str | None = Field(
        None, description="A segment id: the rule runs once for each, with its group."
    )
    reserve: ReserveRule | None = None
    release: ReleaseRule | None = None
    consume: ConsumeRule | None = None
    charge: ChargeRule | None = None
    credit: CreditRule | None = None
    procure: ProcureRule | None = None
    encounter: EncounterRule | None = None
    merge: MergeRule | None = None
    forward: ForwardRule | None = None
    product: ProductRule | None = None
    offer: OfferRule | None = None
    price: PriceRule | None = None
    stocking: StockingRule | None = None
    lot: LotRule | None = None
    refuse: str | None = Field(None, description="No effect but a dead letter that names this field path.")


EFFECTS = (
    "reserve", "release", "consume", "charge", "credit", "procure", "encounter", "merge",
    "product", "offer", "price", "stocking", "lot", "forward",
)  # fmt: skip
"""The effects that a rule may make, by the word that stands for them."""
