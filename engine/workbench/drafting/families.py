"""What kinds of senders `wardline new` knows: which messages they send, what must be asked of their codes,
and which cases follow from their samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from engine.errors import Misconfigured

__all__ = ["FAMILIES", "RESOURCES", "Column", "Derived", "Family", "TableDraft", "family_of", "known_rows"]


def _same(code: str) -> str:
    """Many hospitals call an item in Odoo what its sender calls it."""
    return code.partition("^")[0]


def _nothing(_: str) -> str:
    return ""


def _location(code: str) -> str:
    return f"WH/{code}"


def _unit(code: str) -> str:
    """The unit of Odoo that a unit of a message is known to mean."""
    known = {"ML": "ml", "MIN": "Minutes", "HR": "Hours", "KG": "kg", "G": "g", "L": "L"}
    return known.get(code.rpartition("/")[0] or code.upper(), "Units")


class Column(NamedTuple):
    """A cell that is asked for. `only` names a cell of the same row that makes it asked (`stocked`, `yes`);
    an empty cell of a `needed` column means that the code is not listed."""

    name: str
    about: str
    suggest: Callable[[str], str] = _nothing
    choices: tuple[str, ...] = ()
    only: tuple[str, str] | None = None
    needed: bool = False


class TableDraft(NamedTuple):
    """A table of codes: its first column, what stands above it, and what is asked for each code. One without
    columns is known beforehand (`blueprints/NAME.csv`); of a `kit` the answer lists items."""

    key: str
    comment: str
    columns: tuple[Column, ...] = ()
    kit: bool = False


class Derived(NamedTuple):
    """A case that follows from a sample: the same message with changes (in every one of their segments), of
    type `event` where that is not empty, with the times at `later` put off, sent `after` it or alone; it must
    come to `wanted`: a kind of effect or a state."""

    name: str
    changes: Mapping[str, str]
    wanted: str
    event: str = ""
    after: bool = False
    later: tuple[str, ...] = ()


class Family(NamedTuple):
    """`types` are MSH-9.1; `needs` are the segments without which such a message means nothing here;
    `lifecycle` are the events that go together: who sends one of them will send the others. Of FHIR `types`
    are resources, and `context` those that they refer to."""

    name: str
    description: str
    types: tuple[str, ...]
    needs: tuple[str, ...]
    why_not: str
    tables: Mapping[str, TableDraft]
    derived: Sequence[Derived] = ()
    lifecycle: tuple[str, ...] = ()
    criticality: str = "normal"
    context: tuple[str, ...] = ()

    @property
    def blueprint(self) -> str:
        """The body of the channel file, with everything that the family knows."""
        return (files(__package__) / "blueprints" / f"{self.name}.yaml").read_text("utf-8")


def known_rows(name: str) -> str:
    """A table that is known beforehand: order controls, statuses."""
    return (files(__package__) / "blueprints" / f"{name}.csv").read_text("utf-8")


_ITEM = Column("item", "the item in Odoo that it is (internal reference)", _same, needed=True)
_LOCATION = Column("odoo_location", "its stock location in Odoo, such as WH/Wards/ICU", _location)
_PLACES = TableDraft("point_of_care", "Place or department → its stock and cost centre in Odoo", (
    _LOCATION, Column("cost_centre", "its cost centre in Odoo (analytic account); empty: none"),
))  # fmt: skip
_ITEMS = TableDraft(
    "code",
    "Charge code → what it is billed as, and what leaves the stock for it",
    (
        Column(
            "charge_as", "what it is billed as: a service of Odoo (internal reference)", _same, needed=True
        ),
        Column("stocked", "whether it comes from stock", lambda _: "no", ("yes", "no")),
        Column("item", "the item that leaves the stock (internal reference)", _same, only=("stocked", "yes")),
        Column("unit", "what the quantity counts: a unit of Odoo; empty: the item's own"),
    ),
)
_UNITS = TableDraft("code", "Unit of a message → the unit in Odoo", (
    Column("unit", "the unit of Odoo that it is", _unit, needed=True),
))  # fmt: skip
_SUPPLIES = TableDraft("code", "Item code of an order → the item in Odoo", (_ITEM,))
_DRUGS = TableDraft("code", "Drug code → the item in Odoo", (_ITEM,))
_KITS = TableDraft(
    "procedure",
    "Procedure → what is laid out for it: one row per item",
    (Column("items", "what is laid out for it, as `4 GLV-M, 2 GWN-L`", lambda code: f"1 {_same(code)}"),),
    kit=True,
)
_REAGENTS = TableDraft(
    "test",
    "Test → what one of it uses: one row per item",
    (Column("items", "what one of it uses, as `25 RGT-CBC, 1 TUBE-EDTA`", lambda code: f"1 {_same(code)}"),),
    kit=True,
)
_SECTIONS = TableDraft("section", "Section of the laboratory → where its reagents are", (_LOCATION,))

_RESOURCES = TableDraft("resource", "Resource of an appointment → the item in Odoo, if it comes from stock", (
    _ITEM._replace(about="the item in Odoo that it is; empty: it comes from no stock", suggest=_nothing),
))  # fmt: skip

FAMILIES: tuple[Family, ...] = (
    Family(
        "charges",
        "Charges go on the encounter's quotation, and what comes from stock leaves it.",
        ("DFT", "BAR"), (), "",
        {"items": _ITEMS, "places": _PLACES},
        (
            Derived("a credit of the same transaction takes it back", {"FT1-6": "CD"}, "credit"),
            Derived("a payment is none of ours", {"FT1-6": "PY"}, "filtered"),
            Derived("an unknown kind of transaction is refused", {"FT1-6": "QQ"}, "dead"),
            Derived("a code that is not in the table is refused", {"FT1-7": "NO-SUCH-CODE"}, "dead"),
        ),
    ),
    Family(
        "schedule",
        "The schedule reserves what its procedures need, and gives it back when one is called off.",
        ("SIU",), ("SCH",), "they have no appointment (SCH)",
        {
            "kits": _KITS,
            "resources": _RESOURCES,
            "places": _PLACES,
            "statuses": TableDraft("status", ""),
        },
        (
            Derived(
                "a new date moves what is reserved", {}, "reserve", "S13", after=True,
                later=("AIS-4", "AIG-8", "TQ1-7", "SCH-11.4"),
            ),
            Derived("called off, everything is given back", {}, "release", "S15", after=True),
        ),
        ("S12", "S13", "S14", "S15", "S16", "S17", "S26"),
        "high",
    ),
    Family(
        "orders",
        "What is ordered moves from the store to the ward.",
        ("ORM", "OMS", "OMN", "OMP"), ("RQD", "RXO-11"),
        "their orders have neither a requisition line (RQD) nor an amount of a drug (RXO-11):"
        " nothing in them moves stock",
        {
            "supplies": _SUPPLIES, "units": _UNITS, "places": _PLACES,
            "control": TableDraft("control", ""),
        },
        (
            Derived("cancelled, it is given back", {"ORC-1": "CA"}, "release", after=True),
            Derived("how an order stands is none of ours", {"ORC-1": "SC"}, "filtered"),
        ),
    ),
    Family(
        "dispense",
        "What is dispensed or given leaves the stock, once.",
        ("RDS", "RAS", "RDE"), ("RXD", "RXA"),
        "they have no dispense (RXD) and no administration (RXA): nothing in them leaves a stock",
        {"drugs": _DRUGS, "units": _UNITS, "places": _PLACES, "control": TableDraft("control", "")},
        (
            Derived("cancelled, it comes back", {"ORC-1": "CA"}, "consume", after=True),
            Derived("an order that is discontinued moves nothing", {"ORC-1": "DC"}, "filtered"),
        ),
    ),
    Family(
        "lab",
        "Final results use up the laboratory's reagents.",
        ("ORU",), ("OBR",), "they have no test (OBR)",
        {"reagents": _REAGENTS, "sections": _SECTIONS},
        (Derived("a preliminary result uses nothing yet", {"OBR-25": "P"}, "filtered"),),
    ),
    Family(
        "admissions",
        "Visits open, move and close as patients come and go.",
        ("ADT",), ("PID",), "they have no patient (PID)",
        {"places": TableDraft(_PLACES.key, _PLACES.comment, (_LOCATION._replace(
            about="its stock location in Odoo; empty: none", suggest=_nothing),))},
        (
            Derived("a discharge closes the visit", {}, "encounter", "A03", after=True),
            Derived("a cancelled admission", {}, "encounter", "A11", after=True),
        ),
        ("A01", "A02", "A03", "A04", "A08", "A11", "A12", "A13"),
    ),
    Family(
        "items",
        "Items, their vendors' prices, reordering rules and lots follow the item master.",
        ("MFN",), ("ITM", "IIM-3"), "",
        {
            "units": _UNITS,
            "vendors": TableDraft("code", "Vendor → its name or reference in Odoo", (
                Column("vendor", "the vendor in Odoo", _same, needed=True),
            )),
            "places": TableDraft("code", "Stock location → the one in Odoo", (
                _LOCATION._replace(needed=True),
            )),
        },
        (Derived("an item that is withdrawn is archived", {"MFE-1": "MDC"}, "product"),),
        criticality="bulk",
    ),
    Family(
        "prices",
        "Services that are billed, and their prices, follow the charge description master.",
        ("MFN",), ("CDM",),
        "they have neither items (ITM, IIM with a lot) nor charges (CDM): nothing in them concerns stock"
        " or billing",
        {
            "items": TableDraft("code", "Charge code → the service of Odoo that is billed", (
                Column("charge_as", "the service that is billed (internal reference)", _same, needed=True),
            )),
            "price-lists": TableDraft("department", "Department of a price → the price list of Odoo", (
                Column("price_list", "the price list of Odoo", _nothing),
            )),
        },
        (Derived("a service that is withdrawn is archived", {"MFE-1": "MDC"}, "product"),),
        criticality="bulk",
    ),
)  # fmt: skip


_PLACES_OF_FHIR = _PLACES._replace(key="place")

RESOURCES: tuple[Family, ...] = (
    Family(
        "requests",
        "What is requested is reserved for its place, and what is delivered is handed out of it.",
        ("SupplyRequest", "SupplyDelivery"), (), "",
        {"supplies": _SUPPLIES, "units": _UNITS, "places": _PLACES_OF_FHIR},
        (
            Derived("no longer wanted, it is given back", {"SupplyRequest.status": "cancelled"}, "release",
                    after=True),
            Derived("a draft asks for nothing yet", {"SupplyRequest.status": "draft"}, "filtered"),
            Derived(
                "delivered in error, it comes back", {"SupplyDelivery.status": "entered-in-error"}, "consume",
                after=True,
            ),
        ),
        context=("Patient", "Practitioner", "Location", "Organization", "Medication", "Device"),
    ),
    Family(
        "billing",
        "Charge items go on the encounter's quotation.",
        ("ChargeItem",), (), "",
        {"items": _ITEMS, "places": _PLACES_OF_FHIR},
        (
            Derived("entered in error, it is taken back", {"ChargeItem.status": "entered-in-error"}, "credit",
                    after=True),
            Derived("what is planned is not billed yet", {"ChargeItem.status": "planned"}, "filtered"),
        ),
        context=("Patient", "Encounter", "Account", "Practitioner", "Location", "Organization", "Medication",
                 "Device"),
    ),
)  # fmt: skip


def family_of(
    types: Sequence[str], has: Callable[[str], bool], families: Sequence[Family] = FAMILIES
) -> Family:
    """The family that messages of these types (`DFT^P03`) belong to; `has` says what they have. Raises
    `Misconfigured` where nothing here is about them."""
    said = {kind.partition("^")[0] for kind in types}
    about = [one for one in families if not said.isdisjoint(one.types)]
    for family in about:
        if not family.needs or any(map(has, family.needs)):
            return family
    why = about[-1].why_not if about else "no channel is drafted from such messages"
    raise Misconfigured(f"{', '.join(sorted(types)) or 'a message without a type'}: {why}",
                        hint="docs/manual/channels.md says how a channel is written by hand")  # fmt: skip
