"""Figures, each made of what is in a real store: nothing, too little, exactly so much."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from engine.accounts.words import Caller, Role
from engine.effects import Charge, Effect, Item, Reserve
from engine.model import (
    Arrival,
    Delivered,
    Lane,
    Reason,
    ReasonCode,
    Refused,
    Routed,
    Routing,
    Settlement,
)
from engine.operations.executive import DAY, SHOW, Executive, Figure, Period, figures
from engine.operations.operation import Desk, perform
from engine.settings import Settings
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
LACKS = Reason(ReasonCode.REFUSED, "what is in stock is reserved", "items")
VIEWER = Caller(name="vera", roles=frozenset({Role.VIEWER}))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield Desk(store=store, ring=RING, settings=Settings(), clock=lambda: NOW)
    store.close()


def reserve(number: int) -> Reserve:
    return Reserve(key=f"case:{number}", items=(Item("KNEE", Decimal(1)),), destination="WH/OR1")


def charge(number: int, day: date | None) -> Charge:
    return Charge(key=f"charge:{number}", encounter="v", item=Item("GLOVE", Decimal(1)), date=day)


def ended(desk: Desk, at: float, *pairs: tuple[Effect, Delivered | Refused]) -> None:
    """Messages of one effect each, carried out a minute after they came."""
    store = desk.store
    for effect, outcome in pairs:
        name = f"{at}{effect.key}".encode().ljust(32, b".")[-16:]
        taken = store.accept([Arrival("charges", name, name, name, at, type="DFT^P03")])[0]
        routing = Routing(taken.id, Routed((effect,), ""), destinations=("ledger:count",))
        store.route([routing], [], at)
        (one,) = store.claim("ledger:count", Lane.NORMAL, 1, now=at, lease_until=at + 60, holder="h")
        store.settle([Settlement(one.id, outcome)], now=at + 60, holder="h")


def made(desk: Desk, days: int = 7) -> dict[str, Figure]:
    found = figures(desk, NOW - days * DAY, NOW)
    return {one.name: one for one in found.figures}


def test_of_nothing_there_is_no_figure(desk: Desk) -> None:
    for figure in made(desk).values():
        assert (figure.value, figure.of, figure.further) == (None, 0, {})
        assert figure.means.endswith(".")
        assert figure.formula


def test_stock_out_risk_is_what_was_short_of_what_was_wanted(desk: Desk) -> None:
    short = Delivered({"stock.picking": "7", "purchase.order": "3"}, "short by 1: on order P00003")
    ended(
        desk, NOW - DAY,
        (reserve(1), Delivered({"stock.picking": "6"})), (reserve(2), short), (reserve(3), Refused(LACKS)),
        (reserve(4), Delivered({"stock.picking": "8"})), (charge(1, None), Delivered({"sale.order": "1"})),
    )  # fmt: skip
    ended(desk, NOW - 9 * DAY, (reserve(5), short))
    risk = made(desk)["stock-out-risk"]
    assert (risk.value, risk.of) == (0.5, 4)
    assert risk.further == {"nothing ordered either": 0.25}
    assert made(desk, 30)["stock-out-risk"].of == 5


def test_charge_lag_is_in_days_from_the_service(desk: Desk) -> None:
    today = datetime.fromtimestamp(NOW, UTC).date()
    done = Delivered({"sale.order": "1"})
    ended(
        desk, NOW - 3600,
        (charge(1, today), done), (charge(2, today - timedelta(days=1)), done),
        (charge(3, today - timedelta(days=5)), done), (charge(4, None), done),
        (charge(5, today - timedelta(days=9)), Refused(LACKS)),
    )  # fmt: skip
    lag = made(desk)["charge-lag"]
    assert (lag.value, lag.of, lag.further) == (1.0, 3, {"later than the next day": 1.0})


def test_exceptions_are_per_thousand_messages(desk: Desk) -> None:
    counted = {
        'wardline_messages_accepted{channel="a",kind="new"}': 180.0,
        'wardline_messages_accepted{channel="b",kind="new"}': 20.0,
        'wardline_messages_refused{channel="a",reason="not-hl7"}': 1.0,
        'wardline_messages_routed{channel="a",result="dead"}': 2.0,
        'wardline_messages_routed{channel="a",result="routed"}': 170.0,
        'wardline_settled{channel="a",outcome="refused",reason="conflict"}': 1.0,
        'wardline_settled{channel="a",outcome="delivered",reason=""}': 99.0,
    }
    desk.store.measure(counted, {}, at=NOW - DAY)
    rate = made(desk)["exception-rate"]
    assert (rate.value, rate.of) == (20.0, 200)
    volume = figures(desk, NOW - 7 * DAY, NOW).volume
    assert [(one.taken, one.stopped) for one in volume if one.taken] == [(200.0, 4.0)]
    assert [one.at % DAY for one in volume] == [0.0] * 8


def test_acknowledgements_have_their_percentiles(desk: Desk) -> None:
    name = "wardline_acknowledge_seconds_bucket"
    counted = {f'{name}{{channel="a",le="{le}"}}': times for le, times in (("0.01", 90.0), ("1.0", 10.0))}
    desk.store.measure(counted, {}, at=NOW - DAY)
    figure = made(desk)["acknowledgement"]
    assert figure.of == 100
    assert figure.value == pytest.approx(0.505)
    assert figure.further["median"] == pytest.approx(0.01 * 50 / 90)


def test_an_erp_that_cannot_be_asked_leaves_its_figure_empty_with_a_note(desk: Desk) -> None:
    short = Delivered({"purchase.order": "3"}, "short by 1")
    store = desk.store
    name = b"an-order-in-odoo"
    taken = store.accept([Arrival("charges", name, name, name, NOW - DAY)])[0]
    routing = Routing(taken.id, Routed((reserve(1),), ""), destinations=("odoo:away",))
    store.route([routing], [], NOW - DAY)
    (one,) = store.claim("odoo:away", Lane.NORMAL, 1, now=NOW, lease_until=NOW + 60, holder="h")
    store.settle([Settlement(one.id, short)], now=NOW, holder="h")
    cycle = made(desk)["procurement-cycle"]
    assert (cycle.value, cycle.of, cycle.note) == (None, 0, "odoo:away could not be asked from here")


def test_what_was_counted_a_moment_ago_is_not_counted_again(desk: Desk) -> None:
    def shown(days: int) -> Executive:
        return perform(desk, VIEWER, SHOW, Period(days=days))

    first = shown(7)
    ended(desk, NOW - DAY, (reserve(1), Delivered({"stock.picking": "6"})))
    assert shown(7) is first
    assert shown(30).figures != first.figures
