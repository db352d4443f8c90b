"""What must stand in Odoo when the day of `demo.story` is over, in codes, places and quantities. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

__all__ = ["AFTER", "After", "OrderLines"]

OrderLines = tuple[tuple[str, str], ...]
"""Item and quantity of each line, sorted."""


@dataclass(frozen=True)
class After:
    """The day's outcome, comparable whatever ids and tokens it was given."""

    reservations: Counter[tuple[str, str, str]]
    """Theatre, time, and how it stands."""
    ordered: Counter[tuple[str, str]]
    """Vendor and item on requests for quotation, with quantities."""
    quotations: Counter[OrderLines]
    """One per encounter; goods are billed as the services that stand for them."""
    stock: Counter[tuple[str, str]]
    """What left (place, item), less what came back."""
    visits: Counter[tuple[str, str]]
    """State and place."""
    persons: Counter[str]
    """Contacts that stand for persons: `active`, and `merged` into another."""


_KNEE: OrderLines = (
    ("BED-DAY", "1"),
    ("CHG-CAT-14", "1"),
    ("CHG-DRS-10", "3"),
    ("CHG-GLV-M", "-2"),
    ("CHG-GLV-M", "6"),
    ("CHG-SYR-10", "4"),
    ("OR-MIN", "95"),
)
_HERNIA: OrderLines = (
    ("BED-DAY", "1"),
    ("CHG-DRS-10", "-1"),
    ("CHG-DRS-10", "2"),
    ("CHG-GLV-M", "4"),
    ("CHG-NDL-18", "1"),
    ("LAB-CBC", "1"),
    ("OR-MIN", "60"),
)

AFTER = After(
    reservations=Counter(
        {
            ("OR1", "11:00", "short by 1 IMP-KNEE"): 1,
            ("OR1", "13:00", "cancelled"): 1,
            ("OR1", "09:00", "reserved"): 1,
            ("OR2", "10:30", "cancelled"): 1,
            ("OR2", "12:00", "reserved"): 1,
            ("OR2", "15:00", "short by 1 MESH-15"): 1,
        }
    ),
    ordered=Counter({("OrthoTech Implants", "IMP-KNEE"): 1, ("MedSupply Trading", "TRC-12"): 1}),
    quotations=Counter(
        [
            _KNEE,
            _HERNIA,
            (("CON-01", "1"),),
            (("CHG-GLV-M", "4"), ("CHG-NDL-18", "2"), ("OR-MIN", "55")),
            (("CHG-SYR-10", "1"), ("CON-01", "1"), ("LAB-CBC", "1")),
        ]
    ),
    stock=Counter(
        {
            ("OR1", "GLV-M"): 6 - 2 + 4,
            ("OR1", "SYR-10"): 4,
            ("OR1", "DRS-10"): 2 - 1,
            ("OR2", "GLV-M"): 4,
            ("OR2", "NDL-18"): 2,
            ("ED", "SYR-10"): 1,
            ("ICU", "DRS-10"): 3,
            ("3A", "NDL-18"): 1,
        }
    ),
    visits=Counter(
        {("open", "ICU"): 1, ("open", "3A"): 1, ("open", "ED"): 1, ("closed", "3A"): 2},
    ),
    persons=Counter(active=6, merged=1),
)
