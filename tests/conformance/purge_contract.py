"""What every store promises about forgetting in time."""

from __future__ import annotations

from typing import Final

import pytest
from msgspec.structs import replace
from resending import resent

from engine.model import Arrival, Dead, Filtered, MessageState, Reason, ReasonCode, Retention, Routing
from engine.store.base import MessageStore, Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.purging import Purged
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

DAY: Final = 86400.0
NAMES: Final = Fingerprints(KeyRing({"first": b"\x07" * 32}))
BROKEN: Final = Reason(ReasonCode.CONFLICT, "broken")
FOREVER: Final = 10**6


def purge(store: MessageStore, *, day: int, duplicates: int = FOREVER, dead: int = FOREVER) -> Purged:
    """A purge on a day (since 1970) of a store that keeps content for 30 days."""
    terms = Retention(content=30, dead=dead, quarantine=30, duplicates=duplicates)
    return store.purge(terms, {}, day * DAY)


def on(day: float, number: int, channel: str = "charges", **given: object) -> Arrival:
    raw = f"MSH|{number}".encode()
    name = NAMES.of(channel, b"A", b"B", str(number).encode())
    made = Arrival(channel, raw, name, NAMES.digest(raw), day * DAY + 100.0, answered="accepted")
    return replace(made, **given)  # type: ignore[arg-type]


def filtered(store: MessageStore, *ids: int, mentions: tuple[int, ...] = ()) -> None:
    store.route([Routing(number, Filtered("x"), mentions=mentions) for number in ids], [], 1.0)


def is_kept(store: MessageStore, number: int) -> bool:
    try:
        return bool(store.content(number))
    except KeyError:
        return False


class PurgeContract:
    def test_a_day_is_kept_whole_and_then_gone_with_its_key(self, store: Store) -> None:
        store.accept([on(0, 1), on(0.9, 2), on(1, 3)])
        filtered(store, 1, 2, 3)
        assert not purge(store, day=30)
        done = purge(store, day=31)
        assert (done.contents, done.renewed, done.keys) == (2, 0, ("1970-01-01/charges",))
        assert [is_kept(store, number) for number in (1, 2, 3)] == [False, False, True]
        assert store.cabinet.key("1970-01-01/charges") is None
        assert not purge(store, day=31)
        assert purge(store, day=32).keys == ("1970-01-02/charges",)

    def test_what_outlives_its_day_is_sealed_anew_before_the_key_goes(self, store: Store) -> None:
        store.accept([on(0, 1), on(0, 2), on(0, 3), on(0, 4, answered="rejected", reason=BROKEN)])
        store.route([Routing(2, Dead(BROKEN))], [], 1.0)
        filtered(store, 1)
        done = purge(store, day=40, dead=90)
        assert (done.contents, done.renewed, done.keys) == (2, 2, ("1970-01-01/charges",))
        assert [is_kept(store, number) for number in (1, 2, 3, 4)] == [False, True, True, False]
        assert [row.id for row in store.cabinet.keys("day")] == ["1970-02-10/charges"]
        assert [one.id for one in store.unrouted(["charges"], 0, 9)] == [3]
        done = purge(store, day=91, dead=90)
        assert done.contents == 1
        assert [is_kept(store, number) for number in (2, 3)] == [False, True]
        assert store.gaps() == []

    def test_each_class_has_its_own_days_and_each_channel_its_own_classes(self, store: Store) -> None:
        store.accept([on(0, number, channel) for channel in ("a", "b") for number in (1, 2)])
        store.accept([on(0, 3, "a", answered="error", reason=BROKEN)])
        store.route([Routing(number, Dead(BROKEN)) for number in (2, 4)], [], 1.0)
        filtered(store, 1, 3)
        default = Retention(content=30, dead=60, quarantine=5)
        own = {"a": Retention(content=2, dead=10, quarantine=100)}
        kept = []
        for day in (2, 3, 5, 6, 11, 31, 61, 101):
            store.purge(default, own, day * DAY)
            kept.append("".join(str(number) for number in range(1, 6) if is_kept(store, number)))
        assert kept == ["12345", "2345", "2345", "2345", "345", "45", "5", ""]

    def test_a_dry_run_tells_and_does_nothing(self, store: Store) -> None:
        store.accept([on(0, 1), on(0, 2), on(9, 3)])
        filtered(store, 1, 3)
        terms = Retention(content=30, duplicates=30)
        told = store.purge(terms, {}, 31 * DAY, dry_run=True)
        assert told == Purged(contents=1, renewed=1, forgotten=1, keys=("1970-01-01/charges",))
        assert [is_kept(store, number) for number in (1, 2, 3)] == [True] * 3
        assert store.purge(terms, {}, 31 * DAY) == told

    def test_whom_a_message_named_goes_with_its_content(self, store: Store) -> None:
        store.accept([on(0, 1), on(5, 2)])
        filtered(store, 1, 2, mentions=(7, -8))
        assert [view.id for view in store.mentioned([7], Query())] == [1, 2]
        purge(store, day=31)
        assert [view.id for view in store.mentioned([7, -8], Query())] == [2]

    def test_a_dead_letter_whose_content_is_gone_says_so_when_it_is_redelivered(self, store: Store) -> None:
        store.accept([on(0, 1)])
        store.route([Routing(1, Dead(BROKEN))], [], 1.0)
        assert purge(store, day=91, dead=90).contents == 1
        assert resent(store, 1, now=2.0) == [1]
        assert store.unrouted(["charges"], 0, 9) == []
        (view,) = store.messages(Query())
        assert view.state is MessageState.DEAD
        assert view.reason is not None
        assert "retention" in view.reason.text

    def test_many_rows_go_in_small_transactions(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("engine.store.pacing.LARGEST", 7)
        store.accept([on(0, number) for number in range(60)])
        filtered(store, *range(1, 41))
        done = purge(store, day=31)
        assert (done.contents, done.renewed) == (40, 20)
        assert [one.id for one in store.unrouted(["charges"], 0, 99)] == list(range(41, 61))

    def test_a_reader_that_has_the_old_row_in_hand_reads_the_new_one(self, store: Store) -> None:
        """Between reading a row and asking for its key, the row was sealed anew and the key destroyed."""
        store.accept([on(0, 1)])
        key = store.cabinet.key
        seen = list[str]()

        def late(key_id: str) -> bytes | None:
            seen.append(key_id)
            if len(seen) == 1:
                purge(store, day=31)
            return key(key_id)

        store._contents._boxes.clear()  # type: ignore[attr-defined]
        store.cabinet.key = late  # type: ignore[method-assign]
        assert store.content(1) == on(0, 1).raw
        assert seen[0] == "1970-01-01/charges"
