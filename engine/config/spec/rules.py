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

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    items: Expression | None = Field(None, description="A list of items: `AIS-3.1 | kit(kits)`.")
    item: Expression | None = Field(None, description="The item's code in Odoo (its internal reference).")
    quantity: Expression | None = Field(None, description="How many, as an exact decimal.")
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    source: Expression | None = Field(
        None, description="Odoo's location that it is taken from; left out, Odoo decides."
    )
    destination: Expression = Field(description="Odoo's location that it is wanted at.")
    needed_at: Expression | None = Field(None, description="The point in time.")
    needed_on: Expression | None = Field(None, description="The day alone; goes before `needed_at`.")
    priority: Expression | None = Field(None, description="`routine`, `urgent`, `asap` or `stat`.")
    subject: Expression | None = Field(None, description="Whose, as a token: `PID-3`.")
    encounter: Expression | None = Field(
        None, description="The visit that it belongs to, as a token: `PV1-19`."
    )
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")
    procure: bool = Field(True, description="What is short is procured.")


class ReleaseRule(Strict):
    """No longer wanted; a key ending in `/*` takes every reservation below it."""

    key: Template = Field(description="The reservation's key.")
    when_unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="Nothing was ever reserved under the key: a dead letter, or nothing to do."
    )
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class ConsumeRule(Strict):
    """Was used (or, with `reverses`, came back)."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    items: Expression | None = Field(None, description="A list of items: `FT1-7.1 | kit(kits)`.")
    item: Expression | None = Field(None, description="The item's code in Odoo (its internal reference).")
    quantity: Expression | None = Field(None, description="How many, as an exact decimal.")
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    lot: Expression | None = Field(None, description="The lot or serial number.")
    location: Expression = Field(description="Odoo's location whose stock it leaves.")
    subject: Expression | None = Field(None, description="Whose, as a token: `PID-3`.")
    encounter: Expression | None = Field(
        None, description="The visit that it belongs to, as a token: `PV1-19`."
    )
    used_on: Expression | None = Field(None, description="The day.")
    reverses: Template | None = Field(None, description="The key of the consumption that came back.")
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
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class ChargeRule(Strict):
    """Bill this to the encounter."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    encounter: Expression = Field(description="The visit that is billed, as a token.")
    item: Expression = Field(description="The item's code in Odoo (its internal reference).")
    quantity: Expression = Field(description="How many, as an exact decimal.")
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    price: Expression | None = Field(None, description="Per unit; left out, Odoo's price list speaks.")
    cost_centre: Expression | None = Field(None, description="Odoo's analytic account.")
    date: Expression | None = Field(None, description="The day of the service.")
    subject: Expression | None = Field(None, description="Whose, as a token: `PID-3`.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")
    again: Literal["refuse", "replace"] = Field(
        "refuse",
        description="The same key with other content: a conflict, or a correction of an open quotation.",
    )


class CreditRule(Strict):
    """Take back the charge whose key `reverses` names."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    reverses: Template = Field(description="The key of the charge.")
    whole: bool = Field(
        False, description="All that is left of the charge as it stands; needs no item and no encounter."
    )
    when_unknown: Literal["refuse", "ignore"] = Field(
        "refuse", description="Nothing was ever charged under that key."
    )
    encounter: Expression | None = Field(None, description="The visit that is credited, as a token.")
    item: Expression | None = Field(None, description="The item's code in Odoo (its internal reference).")
    quantity: Expression | None = Field(None, description="How many, positive.")
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    price: Expression | None = Field(None, description="Per unit; left out, that of the charge.")
    cost_centre: Expression | None = Field(None, description="Odoo's analytic account.")
    date: Expression | None = Field(None, description="The day of the credit.")
    subject: Expression | None = Field(None, description="Whose, as a token: `PID-3`.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class ProcureRule(Strict):
    """See that it gets there."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    items: Expression | None = Field(None, description="A list of items: `RQD-3.1 | kit(kits)`.")
    item: Expression | None = Field(None, description="The item's code in Odoo (its internal reference).")
    quantity: Expression | None = Field(None, description="How many, as an exact decimal.")
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    location: Expression = Field(description="Odoo's location that it has to get to.")
    by: Expression | None = Field(None, description="The day until which.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class EncounterRule(Strict):
    """Context: whose visit, where, open or closed."""

    key: Template = Field(description="The visit, as a token: `{PV1-19}`.")
    subject: Expression = Field(description="Whose visit, as a token: `PID-3`.")
    state: Literal["planned", "open", "closed", "cancelled", "keep"] = Field(
        "keep", description="`keep`: as it stands; an update must not reopen a closed visit."
    )
    kind: Expression | None = Field(
        None, description="`inpatient`, `outpatient`, `emergency`, `planned` or `other`."
    )
    location: Expression | None = Field(None, description="Odoo's location where the person is.")
    account: Literal["ended"] | None = Field(
        None, description="`ended`: no charge may follow (BAR^P06); left out, nothing is said of it."
    )
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class MergeRule(Strict):
    """Two numbers are one: what stood under `gone` goes on under `into`."""

    kind: Literal["person", "account", "visit"] = Field(description="What the numbers are of.")
    gone: Expression = Field(description="The number that goes, as a token: `MRG-1`.")
    into: Expression = Field(description="The number that stays, as a token: `PID-3`.")
    when_reversed: Literal["dead", "ignore"] = Field(
        "dead",
        description="What becomes of a message that merges two numbers the other way round than they were"
        " merged before: a dead letter, or nothing (where numbers are corrected back and forth).",
    )


class ProductRule(Strict):
    """What an item master says of an item or service; empty fields say nothing."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    code: Expression = Field(description="The item's code in Odoo (its internal reference).")
    name: Expression | None = Field(None, description="What people call it.")
    kind: Expression | None = Field(None, description="`goods` (stocked), `consumable` or `service`.")
    unit: Expression | None = Field(None, description="The item's own unit; fixed once it is in use.")
    barcode: Expression | None = Field(None, description="Its GTIN or barcode.")
    tracking: Expression | None = Field(None, description="`none`, `lot` or `serial`.")
    expires: Expression | None = Field(None, description="`yes` or `no`: its lots have an expiry date.")
    status: Expression | None = Field(None, description="`active` or `inactive`.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class OfferRule(Strict):
    """A vendor's price of an item, per unit of packaging."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    code: Expression = Field(description="The item's code in Odoo (its internal reference).")
    vendor: Expression = Field(description="Name or reference of the vendor in Odoo.")
    unit: Expression | None = Field(None, description="The packaging that the price is for.")
    price: Expression | None = Field(None, description="Of one packaging.")
    package_quantity: Expression | None = Field(
        None, description="Of the item's own unit in one packaging; refused where Odoo's unit differs."
    )
    vendor_code: Expression | None = Field(None, description="The vendor's own catalogue number.")
    primary: Expression | None = Field(None, description="`yes`: bought here first.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class PriceRule(Strict):
    """What an item or service is billed at."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    code: Expression = Field(description="The item's code in Odoo (its internal reference).")
    price: Expression = Field(description="Amount and currency of one unit.")
    price_list: Expression | None = Field(None, description="Without one it is the price everywhere.")
    from_quantity: Expression | None = Field(None, description="From how many on.")
    valid_from: Expression | None = Field(None, description="The first day.")
    valid_until: Expression | None = Field(None, description="The last day.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class StockingRule(Strict):
    """When a location orders an item anew, and how much."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    code: Expression = Field(description="The item's code in Odoo (its internal reference).")
    location: Expression = Field(description="Odoo's location.")
    reorder_point: Expression | None = Field(None, description="What is left when it is ordered anew.")
    reorder_amount: Expression | None = Field(
        None, description="How much is ordered beyond the reorder point."
    )
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    status: Expression | None = Field(None, description="`active` or `inactive`.")
    trigger: Literal["manual", "automatic"] = Field("manual", description="Of a rule that is new.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class LotRule(Strict):
    """A lot exists; what is on hand is compared and told, never written."""

    key: Template = Field(
        description="What makes it the same one when it comes again: text and expressions in braces."
    )
    code: Expression = Field(description="The item's code in Odoo (its internal reference).")
    lot: Expression = Field(description="The lot or serial number.")
    expires: Expression | None = Field(None, description="The day of expiry.")
    on_hand: Expression | None = Field(None, description="What the sender says is there.")
    unit: Expression | None = Field(None, description="Odoo's unit of measure; left out, the item's own.")
    location: Expression | None = Field(None, description="Where it says so of.")
    company: Expression | None = Field(None, description="Odoo's company; left out, the user's own.")


class ForwardRule(Strict):
    """Pass the message on without identities, to destinations of the kinds `mllp` and `folder`."""

    segments: list[SegmentName] = Field(min_length=1, description="What goes along, such as [EVN, PID, PV1].")
    dates: Literal["day", "drop", "shift"] = Field(
        "day", description="Operational dates: as a day, not at all, or shifted by days of the person's own."
    )
    application: str = Field("", description="MSH-3; empty: as it came. Likewise the next three.")
    facility: str = Field("", description="MSH-4.")
    receiving_application: str = Field("", description="MSH-5.")
    receiving_facility: str = Field("", description="MSH-6.")


class EffectRule(Strict):
    """One rule: when it applies, over which repeating segment, and the one effect it makes."""

    name: str | None = Field(None, description="Shown where the rule is named; default: its number.")
    when: Tests = Field(
        {}, description="Conditions, all of which must hold; left out, the rule always applies."
    )
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
