"""What should stand by what was delivered, whatever came in between."""

from __future__ import annotations

from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.effects import Charge, Consume, Credit, Effect, Item, Release, Reserve, covers
from engine.model import Delivery, DeliveryState, Reason, ReasonCode
from engine.reconciling.expecting import Ledger
from engine.store.contracts.views import DeliveryView

ONE = Item("GLOVE", Decimal(4))


def ledger(*said: tuple[Effect, DeliveryState] | Effect, documents: dict[str, str] | None = None) -> Ledger:
    """Deliveries, one a message, carried out unless another state is said."""
    made = Ledger()
    for number, one in zip(count(1), said, strict=False):
        effect, state = one if isinstance(one, tuple) else (one, DeliveryState.DELIVERED)
        delivery = Delivery(number * 1_000_000, number, "c", "odoo:x", effect, "", 1)
        stood = {} if state is DeliveryState.DEAD else documents or {"sale.order.line": str(number)}
        made.add(DeliveryView(delivery, state, documents=stood), float(number))
    return made


def charge(key: str = "k", quantity: int = 4) -> Charge:
    return Charge(key=key, encounter="v", item=Item("GLOVE", Decimal(quantity)))


def wanted(made: Ledger, **scope: Any) -> dict[str, Any]:
    return {one.key: one for one in made.settled(scope.get("channel", ""), scope.get("until", 0.0))}


def test_the_last_that_was_carried_out_counts_and_every_document_is_known() -> None:
    one = wanted(ledger(charge(), charge(quantity=5)))["k"]
    assert (one.effect.item.quantity, one.delivery_id, one.ids) == (5, 2_000_000, {"sale.order.line": {1, 2}})


def test_what_was_refused_is_not_expected_and_not_unknown() -> None:
    made = ledger((charge(), DeliveryState.DEAD))
    assert wanted(made) == {}
    assert made.names == {"charge_k"}


def test_what_found_nothing_to_do_is_not_expected() -> None:
    made = Ledger()
    delivery = Delivery(1, 1, "c", "odoo:x", Credit(key="c", reverses="k", whole=True), "", 1)
    made.add(DeliveryView(delivery, DeliveryState.DELIVERED, note="nothing was charged"), 1.0)
    assert wanted(made) == {}


@pytest.mark.parametrize("state", [DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED])
@pytest.mark.parametrize(
    "coming",
    [
        charge(),
        Credit(key="c", reverses="k", item=ONE),
        Consume(key="u", location="W", against="k", items=(ONE,)),
    ],
)
def test_nothing_is_said_of_what_something_is_on_its_way_for(coming: Effect, state: DeliveryState) -> None:
    assert "k" not in wanted(ledger(charge(), (coming, state)))


def test_a_release_of_everything_below_a_key_reaches_what_is_below_and_nothing_beside() -> None:
    below, beside = (
        Reserve(key="a/b/1", items=(ONE,), destination="W"),
        Reserve(key="a/bc/1", items=(ONE,), destination="W"),
    )
    found = wanted(ledger(below, beside, Release(key="a/b/*")))
    assert (found["a/b/1"].released, found["a/bc/1"].released) == (True, False)
    again = wanted(ledger(below, Release(key="a/b/*"), below))
    assert again["a/b/1"].released is False


@pytest.mark.parametrize("state", [DeliveryState.DUE, DeliveryState.DELIVERED])
def test_a_release_that_is_on_its_way_says_nothing_yet(state: DeliveryState) -> None:
    reserve = Reserve(key="a/b/1", items=(ONE,), destination="W")
    found = wanted(ledger(reserve, (Release(key="a/*"), state)))
    assert ("a/b/1" in found) == (state is DeliveryState.DELIVERED)


def test_a_whole_credit_takes_back_what_is_left_of_its_charge() -> None:
    part = Credit(key="c1", reverses="k", item=Item("GLOVE", Decimal(3)))
    whole, more = Credit(key="c2", reverses="k", whole=True), Credit(key="c3", reverses="k", whole=True)
    found = wanted(ledger(charge(), part, whole, more))
    assert [found[key].left for key in ("c1", "c2", "c3")] == [3, 1, 0]
    assert wanted(ledger(whole))["c2"].left is None  # its charge was before the period


def test_the_period_and_the_channel_narrow_what_is_told_not_what_is_known() -> None:
    made = ledger(charge("one"), charge("two"))
    assert list(wanted(made, until=2.0)) == ["one"]
    assert wanted(made, channel="other") == {}


def test_what_was_made_anew_stands_as_it_was_until_its_key_is_carried_out_again() -> None:
    replaced = (charge(), DeliveryState.REPLACED)
    assert wanted(ledger(replaced))["k"].delivery_id == 1_000_000
    assert wanted(ledger(replaced, charge(quantity=9)))["k"].effect.item.quantity == 9
    dead = Ledger()
    delivery = Delivery(1, 1, "c", "odoo:x", charge(), "", 1)
    reason = Reason(ReasonCode.CONFLICT, "refused")
    dead.add(DeliveryView(delivery, DeliveryState.REPLACED, documents={"m": "1"}, reason=reason), 1.0)
    assert wanted(dead) == {}


KEYS = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map("/".join)


@given(KEYS, KEYS, st.booleans())
def test_a_key_is_moving_just_when_a_release_on_its_way_covers_it(key: str, other: str, star: bool) -> None:
    name = f"{other}/*" if star else other
    made = ledger(Reserve(key=key, items=(ONE,), destination="W"), (Release(key=name), DeliveryState.DUE))
    assert (key not in wanted(made)) == covers(name, key)
