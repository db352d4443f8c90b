"""The history as it is written by an engine and read by those who look, over a real store."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from conformance.store_contract import RING
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Unavailable
from engine.measuring import reading
from engine.measuring.growth import Counts, Growth
from engine.measuring.keeping import MeasuringLoop, Present
from engine.store.base import Store
from engine.store.sql import open_store
from engine.telemetry import series

TAKEN = series("wardline_messages_accepted", channel="x", kind="new")
AGAIN = series("wardline_messages_accepted", channel="x", kind="duplicate")
OTHER = series("wardline_messages_accepted", channel="y", kind="new")
START = 1_763_812_800.0


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('history')}/wardline.db", RING)
    yield store
    store.close()


@pytest.fixture
def store(opened: Store) -> Store:
    opened.drop_measures(1e11)
    return opened


def test_lines_have_a_value_for_each_step(store: Store) -> None:
    store.measure({TAKEN: 1.0, AGAIN: 2.0, OTHER: 5.0}, {}, at=START + 1)
    store.measure({TAKEN: 4.0}, {}, at=START + 130)
    found = reading.lines(store, "wardline_messages_accepted", since=START + 30, until=START + 200)
    assert found == {
        "x": reading.Line(int(START), 60, (3.0, 0.0, 4.0, 0.0)),
        "y": reading.Line(int(START), 60, (5.0, 0.0, 0.0, 0.0)),
    }
    only = reading.lines(
        store,
        "wardline_messages_accepted",
        since=START,
        until=START + 180,
        step=180,
        by="",
        where={"kind": "new"},
    )
    assert only == {"": reading.Line(int(START), 180, (10.0,))}
    hours = reading.lines(store, "wardline_messages_accepted", since=START, until=START + 7200, step=3600)
    assert hours["x"].values == (7.0, 0.0)


def test_totals_are_the_same_however_coarsely_they_are_looked_for(store: Store) -> None:
    for hour in range(30):
        store.measure({TAKEN: 1.0, AGAIN: 10.0}, {}, at=START + 3600 * hour)
    until = START + 30 * 3600
    for since, times in ((until - 3600, 1.0), (until - 20 * 3600, 20.0), (START, 30.0)):
        found = reading.totals(store, "wardline_messages_accepted", since=since, until=until, by="kind")
        assert found == {"new": times, "duplicate": 10 * times}
    assert reading.totals(store, "wardline_messages_accepted", since=until, until=until + 60) == {}


def test_a_latency_is_read_out_of_its_buckets(store: Store) -> None:
    counted = {
        series("wardline_acknowledge_seconds_bucket", channel="x", le=le): times
        for le, times in (("0.001", 50.0), ("0.002", 40.0), ("0.005", 10.0))
    }
    store.measure({**counted, series("wardline_acknowledge_seconds_sum", channel="x"): 0.1}, {}, at=START)
    found = reading.buckets(store, "wardline_acknowledge_seconds", since=START, until=START + 60)
    assert found == {"x": {0.001: 50.0, 0.002: 40.0, 0.005: 10.0}}
    assert reading.quantile(found["x"], 0.5) == pytest.approx(0.001)
    assert reading.quantile(found["x"], 0.7) == pytest.approx(0.0015)
    assert reading.quantile(found["x"], 0.95) == pytest.approx(0.0035)
    assert reading.quantile({}, 0.5) is None
    assert reading.quantile({1.0: 0.0, math.inf: 3.0}, 0.5) == 1.0


def test_a_share_within_a_limit_is_the_other_way_round() -> None:
    counted = {1.0: 50.0, 2.0: 40.0, 5.0: 10.0, math.inf: 100.0}
    assert [reading.share_within(counted, limit) for limit in (1.0, 1.5, 5.0, 60.0)] == [0.25, 0.35, 0.5, 0.5]
    assert reading.share_within({}, 1.0) is None


@given(
    st.dictionaries(st.floats(0.001, 100), st.integers(0, 50), min_size=1),
    st.lists(st.floats(0, 1), min_size=2, max_size=2),
)
def test_a_greater_share_lies_below_a_greater_value(counted: dict[float, int], shares: list[float]) -> None:
    low, high = (reading.quantile(counted, share) for share in sorted(shares))
    assert (low is None) == (high is None) == (not any(counted.values()))
    if low is not None and high is not None:
        assert 0 <= low <= high <= max(counted)


class Engine:
    """One that counts what it is told to, and stands as it is told to."""

    def __init__(self, store: Store) -> None:
        self.counted: Counts = {}
        self.now = self.steady = START
        self.present = [Present("north/0", "1.2", START - 5, {"store": "ready", "routing": "degraded"})]
        self.loop = MeasuringLoop(
            store,
            Growth(lambda: dict(self.counted)),
            lambda: self.present,
            lambda: self.now,
            lambda: self.steady,
        )

    def count(self, **counted: float) -> None:
        for channel, times in counted.items():
            name = series("wardline_messages_accepted", channel=channel, kind="new")
            self.counted[name] = self.counted.get(name, 0.0) + times


def test_an_engine_tells_what_it_counted_who_it_is_and_how_it_stands(store: Store) -> None:
    engine = Engine(store)
    engine.count(x=3)
    engine.counted["wardline_callers_refused"] = 4.0  # no history is kept of it
    engine.loop.turn()
    engine.now += 20
    engine.count(y=1)
    engine.loop.turn()
    assert reading.totals(store, "wardline_messages_accepted", since=START, until=START + 60) == {
        "x": 3.0,
        "y": 1.0,
    }
    assert store.measures(["wardline_callers_refused"], span=60, since=0, until=2 * START) == []
    assert reading.last_seen(store) == {"x": START, "y": START + 20}
    (there,) = reading.processes(store, engine.now)
    assert there == ("north/0", "1.2", START - 5, START + 20, {"store": "ready", "routing": "degraded"})
    assert reading.engine_up(store, engine.now + 60)
    assert not reading.engine_up(store, engine.now + 61)


def test_an_engine_that_was_updated_is_there_once(store: Store) -> None:
    engine = Engine(store)
    engine.loop.turn()
    engine.present = [Present("north/0", "1.3", START + 5, {"store": "ready"})]
    engine.now += 10
    engine.loop.turn()
    assert [one.version for one in reading.processes(store, engine.now)] == ["1.3"]


def test_what_a_store_did_not_take_is_written_when_it_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine(store)
    engine.count(x=3)
    with monkeypatch.context() as away:
        away.setattr(type(store), "measure", lambda *_, **__: (_ for _ in ()).throw(Unavailable("away")))
        with pytest.raises(Unavailable):
            engine.loop.turn()
    assert not engine.loop.writes
    engine.count(x=2)
    engine.now += 10
    engine.loop.turn()
    assert engine.loop.writes
    assert reading.totals(store, "wardline_messages_accepted", since=START, until=START + 60) == {"x": 5.0}


def test_last_values_are_told_while_they_are_renewed(store: Store) -> None:
    store.measure({}, {series("wardline_backlog", channel="x", what="due"): 3.0}, at=START)
    store.measure({}, {series("wardline_backlog", channel="x", what="dead"): 2.0}, at=START - 100)
    assert reading.current(store, "wardline_backlog", now=START) == {"x": 3.0}
    assert reading.current(store, "wardline_backlog", now=START, where={"what": "dead"}) == {}


def test_a_clock_that_is_set_is_told_for_an_hour(store: Store) -> None:
    engine = Engine(store)
    for went, was in ((10, 10), (10, 13), (10, 10)):
        engine.steady += went
        engine.now += was
        engine.loop.turn()
        assert engine.loop.clock_set == 0  # as a clock goes that is kept right
    engine.steady += 10
    engine.now += 10 - 7200
    engine.loop.turn()
    assert engine.loop.clock_set == -7200
    assert (
        store.last_values(["wardline_clock_offset_seconds"])["wardline_clock_offset_seconds"].value == -7200
    )
    engine.steady += 3601
    engine.now += 3601
    engine.loop.turn()
    assert engine.loop.clock_set == 0
