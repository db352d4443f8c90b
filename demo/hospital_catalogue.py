"""What the small hospital consists of. The codes are the ones the shipped channels' tables speak of."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = [
    "COST_CENTRES",
    "DATED_LOTS",
    "ITEMS",
    "LAB_STOCK",
    "LOCATIONS",
    "PHARMACY_STOCK",
    "RIGHTS",
    "SERVICES",
    "WARD_STOCK",
    "Item",
    "Location",
    "Service",
]


class Item(NamedTuple):
    """A stocked item: cost and price in euro, quantity in `WH/Stock` in its own unit, an external id."""

    code: str
    name: str
    cost: str
    price: str
    stock: int
    vendor: Literal["medsupply", "orthotech", ""] = "medsupply"
    tracking: Literal["none", "lot"] = "none"
    unit: str = "uom.product_uom_unit"


class Service(NamedTuple):
    """Something billed but not stocked; `unit` is an external id."""

    code: str
    name: str
    price: str
    unit: str = "uom.product_uom_unit"


class Location(NamedTuple):
    """An internal stock location; one with no parent lies directly below the warehouse."""

    key: str
    name: str
    parent: str = ""


ITEMS = (
    Item("GLV-M", "Examination gloves, medium", "0.08", "0.20", 2000),
    Item("GWN-L", "Surgical gown, large", "3.10", "7.50", 80),
    Item("SUT-30", "Suture 3-0, absorbable", "2.40", "6.00", 150),
    Item("IMP-KNEE", "Knee implant, cemented", "1450.00", "2900.00", 0, "orthotech", "lot"),
    Item("DRP-U", "Surgical U-drape", "5.60", "12.00", 40),
    Item("MESH-15", "Hernia mesh 15 x 15 cm", "88.00", "180.00", 2, ""),
    Item("CAT-14", "Urinary catheter CH 14", "1.90", "5.00", 60, "medsupply", "lot"),
    Item("SYR-10", "Syringe 10 ml", "0.12", "0.40", 1000),
    Item("NDL-18", "Needle 18 G", "0.06", "0.20", 1000),
    Item("DRS-10", "Wound dressing 10 x 10 cm", "0.70", "2.10", 300),
    Item("TRC-12", "Trocar 12 mm", "21.00", "48.00", 3),
    Item("BLD-15", "Scalpel blade 15", "0.30", "0.90", 200),
    Item("MAT-AIR", "Pressure relief mattress", "240.00", "0.00", 0),
    Item("PARA-500", "Paracetamol 500 mg, tablet", "0.02", "0.10", 0),
    Item("AMOX-500", "Amoxicillin 500 mg, capsule", "0.09", "0.40", 0, "medsupply", "lot"),
    Item("ENOX-40", "Enoxaparin 40 mg, syringe", "2.80", "6.50", 0, "medsupply", "lot"),
    Item("TUBE-EDTA", "Blood collection tube, EDTA", "0.15", "0.00", 0),
    Item(
        "RGT-CBC", "Haematology diluent", "0.01", "0.00", 0, "medsupply", "lot", "uom.product_uom_milliliter"
    ),
    Item("RGT-GLU", "Glucose reagent", "0.04", "0.00", 0, "medsupply", "lot", "uom.product_uom_milliliter"),
    Item("KIT-STREP", "Streptococcus A test cassette", "1.60", "0.00", 0),
)
"""IMP-KNEE and MAT-AIR must be procured, MESH-15 cannot be (no vendor), TRC-12 is enough for one procedure
only; drugs lie in the pharmacy."""

SERVICES = (
    Service("OR-MIN", "Theatre time", "18.50", "uom.product_uom_minute"),
    Service("BED-DAY", "Bed, one day", "310.00"),
    Service("CON-01", "Consultation", "75.00"),
    Service("LAB-CBC", "Complete blood count", "14.00"),
    Service("LAB-BMP", "Basic metabolic panel", "18.00"),
    Service("LAB-STREP", "Streptococcus A, rapid test", "9.00"),
    *(Service(f"CHG-{item.code}", f"{item.name} (charge)", item.price, item.unit) for item in ITEMS),
)
"""Each stocked item is billed as a service, in its own unit: a confirmed quotation delivers nothing."""

LOCATIONS = (
    Location("wards", "Wards"),
    Location("theatre", "Theatre"),
    Location("pharmacy", "Pharmacy"),
    Location("lab", "Lab"),
    Location("icu", "ICU", "wards"),
    Location("ward_3a", "3A", "wards"),
    Location("ed", "ED", "wards"),
    Location("or1", "OR1", "theatre"),
    Location("or2", "OR2", "theatre"),
)
"""Wards and theatres lie beside `WH/Stock`, not in it: what goes there leaves the forecast of the store.
None has the usage *view*: Odoo drops the parents from such a location's complete name."""

WARD_STOCK = {"GLV-M": 200, "SYR-10": 50, "NDL-18": 50, "DRS-10": 20, "PARA-500": 100, "ENOX-40": 60}
"""What every ward and theatre keeps at hand."""

PHARMACY_STOCK = {"PARA-500": 5000, "AMOX-500": 500}
"""What lies in `WH/Pharmacy`."""

LAB_STOCK = {"TUBE-EDTA": 2000, "RGT-CBC": 9000, "RGT-GLU": 1500, "KIT-STREP": 100}
"""What lies in `WH/Lab`."""

DATED_LOTS = {
    "CAT-14": (("CAT-2609", 20, "2027-03-31"), ("CAT-2611", 40, "2028-11-30")),
    "AMOX-500": (("AMX-2701", 300, "2027-01-31"), ("AMX-2711", 200, "2027-11-30")),
    "RGT-CBC": (("HD-2703", 4000, "2027-03-31"), ("HD-2706", 5000, "2027-06-30")),
    "RGT-GLU": (("GL-2702", 500, "2027-02-28"), ("GL-2705", 1000, "2027-05-31")),
    "ENOX-40": (("ENX-2706", 20, "2027-06-30"), ("ENX-2709", 40, "2027-09-30")),
}
"""Lots wherever the item is kept: number, quantity, expiry date."""

COST_CENTRES = {
    "CC-ICU": "Intensive care",
    "CC-3A": "Ward 3A",
    "CC-OR": "Operating theatres",
    "CC-ED": "Emergency department",
    "CC-LAB": "Laboratory",
}

RIGHTS = (
    "base.group_partner_manager",
    "stock.group_stock_user",
    "stock.group_stock_manager",
    "purchase.group_purchase_user",
    "sales_team.group_sale_salesman_all_leads",
    "product.group_product_manager",
)
"""All that the integration user may do."""
