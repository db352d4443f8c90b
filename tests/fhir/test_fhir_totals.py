"""Prices that are sent as totals, amounts of several releases in one expression, elements by number."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fhir_channel import CHANNEL, channel_in, packed

from engine.config.cases.aliases import AliasBook
from engine.effects import Charge, Consume
from engine.model import Dead, Routed, StoredMessage
from engine.pipeline import route

TOTAL = "ChargeItem.priceOverride or ChargeItem.totalPriceComponent.amount"
PRICED = (
    CHANNEL.replace("price: ChargeItem.priceOverride", f"price: {TOTAL} | money | per(ChargeItem.quantity)")
    .replace(
        '"{SupplyDelivery.id}/{SupplyDelivery.suppliedItem.itemCodeableConcept}"',
        '"{SupplyDelivery.id}/{SupplyDelivery.suppliedItem.number}"',
    )
    .replace("SupplyDelivery.basedOn[SupplyRequest] or", "SupplyDelivery.id or")
)


def routed(folder: Path, type_: str, body: dict[str, Any], release: str = "R4") -> Any:
    program = channel_in(folder, PRICED).program
    message = StoredMessage(1, "supply", packed(type_, "c1", body, release=release), 0.0)
    return next(iter(route([message], program, AliasBook()))).result


def charge(folder: Path, quantity: str, release: str = "R4", **price: Any) -> Any:
    body = {
        "status": "billable",
        "code": {"coding": [{"code": "C1"}]},
        "subject": {"reference": "Patient/7"},
        "encounter" if release == "R5" else "context": {"reference": "Encounter/9"},
        "quantity": {"value": float(quantity)},
        **price,
    }
    return routed(folder, "ChargeItem", body, release)


@pytest.mark.parametrize(
    ("release", "price"),
    [
        ("R4", {"priceOverride": {"value": 25.00, "currency": "EUR"}}),
        ("R5", {"totalPriceComponent": {"type": "base", "amount": {"value": 25, "currency": "EUR"}}}),
    ],
)
def test_a_total_is_the_price_of_one_times_the_quantity(
    tmp_path: Path, release: str, price: dict[str, Any]
) -> None:
    result = charge(tmp_path, "2", release, **price)
    assert isinstance(result, Routed)
    (made,) = result.effects
    assert isinstance(made, Charge)
    assert made.price is not None
    assert (str(made.price.amount), made.price.currency) == ("12.50", "EUR")


def test_a_total_that_does_not_come_out_even_is_refused(tmp_path: Path) -> None:
    result = charge(tmp_path, "3", priceOverride={"value": 10, "currency": "EUR"})
    assert isinstance(result, Dead)
    assert (result.reason.code, result.reason.text) == (
        "bad-value",
        "the total does not come out even for one",
    )
    assert result.reason.place == "ChargeItem.priceOverride"


def test_elements_are_told_apart_by_their_number(tmp_path: Path) -> None:
    supplied = [{"quantity": {"value": 1}, "itemCodeableConcept": {"coding": [{"code": "G"}]}}] * 2
    body = {"status": "completed", "suppliedItem": supplied, "destination": {"reference": "Location/OR1"}}
    result = routed(tmp_path, "SupplyDelivery", body, "R5")
    assert isinstance(result, Routed)
    assert [one.key for one in result.effects if isinstance(one, Consume)] == ["supply/c1/1", "supply/c1/2"]
