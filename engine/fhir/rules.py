"""What valid resources may say, and after what: the order of their statuses, quantities and prices that can
be acted on. All findings are `business-rule` (422).

Statuses: what has an effect in Odoo is taken back by `entered-in-error`, never by going back to an
earlier status; what is over stays over (FHIR R4/R5 request-status, chargeitem-status,
supplydelivery-status; ours where the standard leaves it open).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from engine.fhir.issues import Issue
from engine.fhir.releases import Release

__all__ = ["check_change", "may_delete"]

_WRONG: Final = "entered-in-error"
_NEXT: Final[dict[str, dict[str, frozenset[str]]]] = {
    "SupplyRequest": {
        "active": frozenset({"suspended", "cancelled", "completed", "unknown", _WRONG}),
        "suspended": frozenset({"active", "cancelled", "completed", "unknown", _WRONG}),
        "completed": frozenset({_WRONG}),
        "cancelled": frozenset({_WRONG}),
    },
    "SupplyDelivery": {"completed": frozenset({_WRONG}), "abandoned": frozenset({_WRONG})},
    "ChargeItem": {
        "billable": frozenset({"billed", "not-billable", "aborted", _WRONG}),
        "billed": frozenset({_WRONG}),
        "not-billable": frozenset({_WRONG}),
        "aborted": frozenset({_WRONG}),
    },
}
"""From which status to which others; a status that is not here may become any, entered-in-error none."""

_KEPT: Final = frozenset({"ChargeItem", "SupplyDelivery", "AuditEvent", "Provenance"})


def may_delete(type_: str) -> bool:
    """May resources of this type be deleted? Not what was charged or moved, nor the record of who did it."""
    return type_ not in _KEPT


def check_change(old: dict[str, Any] | None, new: dict[str, Any], release: Release) -> list[Issue]:
    """May `new`, which is valid, be written after `old` (None: nothing there)? `release` is that of both."""
    type_ = new["resourceType"]
    found = list(_statuses(old, new, type_))
    if type_ == "SupplyRequest":
        found += _quantity(new.get("quantity"), "SupplyRequest.quantity", needed=True)
    elif type_ == "SupplyDelivery":
        found += _supplied(new.get("suppliedItem"))
    elif type_ == "ChargeItem":
        found += _quantity(new.get("quantity"), "ChargeItem.quantity", negative=True)
        found += _prices(new, release)
    return found


def _statuses(old: dict[str, Any] | None, new: dict[str, Any], type_: str) -> Iterator[Issue]:
    before, after = (old or {}).get("status"), new.get("status")
    if before == after or not isinstance(before, str):
        return
    allowed = frozenset[str]() if before == _WRONG else _NEXT.get(type_, {}).get(before)
    if allowed is not None and after not in allowed:
        yield _broken(f"{type_}.status", "does not follow the status it has")


def _supplied(value: Any) -> Iterator[Issue]:
    """One in R4, several in R5."""
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _quantity(item.get("quantity"), f"SupplyDelivery.suppliedItem[{index}].quantity")
    elif value is not None:
        yield from _quantity(value.get("quantity"), "SupplyDelivery.suppliedItem.quantity")


def _quantity(value: Any, at: str, *, needed: bool = False, negative: bool = False) -> Iterator[Issue]:
    if value is None:
        return
    amount = value.get("value")
    if "comparator" in value:
        yield _broken(f"{at}.comparator", "an exact quantity is needed")
    if amount is None:
        if needed:
            yield _broken(f"{at}.value", "a quantity needs its number")
    elif amount == 0:
        yield _broken(f"{at}.value", "must not be zero")
    elif Decimal(amount) < 0 and not negative:
        yield _broken(f"{at}.value", "must be above zero")


def _prices(new: dict[str, Any], release: Release) -> Iterator[Issue]:
    if release != "R5":
        yield from _price(new.get("priceOverride"), "ChargeItem.priceOverride")
        return
    for name in ("unitPriceComponent", "totalPriceComponent"):
        yield from _price((new.get(name) or {}).get("amount"), f"ChargeItem.{name}.amount")


def _price(value: Any, at: str) -> Iterator[Issue]:
    if value is None:
        return
    if "value" not in value:
        yield _broken(f"{at}.value", "a price needs its number")
    if "currency" not in value:
        yield _broken(f"{at}.currency", "a price needs its currency")


def _broken(at: str, text: str) -> Issue:
    return Issue("business-rule", text, at)
