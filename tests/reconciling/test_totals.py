"""Control totals add up exactly, and both sides apart."""

from __future__ import annotations

from decimal import Decimal

from engine.effects import Charge, Consume, Credit, Effect, Item, Money
from engine.reconciling.billing import Billed
from engine.reconciling.expecting import Wanted
from engine.reconciling.standing import Line, Order
from engine.reconciling.stock import Moved
from engine.reconciling.totals import Totals

NOON = 1_700_000_000.0  # 2023-11-14


def wanted(effect: Effect) -> Wanted:
    return Wanted(effect, "dft", 1, 1_000_000, NOON, {})


def line(quantity: str, price: str, discount: str = "0", state: str = "draft") -> Line:
    order = Order(1, "order_x", "t", state, 5, "t", "EUR")
    numbers = Decimal(quantity), Decimal(price), Decimal(discount)
    return Line(1, "charge_k", order, 7, "BED", 1, "Units", *numbers, "Bed", {})


def charge(quantity: str, price: str | None) -> Charge:
    money = Money(Decimal(price)) if price else None
    return Charge(key="k", encounter="v", item=Item("BED", Decimal(quantity)), price=money)


def test_amounts_are_of_lines_whose_message_says_the_price_after_discounts() -> None:
    totals = Totals()
    totals.bills(
        [
            Billed(wanted(charge("0.1", "0.2")), line("0.1", "0.2"), None, Decimal("0.1"), "Units"),
            Billed(wanted(charge("0.2", "0.1")), line("0.2", "0.1", "50"), None, Decimal("0.2"), "Units"),
            Billed(wanted(charge("3", None)), line("3", "99"), None, Decimal(3), "Units"),
        ]
    )
    (one,) = totals.told()
    assert (one.day, one.effects, one.documents, one.currency) == ("2023-11-14", 3, 3, "EUR")
    assert (one.quantity_said, one.amount_said, one.amount_found) == (
        Decimal("3.3"),
        Decimal("0.04"),
        Decimal("0.03"),
    )
    assert not one.balances


def test_a_line_that_is_gone_or_cancelled_counts_on_one_side() -> None:
    totals = Totals()
    gone = Billed(wanted(charge("2", "5")), None, None, Decimal(2), "Units")
    cancelled = Billed(wanted(charge("2", "5")), line("2", "5", state="cancel"), None, Decimal(2), "Units")
    totals.bills([gone, cancelled])
    (one,) = totals.told()
    assert (one.effects, one.documents, one.quantity_said, one.quantity_found) == (2, 0, 4, 0)
    assert (one.amount_said, one.amount_found) == (20, 0)


def test_a_credit_counts_negative() -> None:
    totals = Totals()
    back = Credit(key="c", reverses="k", item=Item("BED", Decimal(2)), price=Money(Decimal(5)))
    totals.bills([Billed(wanted(back), line("-2", "5"), None, Decimal(-2), "Units")])
    (one,) = totals.told()
    assert (one.quantity_said, one.amount_said, one.amount_found, one.balances) == (-2, -10, -10, True)


def test_goods_count_by_item_and_what_comes_back_negative() -> None:
    totals = Totals()
    used = wanted(Consume(key="u", location="W"))
    back = wanted(Consume(key="b", location="W", reverses="u"))
    totals.moves(
        [
            Moved(used, (), {7: Decimal(3), 8: Decimal(1)}, {7: Decimal(3)}),
            Moved(back, (), {7: Decimal(1)}, {7: Decimal(1)}),
        ],
        {7: "GLOVE", 8: "GOWN"},
    )
    glove, gown = totals.told()
    assert (glove.item, glove.quantity_said, glove.quantity_found, glove.balances) == ("GLOVE", 2, 2, True)
    assert (gown.item, gown.effects, gown.documents, gown.balances) == ("GOWN", 1, 0, False)
