"""What every message store promises about courses; part of `StoreContract`."""

from __future__ import annotations

import threading

import pytest
from conformance.mention_contract import arrive
from conformance.purge_contract import purge

from engine.model import CourseRow, Filtered, MessageState, Routed, Routing
from engine.store.base import CoursesMoved, MessageStore
from engine.store.contracts.views import Query
from engine.tokens import Lookup, NewToken, TokenMerge

BODY = b'{"events":[],"now":{}}'


def course(key: str, version: int = 0, body: bytes = BODY, *, stands: bool = True) -> CourseRow:
    return CourseRow("adt", key, version, body, stands)


class CourseContract:
    def test_a_course_is_kept_by_space_and_key_and_counts_its_writes(self, store: MessageStore) -> None:
        store.route([], [], 1.0, [course("t1v_1"), CourseRow("siu", "t1v_1", 0, b"{1}", stands=False)])
        assert store.courses("adt", ["t1v_1", "t1v_2"]) == [course("t1v_1", 1)]
        store.route([], [], 2.0, [course("t1v_1", 1, b"{2}")])
        assert store.courses("adt", ["t1v_1"]) == [course("t1v_1", 2, b"{2}")]
        assert store.courses("siu", ["t1v_1"]) == [CourseRow("siu", "t1v_1", 1, b"{1}", stands=False)]
        assert store.courses("adt", []) == []

    @pytest.mark.parametrize("stale", [0, 1, 3])
    def test_one_that_was_written_meanwhile_is_told_and_nothing_stored(
        self, store: MessageStore, stale: int
    ) -> None:
        store.route([], [], 1.0, [course("t1v_1")])
        store.route([], [], 1.0, [course("t1v_1", 1)])
        with pytest.raises(CoursesMoved):
            store.route(
                [Routing(1, Filtered("x"))], [_token(1)], 2.0, [course("t1v_0"), course("t1v_1", stale)]
            )
        assert store.courses("adt", ["t1v_0", "t1v_1"]) == [course("t1v_1", 2)]
        assert store.tokens([(1).to_bytes(16, "big")]) == {}

    def test_an_empty_body_forgets_it(self, store: MessageStore) -> None:
        store.route([], [], 1.0, [course("t1v_1")])
        store.route([], [], 1.0, [course("t1v_1", 1, b"")])
        assert store.courses("adt", ["t1v_1"]) == []
        with pytest.raises(CoursesMoved):
            store.route([], [], 1.0, [course("t1v_1", 1, b"")])

    def test_what_is_kept_under_a_merged_number_is_found_under_its_survivor(
        self, store: MessageStore
    ) -> None:
        merge = Routed((), "", (TokenMerge("t1v_1", "t1v_2"),))
        minted = [_token(1), _token(2)]
        (number,) = arrive(store, 1)
        store.route([Routing(number, merge)], minted, 1.0, [course("t1v_1"), course("t1v_2")])
        found = store.courses("adt", ["t1v_2"])
        assert {row.key for row in found} == {"t1v_1", "t1v_2"}
        assert [row.key for row in store.courses("adt", ["t1v_1"])] == ["t1v_1"]

    def test_two_routers_write_one_course_one_after_the_other(self, store: MessageStore) -> None:
        """Each reads, adds one and writes, again when it was overtaken: none is lost."""
        barrier = threading.Barrier(4)

        def router() -> None:
            barrier.wait()
            for _ in range(10):
                while True:
                    rows = store.courses("adt", ["t1v_1"]) or [course("t1v_1", body=b"0")]
                    body = str(int(rows[0].body) + 1).encode()
                    try:
                        store.route([], [], 1.0, [course("t1v_1", rows[0].version, body)])
                    except CoursesMoved:
                        continue
                    break

        threads = [threading.Thread(target=router) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (row,) = store.courses("adt", ["t1v_1"])
        assert (row.body, row.version) == (b"40", 40)

    def test_purge_forgets_courses_of_which_nothing_stands(self, store: MessageStore) -> None:
        store.route([], [], 10.0, [course("t1v_1"), course("t1v_2", stands=False)])
        store.route([], [], 86420.0, [course("t1v_3", stands=False)])
        assert purge(store, day=30, duplicates=30).forgotten == 0
        assert purge(store, day=31, duplicates=30).forgotten == 1
        kept = store.courses("adt", ["t1v_1", "t1v_2", "t1v_3"])
        assert {row.key for row in kept} == {"t1v_1", "t1v_3"}

    def test_courses_do_not_disturb_the_books(self, store: MessageStore) -> None:
        store.route([], [], 1.0, [course("t1v_1")])
        assert store.gaps() == []
        assert store.messages(Query(state=MessageState.FILTERED)) == []


def _token(number: int) -> NewToken:
    lookups = (Lookup(number.to_bytes(16, "big"), "first"),)
    return NewToken(token=f"t1v_{number}", domain="v", lookups=lookups, key_id="seal", sealed=b"sealed")
