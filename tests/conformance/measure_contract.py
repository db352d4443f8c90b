"""What every store promises about the history of what was counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from conformance.schedule_contract import taken

from engine.model import Lane
from engine.store.base import Store
from engine.store.contracts.measures import Last
from engine.store.contracts.views import Query
from engine.telemetry import series

TAKEN: Final = series("wardline_messages_accepted", channel="x", kind="new")
OTHER: Final = series("wardline_messages_accepted_of_another", channel="x")
NAME: Final = "wardline_messages_accepted"
NOON: Final = 1_763_812_800.0  # a whole day, hour and minute begin within the next day
DAY: Final = 86400


class MeasureContract:
    def test_what_is_counted_adds_up_in_minutes_hours_and_days(self, store: Store) -> None:
        midnight = NOON // DAY * DAY
        for at, times in (
            (midnight + 5, 2.0),
            (midnight + 59, 3.0),
            (midnight + 60, 1.0),
            (midnight + 3600, 4.0),
        ):
            store.measure({TAKEN: times, OTHER: 100.0}, {}, at=at)
        whole = {"since": midnight, "until": midnight + DAY}
        minutes = [(one.at - midnight, one.value) for one in store.measures([NAME], span=60, **whole)]
        assert minutes == [(0, 5.0), (60, 1.0), (3600, 4.0)]
        assert [one.value for one in store.measures([NAME], span=3600, **whole)] == [6.0, 4.0]
        assert [one.value for one in store.measures([NAME], span=86400, **whole)] == [10.0]
        assert {one.series for one in store.measures([NAME], span=60, **whole)} == {TAKEN}

    def test_a_span_is_found_by_when_it_began(self, store: Store) -> None:
        store.measure({TAKEN: 1.0}, {}, at=600.0)
        assert len(store.measures([NAME], span=60, since=600, until=601)) == 1
        assert store.measures([NAME], span=60, since=540, until=600) == []
        assert store.measures([NAME], span=60, since=601, until=900) == []

    def test_last_values_are_the_last_ones(self, store: Store) -> None:
        waiting = series("wardline_backlog", channel="x", what="due")
        store.measure({}, {waiting: 3.0, "wardline_disk_free_ratio": 0.5}, at=100.0)
        store.measure({}, {waiting: 1.0}, at=110.0)
        assert store.last_values() == {
            waiting: Last(1.0, 110.0),
            "wardline_disk_free_ratio": Last(0.5, 100.0),
        }
        assert store.last_values(["wardline_backlog"]) == {waiting: Last(1.0, 110.0)}
        assert store.last_values(["wardline_back"]) == {}

    def test_who_counts_at_the_same_time_loses_nothing(self, store: Store) -> None:
        """Several processes write the same series; in any order, no count is lost and nobody fails."""
        names = [series("wardline_answers", channel=f"c{number}", code="AA") for number in range(20)]

        def write(backwards: bool) -> None:
            order = names[::-1] if backwards else names
            for _ in range(10):
                store.measure(dict.fromkeys(order, 1.0), {}, at=60.0)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, [False, True, False, True]))
        counted = store.measures(["wardline_answers"], span=60, since=0, until=120)
        assert [one.value for one in counted] == [40.0] * 20

    def test_old_ones_go_and_younger_ones_stay(self, store: Store) -> None:
        now = NOON
        for age in (0, 1.9 * DAY, 2.1 * DAY, 59 * DAY, 61 * DAY, 1000 * DAY, 1100 * DAY):
            store.measure({TAKEN: 1.0}, {}, at=now - age)
        store.measure({}, {"wardline_gone": 1.0}, at=now - 400 * DAY)
        store.measure({}, {"wardline_here": 1.0}, at=now - 300 * DAY)
        assert store.drop_measures(now) == 5 + 3 + 1 + 1
        kept = {
            span: len(store.measures([NAME], span=span, since=0, until=now + 1)) for span in (60, 3600, 86400)
        }
        assert kept == {60: 2, 3600: 4, 86400: 5}  # 1.9 and 2.1 days ago were one day
        assert list(store.last_values()) == ["wardline_here"]
        assert store.drop_measures(now) == 0

    def test_a_delivery_knows_when_its_message_came_and_what_it_is_called(self, store: Store) -> None:
        number = taken(store, 1)
        (claimed,) = store.claim("odoo", Lane.NORMAL, 10, now=300.0, lease_until=360.0, holder="me")
        (view,) = store.messages(Query(ids=(number,)))
        assert claimed.received_at == view.received_at == 100.0
        assert claimed.correlation == view.correlation
