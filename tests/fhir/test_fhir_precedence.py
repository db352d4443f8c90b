"""What others refer to comes first, whatever the order of the entries (spec: FHIR, F35, F36)."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.precedence import referred_first


def refers(*names: str) -> dict[str, object]:
    return {"basedOn": [{"reference": name} for name in names]}


def test_f36_the_order_of_the_entries_does_not_matter() -> None:
    entries = {
        "SupplyDelivery/1": refers("SupplyRequest/1/_history/1"),
        "SupplyRequest/1": {"item": {"reference": {"reference": "Medication/1"}}},
        "Medication/1": {},
    }
    wanted = ["Medication/1", "SupplyRequest/1", "SupplyDelivery/1"]
    assert referred_first(entries) == wanted
    assert referred_first(dict(reversed(entries.items()))) == wanted


def test_a_circle_and_what_is_not_among_them_change_nothing() -> None:
    circle = {"ChargeItem/1": refers("ChargeItem/2", "Patient/7"), "ChargeItem/2": refers("ChargeItem/1")}
    assert sorted(referred_first(circle)) == sorted(circle)
    assert referred_first({"A/2": {}, "A/1": refers("A/1")}) == ["A/2", "A/1"]


def test_a_chain_as_long_as_a_bundle() -> None:
    chain = {f"A/{n}": refers(f"A/{n + 1}") for n in range(30_000)}
    assert referred_first(chain)[0] == "A/29999"


@given(st.integers(0, 2**32), st.integers(1, 12))
def test_each_comes_once_and_after_what_it_refers_to(seed: int, many: int) -> None:
    dice = random.Random(seed)
    below = {n: [m for m in range(n) if dice.random() < 0.4] for n in range(many)}
    names = list(range(many))
    dice.shuffle(names)
    found = referred_first({f"A/{n}": refers(*(f"A/{m}" for m in below[n])) for n in names})
    at = {name: place for place, name in enumerate(found)}
    assert sorted(at) == sorted(f"A/{n}" for n in range(many))
    assert all(at[f"A/{m}"] < at[f"A/{n}"] for n in below for m in below[n])
