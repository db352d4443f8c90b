"""What every store promises about resources; part of `StoreContract`."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from conformance.purge_contract import purge
from resending import resent

from engine.fhir.stored import Stored, pack
from engine.model import (
    Arrival,
    Dead,
    Delivered,
    Filtered,
    MessageState,
    Refused,
    Routed,
    Routing,
    TryAgain,
)
from engine.resources import Expect, Find, Moved, ResourceKey, Span, Unit, Version, Write, Written
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.fixing import Letters
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing

NAMES = Fingerprints(KeyRing({"first": b"\x07" * 32}))
DAY = 86400.0


def term(word: str) -> bytes:
    """The digest that a resource is found by."""
    return hashlib.sha256(word.encode()).digest()[:16]


def key(id_: str, type_: str = "SupplyRequest", release: str = "R4") -> ResourceKey:
    return ResourceKey(release, type_, id_)


def body(id_: str, version: int, text: str = "") -> bytes:
    return b'{"id":"%b","note":"%d%b"}' % (id_.encode(), version, text.encode())


def write(
    id_: str,
    version: int = 1,
    words: str = "",
    *,
    spans: Sequence[Span] = (),
    deleted: bool = False,
    type_: str = "SupplyRequest",
    release: str = "R4",
    at: float = 100.0,
    text: str = "",
    step: str = "",
) -> Write:
    """A version of a resource that is found by these words."""
    raw = pack(Stored(release, type_, id_, version, deleted, body(id_, version, text)))  # type: ignore[arg-type]
    name = NAMES.of("supplies", release.encode(), type_.encode(), f"{id_}/{version}".encode())
    arrival = Arrival("supplies", raw, name, NAMES.digest(raw), at, type=type_, step=step)
    found_by = tuple(term(word) for word in words.split())
    hashed = hashlib.sha256(raw).digest()
    return Write(
        arrival, key(id_, type_, release), version, found_by, tuple(spans), deleted, "lab", "q1", hashed
    )


def unit(*writes: Write, expects: Sequence[Expect] = (), id_: str = "") -> Unit:
    return Unit(id_, writes, tuple(expects))


def one(store: Store, *writes: Write, expects: Sequence[Expect] = (), id_: str = "") -> Written | Moved:
    (result,) = store.write([unit(*writes, expects=expects, id_=id_)])
    return result


def wanted(*groups: str, type_: str = "SupplyRequest", **more: object) -> Find:
    """Current versions with one word of each group."""
    terms = tuple(tuple(term(word) for word in group.split()) for group in groups)
    return Find("R4", type_, terms, **more)  # type: ignore[arg-type]


def names(versions: Sequence[Version]) -> list[str]:
    return [version.key.id for version in versions]


class WritingContract:
    def test_a_resource_is_safe_and_waits_for_routing_like_any_message(self, store: Store) -> None:
        assert one(store, write("a"), write("b", step="context"), id_="t1") == Written((1, 2), 100.0)
        (message,) = store.unrouted(["supplies"], 0, 10)
        assert (message.id, message.raw) == (1, write("a").arrival.raw)
        views = store.messages(Query())
        assert [(view.id, view.state, view.answered, view.step) for view in views] == [
            (1, MessageState.RECEIVED, "accepted", ""),
            (2, MessageState.FILTERED, "accepted", "context"),
        ]
        (version,) = store.resources([key("a"), key("c")]).values()
        sent = write("a")
        assert version == Version(
            key("a"), 1, 100.0, False, 1, 1, "t1", "lab", "q1", sent.body_hash, body("a", 1)
        )
        assert store.gaps() == []

    def test_nothing_to_write(self, store: Store) -> None:
        assert store.write([]) == []
        assert one(store) == Written((), 0.0)
        assert store.resources([]) == {}

    def test_ids_go_on_between_messages_and_resources(self, store: Store) -> None:
        from conformance.store_contract import accept

        assert accept(store, 1, 2) == [1, 2]
        assert one(store, write("a")) == Written((3,), 100.0)
        assert accept(store, 3) == [4]
        assert store.gaps() == []

    def test_a_version_goes_on_from_the_one_before(self, store: Store) -> None:
        one(store, write("a"))
        assert one(store, write("a", 2, at=101.0)) == Written((2,), 101.0)
        for stale in (1, 2, 4):
            assert one(store, write("a", stale)) == Moved()
        assert one(store, write("b", 2)) == Moved()
        (current,) = store.resources([key("a")]).values()
        assert (current.version, current.message_id, current.created, current.at) == (2, 2, 1, 101.0)
        assert len(store.messages(Query())) == 2

    def test_the_same_id_of_another_type_or_release_is_another_resource(self, store: Store) -> None:
        writes = [write("a"), write("a", type_="Location"), write("a", release="R5")]
        assert one(store, *writes) == Written((1, 2, 3), 100.0)
        found = store.resources([each.key for each in writes])
        assert [found[each.key].message_id for each in writes] == [1, 2, 3]
        assert names(store.find(Find("R5", "SupplyRequest")).versions) == ["a"]

    def test_a_unit_is_written_whole_or_not_at_all(self, store: Store) -> None:
        one(store, write("a"))
        results = store.write(
            [unit(write("b")), unit(write("c"), write("a", 3)), unit(write("d"), write("a", 2))]
        )
        assert results == [Written((2,), 100.0), Moved(), Written((3, 4), 100.0)]
        assert names(store.find(wanted()).versions) == ["a", "b", "d"]
        assert store.gaps() == []
        assert store.verify_versions() == []

    def test_a_later_unit_sees_what_earlier_ones_wrote(self, store: Store) -> None:
        units = [
            unit(write("a")),
            unit(write("a", 2)),
            unit(write("a", 2)),
            unit(write("a", 3, deleted=True)),
        ]
        assert [isinstance(result, Written) for result in store.write(units)] == [True, True, False, True]
        found = store.history("R4", "SupplyRequest", "a", before=0, since=0.0, limit=10)
        assert [(version.version, version.deleted) for version in found.versions] == [
            (3, True),
            (2, False),
            (1, False),
        ]

    def test_one_unit_may_write_two_versions(self, store: Store) -> None:
        assert one(store, write("a", 1, "x"), write("a", 2, "y")) == Written((1, 2), 100.0)
        assert store.find(wanted("x")).total == 0
        assert store.find(wanted("y")).total == 1
        assert store.verify_versions() == []

    def test_many_at_once(self, store: Store) -> None:
        units = [unit(*(write(f"{n}/{m}", 1, f"all n{n}") for m in range(7))) for n in range(100)]
        results = store.write(units)
        assert [number for one in results if isinstance(one, Written) for number in one.ids] == list(
            range(1, 701)
        )
        assert store.find(wanted("all", limit=3)).total == 700
        assert store.find(wanted("all", "n42")).total == 7
        assert len(store.resources([key(f"{n}/{m}") for n in range(100) for m in range(7)])) == 700

    def test_a_deleted_one_is_read_as_that_and_not_found(self, store: Store) -> None:
        one(store, write("a", 1, "x", spans=[Span("date", 0, 1)]))
        one(store, write("a", 2, "x", spans=[Span("date", 0, 1)], deleted=True, at=102.0))
        (current,) = store.resources([key("a")]).values()
        assert (current.deleted, current.version, current.body) == (True, 2, body("a", 2))
        assert store.find(wanted("x")).versions == ()
        assert store.find(wanted()).total == 0
        assert store.find(wanted(spans=((Span("date", 0, 1),),))).total == 0
        assert one(store, write("a", 3, "x")) == Written((3,), 100.0)
        assert names(store.find(wanted("x")).versions) == ["a"]

    def test_what_a_unit_wrote_is_known_by_its_id(self, store: Store) -> None:
        one(store, write("a"))
        one(store, write("b"), write("c"), id_="t1")
        one(store, write("b", 2), id_="t2")
        assert [(version.key.id, version.version) for version in store.unit("t1")] == [("b", 1), ("c", 1)]
        assert store.unit("t1")[0].body is None
        assert store.unit("t3") == store.unit("") == []


class ExpectingContract:
    def test_an_expectation_is_asked_in_the_same_moment(self, store: Store) -> None:
        nobody = Expect(wanted("A1"))
        assert one(store, write("a", 1, "A1"), expects=[nobody]) == Written((1,), 100.0)
        assert one(store, write("b", 1, "A1"), expects=[nobody]) == Moved()
        assert one(store, write("b", 1, "A1"), expects=[Expect(wanted("A1"), ("a",))]) == Written((2,), 100.0)
        both = Expect(wanted("A1"), ("b", "a"))
        assert one(store, write("c"), expects=[both, Expect(wanted("A1"), ("a",))]) == Moved()
        assert one(store, write("c"), expects=[both, Expect(wanted("A2"))]) == Written((3,), 100.0)
        assert one(store, expects=[both]) == Written((), 0.0)

    def test_of_units_in_one_commit_too(self, store: Store) -> None:
        one(store, write("old", 1, "A1 x"))
        nobody, old = Expect(wanted("A2")), Expect(wanted("A1"), ("old",))
        results = store.write(
            [
                unit(write("a", 1, "A2"), expects=[nobody, old]),
                unit(write("b", 1, "A2"), expects=[nobody]),
                unit(write("old", 2, "A3"), expects=[old]),
                unit(write("c", 1, "A1"), expects=[Expect(wanted("A1"))]),
                unit(write("a", 2, "A2", deleted=True)),
                unit(write("d", 1, "A2"), expects=[nobody]),
                unit(write("e", 1), expects=[Expect(wanted("A3"), ("old",)), Expect(wanted("A2"), ("d",))]),
            ]
        )
        assert [isinstance(result, Written) for result in results] == [
            True,
            False,
            True,
            True,
            True,
            True,
            True,
        ]
        assert store.verify_versions() == []

    def test_its_own_writes_do_not_count(self, store: Store) -> None:
        assert isinstance(one(store, write("a", 1, "A1"), expects=[Expect(wanted("A1"))]), Written)

    def test_what_the_batch_takes_out_does_not_hide_what_is_left(self, store: Store) -> None:
        one(store, *(write(f"r{number}", 1, "A1") for number in range(6)))
        changes = [unit(write(f"r{number}", 2, "B1")) for number in range(5)]
        results = store.write([*changes, unit(write("n"), expects=[Expect(wanted("A1"), ("r5",))])])
        assert all(isinstance(result, Written) for result in results)
        results = store.write([unit(write("m"), expects=[Expect(wanted("A1"))])])
        assert results == [Moved()]

    def test_several_groups_ids_times_and_other_types(self, store: Store) -> None:
        july = Span("date", 5 * DAY, 6 * DAY)
        one(store, write("a", 1, "x y", spans=[july], at=50.0), write("b", 1, "x", type_="Location", at=50.0))
        holds = [
            Expect(wanted("x", "y z"), ("a",)),
            Expect(wanted("x", "z")),
            Expect(wanted("x", type_="Location"), ("b",)),
            Expect(wanted("x", ids=("b", "c"))),
            Expect(wanted(spans=((Span("date", 0, 5 * DAY),),)), ("a",)),
            Expect(wanted("x", since=51.0)),
            Expect(Find("R4", "SupplyRequest", ((),))),
        ]
        assert isinstance(one(store, write("c", 1, "w"), expects=holds), Written)
        for expect in holds:
            wrong = Expect(expect.find, ("a",) if not expect.ids else ())
            assert one(store, write("d"), expects=[wrong]) == Moved()
        again = [unit(write("e", 1, "w", at=60.0)), unit(expects=[*holds, Expect(wanted("w"), ("c", "e"))])]
        assert [isinstance(result, Written) for result in store.write(again)] == [True, True]

    def test_f04_many_at_once_with_one_condition(self, store: Store) -> None:
        """As twenty parallel conditional creates: one is written, the others are told to look again."""
        begin = threading.Barrier(10)

        def create(number: int) -> Written | Moved:
            begin.wait()
            return one(store, write(f"r{number}", 1, "A1"), expects=[Expect(wanted("A1"))])

        with ThreadPoolExecutor(10) as pool:
            results = list(pool.map(create, range(10)))
        assert sum(isinstance(result, Written) for result in results) == 1
        assert store.find(wanted("A1")).total == 1
        assert store.gaps() == []

    def test_f12_two_at_once_from_one_version(self, store: Store) -> None:
        one(store, write("a"))
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(lambda text: one(store, write("a", 2, text=text)), ("first", "second")))
        assert sorted(type(result).__name__ for result in results) == ["Moved", "Written"]


class ReadingContract:
    def test_versions_are_read_one_by_one(self, store: Store) -> None:
        one(store, write("a", text="old"))
        one(store, write("a", 2, text="new"))
        old, new = store.version(key("a"), 1), store.version(key("a"), 2)
        assert old
        assert new
        assert (old.body, new.body) == (body("a", 1, "old"), body("a", 2, "new"))
        assert store.version(key("a"), 3) is None
        assert store.version(key("b"), 1) is None
        assert store.version(key("a", "Location"), 1) is None

    def test_history_is_newest_first_and_pages(self, store: Store) -> None:
        for number, id_ in enumerate("abab"):
            one(store, write(id_, 1 + number // 2, at=100.0 + number))
        one(store, write("c", type_="Location"))
        found = store.history("R4", "SupplyRequest", "", before=0, since=0.0, limit=3)
        assert ([version.message_id for version in found.versions], found.total) == ([4, 3, 2], 4)
        found = store.history("R4", "SupplyRequest", "", before=2, since=0.0, limit=3)
        assert ([version.message_id for version in found.versions], found.total) == ([1], 4)
        found = store.history("R4", "SupplyRequest", "", before=0, since=102.0, limit=1)
        assert ([version.message_id for version in found.versions], found.total) == ([4], 2)
        found = store.history("R4", "SupplyRequest", "a", before=0, since=0.0, limit=9)
        assert [(version.version, version.body) for version in found.versions] == [
            (2, body("a", 2)),
            (1, body("a", 1)),
        ]
        assert store.history("R4", "SupplyRequest", "a", before=3, since=101.0, limit=9).versions == ()
        assert store.history("R4", "SupplyRequest", "x", before=0, since=0.0, limit=9).total == 0
        assert store.history("R4", "SupplyRequest", "", before=0, since=0.0, limit=0).total == 4

    def test_a_page_goes_on_after_the_one_before(self, store: Store) -> None:
        for number in range(7):
            one(store, write(f"r{number}", 1, "x" if number % 2 else "x y"))
        one(store, write("r1", 2, "x"))
        first = store.find(wanted("x", limit=3))
        assert (names(first.versions), first.total) == (["r0", "r1", "r2"], 7)
        assert first.versions[1].version == 2
        second = store.find(wanted("x", limit=3, after=first.versions[-1].created))
        assert (names(second.versions), second.total) == (["r3", "r4", "r5"], 7)
        assert names(store.find(wanted("x", "y", after=3)).versions) == ["r4", "r6"]
        assert names(store.find(wanted("x y", limit=2, after=1)).versions) == ["r1", "r2"]
        assert names(store.find(wanted(limit=2, after=5)).versions) == ["r5", "r6"]
        assert store.find(wanted("x", limit=0)) == type(first)((), 7)

    def test_what_changed_is_found_by_what_it_is_now(self, store: Store) -> None:
        date = Span("date", 10 * DAY, 11 * DAY)
        one(store, write("a", 1, "active A1", spans=[date]))
        one(store, write("a", 2, "completed A1", spans=[Span("date", 20 * DAY, 21 * DAY)]))
        assert store.find(wanted("active")).total == 0
        assert names(store.find(wanted("completed", "A1")).versions) == ["a"]
        assert store.find(wanted(spans=((date,),))).total == 0

    def test_ids_and_times(self, store: Store) -> None:
        for number in range(4):
            one(store, write(f"r{number}", 1, "x", at=100.0 + number))
        assert names(store.find(wanted(ids=("r3", "r1", "r9"))).versions) == ["r1", "r3"]
        assert names(store.find(wanted("x", ids=("r3",))).versions) == ["r3"]
        assert names(store.find(wanted(since=101.0, until=103.0)).versions) == ["r1", "r2"]
        assert names(store.find(wanted("x", since=102.0)).versions) == ["r2", "r3"]
        assert store.find(wanted("x", "z")).versions == ()
        assert store.find(Find("R4", "SupplyRequest", terms=((),))).total == 0

    @pytest.mark.parametrize(
        ("low", "high", "found"),
        [
            (10, 11, "day long"),
            (11, 12, "day long"),
            (11.5, 12, "long"),
            (-math.inf, 1, "always"),
            (-math.inf, 3, "always long"),
            (90, math.inf, "open always"),
            (70, 80, "always"),
            (-math.inf, math.inf, "day long open always"),
        ],
    )
    def test_spans_that_overlap(self, store: Store, low: float, high: float, found: str) -> None:
        days = {"day": (10, 11), "long": (2, 60), "open": (85, math.inf), "always": (-math.inf, math.inf)}
        for id_, (first, last) in days.items():
            one(store, write(id_, 1, "x", spans=[Span("date", first * DAY, last * DAY)]))
        one(store, write("other", 1, "x", spans=[Span("authored", 0, 99 * DAY)]))
        one(store, write("place", 1, "x", type_="Location", spans=[Span("date", 0, 99 * DAY)]))
        asked = ((Span("date", low * DAY, high * DAY),),)
        expected = {*found.split(), "always"}
        assert set(names(store.find(wanted(spans=asked)).versions)) == expected
        assert set(names(store.find(wanted("x", spans=asked)).versions)) == expected
        either = ((asked[0][0], Span("authored", 5 * DAY, 5 * DAY)),)
        assert set(names(store.find(wanted(spans=either)).versions)) == {*expected, "other"}
        assert set(names(store.find(wanted(spans=(*asked, *either))).versions)) == expected


class KeepingContract:
    def test_purge_leaves_what_a_client_reads(self, store: Store) -> None:
        one(store, write("a"), write("b"), write("c"), write("d"))
        one(store, write("a", 2))
        one(store, write("b", 2, deleted=True))
        for message_id in (1, 2, 3, 5, 6):
            store.route([Routing(message_id, Filtered("context"))], [], 1.0)
        assert not purge(store, day=30)
        assert purge(store, day=31).contents == 3
        found = store.resources([key(id_) for id_ in "abcd"])
        assert {id_: found[key(id_)].body is not None for id_ in "abcd"} == {
            "a": True,
            "b": False,
            "c": True,
            "d": True,
        }
        old = store.version(key("a"), 1)
        assert old
        assert old.body is None
        assert not purge(store, day=31)
        assert store.gaps() == []
        assert store.verify_versions() == []

    def test_its_deliveries_go_their_way(self, store: Store) -> None:
        from conformance.store_contract import charge, claim, settle

        one(store, write("a"))
        store.route([Routing(1, Routed((charge(1),), "a"), destinations=("odoo",))], [], 1.0)
        settle(store, claim(store), Delivered())
        (view,) = store.messages(Query())
        assert view.state is MessageState.DELIVERED
        assert store.gaps() == []

    def test_versions_are_delivered_in_order_whatever_they_are_ordered_by(self, store: Store) -> None:
        """A correction may change what the sequence key is made of: whose charge it is."""
        from conformance.store_contract import DOWN, charge, claim, settle

        one(store, write("a"), write("b"))
        one(store, write("a", 2))
        for number, whose in enumerate(("p", "q", "r"), 1):
            routed = Routed((charge(number),), whose)
            store.route([Routing(number, routed, destinations=("odoo", "ledger"))], [], 1.0)
        first = claim(store)
        assert [delivery.message_id for delivery in first] == [1, 2]
        assert claim(store) == []
        settle(store, first, TryAgain(DOWN), retry_at=500.0)
        assert [delivery.message_id for delivery in claim(store, now=400.0)] == []
        again = claim(store, now=500.0)
        assert [delivery.message_id for delivery in again] == [1, 2]
        settle(store, again)
        assert [delivery.message_id for delivery in claim(store, now=500.0)] == [3]

    def test_what_a_later_version_has_followed_is_not_redelivered(self, store: Store) -> None:
        """A charge that was refused, then entered in error, must not be charged after all."""
        from conformance.store_contract import CONFLICT, charge, claim, settle

        one(store, write("a"), write("b"))
        for message_id in (1, 2):
            store.route([Routing(message_id, Routed((charge(message_id),)), destinations=("odoo",))], [], 1.0)
        settle(store, claim(store), Refused(CONFLICT))
        one(store, write("a", 2))
        store.route([Routing(3, Filtered("nothing was charged"))], [], 1.0)
        assert [(one.message_id, one.followed) for one in store.letters(Letters())] == [(1, True), (2, False)]
        assert resent(store, 1, now=400.0) == []
        assert resent(store, now=400.0) == [2]
        assert [delivery.message_id for delivery in claim(store, now=400.0)] == [2]

    def test_nor_routed_again(self, store: Store) -> None:
        from conformance.store_contract import CONFLICT

        one(store, write("a"), write("b"))
        one(store, write("a", 2))
        store.route([Routing(number, Dead(CONFLICT)) for number in (1, 2, 3)], [], 1.0)
        assert [one.message_id for one in store.letters(Letters()) if one.followed] == [1]
        assert resent(store, now=2.0) == [2, 3]
        assert [message.id for message in store.unrouted(["supplies"], 0, 9)] == [2, 3]
        assert store.gaps() == []

    def test_nor_does_it_wait_for_a_code(self, store: Store) -> None:
        """A request without its row, then corrected to another item: the first must not come after all."""
        from conformance.parking_contract import TOLD, UNKNOWN

        one(store, write("a"), write("b"))
        store.route([Routing(number, Dead(UNKNOWN, ("items", "A"))) for number in (1, 2)], [], 1.0)
        one(store, write("a", 2))
        store.route([Routing(3, Filtered("another item"))], [], 1.0)
        assert [(waiting.code, waiting.messages) for waiting in store.parked()] == [("A", 1)]
        assert store.heal("supplies", "items", ["A"], edition=2, told=TOLD) == 1
        assert [message.id for message in store.unrouted(["supplies"], 0, 9)] == [2]


class ResourceContract(WritingContract, ExpectingContract, ReadingContract, KeepingContract):
    """All of it."""
