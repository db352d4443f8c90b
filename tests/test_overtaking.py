"""What may still be carried out when later effects of its sequence stand, and what may not."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.effects import (
    Charge,
    Consume,
    Credit,
    Effect,
    Encounter,
    Forward,
    Item,
    Lot,
    Merge,
    Money,
    Offer,
    Price,
    Procure,
    Product,
    Release,
    Reserve,
    Stocking,
    Unmerge,
)
from engine.overtaking import overtakes

ITEM = Item("GLOVE", Decimal(1))
ITEMS = (ITEM,)
RESERVE = Reserve(key="r/1", items=ITEMS, destination="WH/Ward")
RELEASE = Release(key="r/1")
CHARGE = Charge(key="c", encounter="t1v_x", item=ITEM)
WHOLE = Credit(key="k", reverses="c", whole=True)
PART = Credit(key="k", reverses="c", item=ITEM)
USE = Consume(key="u", items=ITEMS, location="WH/Stock")
BACK = Consume(key="b", reverses="u", whole=True, location="WH/Stock")
VISIT = Encounter(key="t1v_x", subject="t1p_x", state="open")
MERGE = Merge(key="m", kind="person", gone="t1p_a", into="t1p_b")
ONE = Money(Decimal(1))

TAKEN: list[tuple[Effect, Effect]] = [
    (RESERVE, RESERVE),
    (RELEASE, RESERVE),
    (Release(key="r/*"), RESERVE),
    (Consume(key="x", items=ITEMS, location="WH", against="r/1"), RESERVE),
    (Release(key="r/*"), RELEASE),
    (RESERVE, RELEASE),
    (RESERVE, Release(key="r/*")),
    (CHARGE, CHARGE),
    (WHOLE, CHARGE),
    (PART, CHARGE),
    (CHARGE, WHOLE),
    (Credit(key="other", reverses="c", whole=True), PART),
    (USE, USE),
    (BACK, USE),
    (USE, BACK),
    (Consume(key="b2", reverses="u", whole=True, location="WH"), BACK),
    (Encounter(key="t1v_x", subject="t1p_x", state="closed"), VISIT),
    (Unmerge(key="x", kind="person", gone="t1p_a", into="t1p_b"), MERGE),
    (Product(key="2", code="A"), Product(key="1", code="A")),
    (Offer(key="2", code="A", vendor="V"), Offer(key="1", code="A", vendor="V")),
    (Price(key="2", code="A", price=ONE), Price(key="1", code="A", price=ONE)),
    (Stocking(key="2", code="A", location="L"), Stocking(key="1", code="A", location="L")),
    (Lot(key="2", code="A", lot="1"), Lot(key="1", code="A", lot="1")),
    (Procure(key="p", items=ITEMS, location="L"), Procure(key="p", items=ITEMS, location="L")),
]
FREE: list[tuple[Effect, Effect]] = [
    (Charge(key="d", encounter="t1v_x", item=ITEM), CHARGE),
    (Credit(key="k", reverses="d", whole=True), CHARGE),
    (Credit(key="k2", reverses="c", item=ITEM), PART),
    (Reserve(key="r/2", items=ITEMS, destination="WH/Ward"), RESERVE),
    (Release(key="r/1/*"), RESERVE),
    (USE, RESERVE),
    (RELEASE, Consume(key="x", items=ITEMS, location="WH", against="r/1")),
    (Consume(key="u2", items=ITEMS, location="WH"), USE),
    (VISIT, CHARGE),
    (CHARGE, VISIT),
    (Encounter(key="t1v_y", subject="t1p_x"), VISIT),
    (Merge(key="m2", kind="person", gone="t1p_c", into="t1p_b"), MERGE),
    (Price(key="2", code="A", price=ONE, price_list="L"), Price(key="1", code="A", price=ONE)),
    (Product(key="2", code="A", company="Two"), Product(key="1", code="A", company="One")),
    (Forward(key="2", message="MSH", control_id="2"), Forward(key="1", message="MSH", control_id="1")),
]


@pytest.mark.parametrize(("later", "earlier"), TAKEN)
def test_the_later_of_two_about_the_same_thing_counts(later: Effect, earlier: Effect) -> None:
    assert overtakes(later, earlier)


@pytest.mark.parametrize(("later", "earlier"), FREE)
def test_effects_about_different_things_leave_each_other_alone(later: Effect, earlier: Effect) -> None:
    assert not overtakes(later, earlier)


@pytest.mark.parametrize(
    ("later", "earlier"), [(CHARGE, WHOLE), (CHARGE, PART), (RESERVE, RELEASE), (USE, BACK)]
)
def test_what_came_before_what_it_takes_back_waits_for_that(later: Effect, earlier: Effect) -> None:
    assert not overtakes(later, earlier, waited=True)


def test_whoever_waited_is_still_overtaken_by_another_that_takes_all_back() -> None:
    assert overtakes(Credit(key="other", reverses="c", whole=True), PART, waited=True)
