"""How much of something can be meant."""

from __future__ import annotations

from decimal import Decimal

from engine.errors import Unacceptable

__all__ = ["LARGEST", "check_quantity"]

LARGEST = Decimal(1_000_000)


def check_quantity(quantity: Decimal) -> None:
    """Raises `Unacceptable` (`quantity`, 102) unless it is above zero and at most a million."""
    if not quantity > 0:
        raise Unacceptable("quantity", "", "the quantity is not above zero", hl7=102)
    if quantity > LARGEST:
        raise Unacceptable("quantity", "", "the quantity is above 1,000,000", hl7=102)
