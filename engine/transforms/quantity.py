"""How much of something can be meant, and from which lot."""

from __future__ import annotations

import re
from decimal import Decimal

from engine.errors import Unacceptable

__all__ = ["LARGEST", "check_count", "check_lot", "check_quantity"]

LARGEST = Decimal(1_000_000)
_LOT = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,39}")


def check_quantity(quantity: Decimal) -> None:
    """Raises `Unacceptable` (`quantity`, 102) unless it is above zero and at most a million."""
    if not quantity > 0:
        raise Unacceptable("quantity", "", "the quantity is not above zero", hl7=102)
    if quantity > LARGEST:
        raise Unacceptable("quantity", "", "the quantity is above 1,000,000", hl7=102)


def check_count(number: Decimal) -> None:
    """The same, and zero is fine."""
    if number != 0:
        check_quantity(number)


def check_lot(lot: str) -> None:
    """Raises `Unacceptable` (`bad-value`, 102) for what is no lot number (RXD-18, RXA-15): such a field is
    free text to the standard, and text must not pass (spec: PHI, the notes to these fields)."""
    if not _LOT.fullmatch(lot):
        text = "not a lot number: 1 to 40 letters, digits and - . /"
        raise Unacceptable("bad-value", "", text, hl7=102)
