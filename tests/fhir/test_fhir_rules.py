"""Statuses in their order; quantities and prices that can be acted on."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from engine.fhir.rules import check_change, may_delete
from engine.fhir.validation import status_of


def _request(status: str | None, **more: Any) -> dict[str, Any]:
    return {"resourceType": "SupplyRequest", "status": status, "quantity": {"value": 2}} | more


def _allowed(type_: str, before: str, after: str) -> bool:
    old, new = ({"resourceType": type_, "status": s, "quantity": {"value": 1}} for s in (before, after))
    return not check_change(old, new, "R4")


REQUEST = ["draft", "active", "suspended", "cancelled", "completed", "entered-in-error", "unknown"]
CHARGE = ["planned", "billable", "not-billable", "aborted", "billed", "entered-in-error", "unknown"]
DELIVERY = ["in-progress", "completed", "abandoned", "entered-in-error"]
FINAL = {
    ("SupplyRequest", "completed"): {"entered-in-error"},
    ("SupplyRequest", "cancelled"): {"entered-in-error"},
    ("SupplyRequest", "active"): set(REQUEST) - {"draft"},
    ("SupplyRequest", "suspended"): set(REQUEST) - {"draft"},
    ("SupplyDelivery", "completed"): {"entered-in-error"},
    ("SupplyDelivery", "abandoned"): {"entered-in-error"},
    ("ChargeItem", "billable"): {"billed", "not-billable", "aborted", "entered-in-error"},
    ("ChargeItem", "billed"): {"entered-in-error"},
    ("ChargeItem", "not-billable"): {"entered-in-error"},
    ("ChargeItem", "aborted"): {"entered-in-error"},
} | {(type_, "entered-in-error"): set() for type_ in ("SupplyRequest", "SupplyDelivery", "ChargeItem")}


@pytest.mark.parametrize(
    ("type_", "before", "after"),
    [
        (type_, *pair)
        for type_, words in (("SupplyRequest", REQUEST), ("ChargeItem", CHARGE), ("SupplyDelivery", DELIVERY))
        for pair in product(words, words)
    ],
)
def test_which_status_follows_which(type_: str, before: str, after: str) -> None:
    """F13, F14, F43."""
    expected = before == after or after in FINAL.get((type_, before), {after})
    assert _allowed(type_, before, after) is expected


def test_f14_says_where_and_that_it_is_a_rule() -> None:
    found = check_change(_request("completed"), _request("active"), "R4")
    assert [(issue.code, issue.expression) for issue in found] == [("business-rule", "SupplyRequest.status")]
    assert status_of(found) == 422


def test_a_status_that_is_taken_away_is_a_change_too() -> None:
    new = _request(None)
    del new["status"]
    assert check_change(_request("completed"), new, "R4")
    assert not check_change(None, new, "R4")


def test_what_was_in_error_stays_so_whatever_it_is() -> None:
    old, new = ({"resourceType": "Device", "status": s} for s in ("entered-in-error", "active"))
    assert check_change(old, new, "R4")
    assert not check_change(new, old, "R4")


@pytest.mark.parametrize(
    ("quantity", "place"),
    [
        ({"value": 0}, "value"),
        ({"value": -1}, "value"),
        ({"unit": "box"}, "value"),
        ({"value": 1, "comparator": "<"}, "comparator"),
    ],
)
def test_f19_quantities_of_requests(quantity: dict[str, Any], place: str) -> None:
    found = check_change(None, _request("active", quantity=quantity), "R4")
    assert [issue.expression for issue in found] == [f"SupplyRequest.quantity.{place}"]
    assert status_of(found) == 422


def test_quantities_of_deliveries() -> None:
    one = {"resourceType": "SupplyDelivery", "suppliedItem": {"quantity": {"value": 0}}}
    many = one | {"suppliedItem": [{"quantity": {"value": 1}}, {}, {"quantity": {"value": -2}}]}
    assert [i.expression for i in check_change(None, one, "R4")] == [
        "SupplyDelivery.suppliedItem.quantity.value"
    ]
    assert [i.expression for i in check_change(None, many, "R5")] == [
        "SupplyDelivery.suppliedItem[2].quantity.value"
    ]
    assert not check_change(None, {"resourceType": "SupplyDelivery"}, "R4")


def test_a_charge_may_be_negative_but_not_nothing() -> None:
    charge = {"resourceType": "ChargeItem", "status": "billable"}
    assert not check_change(None, charge | {"quantity": {"value": -1}}, "R4")
    assert check_change(None, charge | {"quantity": {"value": 0}}, "R4")


@pytest.mark.parametrize(
    ("release", "price", "place"),
    [
        ("R4", {"priceOverride": {"value": 1}}, "priceOverride.currency"),
        ("R4", {"priceOverride": {"currency": "EUR"}}, "priceOverride.value"),
        (
            "R5",
            {"unitPriceComponent": {"type": "base", "amount": {"value": 1}}},
            "unitPriceComponent.amount.currency",
        ),
        (
            "R5",
            {"totalPriceComponent": {"type": "base", "amount": {"currency": "EUR"}}},
            "totalPriceComponent.amount.value",
        ),
    ],
)
def test_a_price_has_number_and_currency(release: Any, price: dict[str, Any], place: str) -> None:
    found = check_change(None, {"resourceType": "ChargeItem", "status": "billable"} | price, release)
    assert [issue.expression for issue in found] == [f"ChargeItem.{place}"]


def test_f53_what_is_kept() -> None:
    assert not any(map(may_delete, ("ChargeItem", "SupplyDelivery", "AuditEvent", "Provenance")))
    assert may_delete("Location")
