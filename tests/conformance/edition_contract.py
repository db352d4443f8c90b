"""What every store promises of editions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from conformance.audit_contract import entry
from msgspec.structs import replace
from resending import resent

from engine.auditing import Act, AuditQuery, Entry
from engine.errors import Misconfigured
from engine.model import Arrival, Dead, Fragment, Reason, ReasonCode, Routing
from engine.store.base import Store
from engine.store.cipher import Fingerprints
from engine.store.contracts.editions import Activation, Edition, Running
from engine.store.keys import KeyRing

_NAMES = Fingerprints(KeyRing({"first": b"\x07" * 32}))


def told(who: str = "ann", **given: object) -> Entry:
    return entry(1, who=who, act=Act.DEPLOY, object="channels", **given)


def proposed(store: Store, number: int = 1, who: str = "ann") -> Edition:
    digest = bytes([number]) * 32
    packed = b"files of %d" % number
    return store.propose(digest, packed, ["north", "production"], at=5.0, why="new ward", told=told(who))


def put_in_force(store: Store, number: int) -> Activation:
    edition = proposed(store, number)
    store.decide(edition.number, "approved", at=6.0, told=told("bob"))
    return store.activate(edition.number, at=7.0, why="go", told=told("bob"))


def taken_by(store: Store, number: int, edition: int) -> None:
    raw = f"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|{number}|P|2.5\r".encode()
    name = _NAMES.of("charges", b"LAB", b"HOSP", str(number).encode())
    arrival = Arrival("charges", raw, name, _NAMES.digest(raw), 100.0, "accepted", None, "DFT^P03")
    store.accept([replace(arrival, edition=edition)])


class EditionContract:
    def test_an_edition_is_kept_as_it_was_put_forward(self, store: Store) -> None:
        made = proposed(store)
        assert made == Edition(
            number=1, digest=b"\x01" * 32, state="proposed", at=5.0, who="ann", why="new ward",
            sites=("north", "production"),
        )  # fmt: skip
        assert store.edition(1) == made
        assert store.packed(1) == b"files of 1"
        assert proposed(store, 2).number == 2
        assert [one.number for one in store.editions()] == [2, 1]
        assert [one.number for one in store.editions(1)] == [2]

    def test_the_same_files_are_the_same_edition(self, store: Store) -> None:
        first = proposed(store)
        assert proposed(store, who="carl") == first
        assert len(store.entries(AuditQuery())) == 1

    def test_one_that_was_withdrawn_can_be_put_forward_again_by_another(self, store: Store) -> None:
        proposed(store)
        assert store.decide(1, "withdrawn", at=6.0, told=told("bob")).decided_by == "bob"
        again = proposed(store, who="carl")
        assert (again.number, again.state, again.who, again.decided_by) == (1, "proposed", "carl", "")

    def test_what_one_person_decided_alone_is_put_forward_anew_by_an_author(self, store: Store) -> None:
        proposed(store)
        store.decide(1, "approved", at=6.0, told=told("ann"))
        assert proposed(store, who="carl").state == "approved"
        again = store.propose(b"\x01" * 32, b"", [], at=8.0, why="now", told=told("carl", role="author"))
        assert (again.number, again.state, again.who) == (1, "proposed", "carl")
        store.decide(1, "approved", at=9.0, told=told("bob"))
        kept = store.propose(b"\x01" * 32, b"", [], at=10.0, why="now", told=told("dora", role="author"))
        assert (kept.state, kept.decided_by) == ("approved", "bob")

    def test_what_no_author_put_forward_is_put_forward_anew_by_one(self, store: Store) -> None:
        proposed(store, who="ann@desk")
        assert proposed(store, who="carl@desk").who == "ann@desk"
        again = store.propose(b"\x01" * 32, b"", [], at=8.0, why="now", told=told("carl", role="author"))
        assert (again.number, again.state, again.who) == (1, "proposed", "carl")

    def test_what_is_not_there_is_told(self, store: Store) -> None:
        assert store.edition(1) is None
        assert store.active() is None
        assert store.editions() == store.activations() == store.running() == store.working_editions() == []
        with pytest.raises(KeyError):
            store.packed(1)
        with pytest.raises(Misconfigured, match="no such edition"):
            store.decide(1, "approved", at=6.0, told=told())
        with pytest.raises(Misconfigured, match="no such edition"):
            store.activate(1, at=6.0, why="", told=told())
        assert store.entries(AuditQuery()) == []

    def test_only_what_was_approved_becomes_active_and_only_once_decided(self, store: Store) -> None:
        proposed(store)
        with pytest.raises(Misconfigured, match="not approved"):
            store.activate(1, at=6.0, why="", told=told())
        store.decide(1, "approved", at=6.0, told=told("bob"))
        with pytest.raises(Misconfigured, match="not proposed"):
            store.decide(1, "withdrawn", at=6.5, told=told("bob"))
        assert store.activate(1, at=7.0, why="go", told=told("bob")) == Activation(1, 1, 7.0, "bob", "go")
        assert store.active() == Activation(1, 1, 7.0, "bob", "go")

    def test_what_was_decided_on_another_activation_does_not_become_active(self, store: Store) -> None:
        put_in_force(store, 1)
        proposed(store, 2)
        store.decide(2, "approved", at=6.0, told=told("bob"))
        for after in (0, 7):
            with pytest.raises(Misconfigured, match="another edition became active meanwhile"):
                store.activate(2, at=8.0, why="go", told=told("bob"), after=after)
        assert store.activate(2, at=8.0, why="go", told=told("bob"), after=1).id == 2

    def test_the_newest_activation_is_the_active_one(self, store: Store) -> None:
        for number in (1, 2):
            put_in_force(store, number)
        store.activate(1, at=9.0, why="back", told=told())
        assert [(one.id, one.edition) for one in store.activations()] == [(3, 1), (2, 2), (1, 1)]
        assert store.active() == Activation(3, 1, 9.0, "ann", "back")
        assert [one.id for one in store.activations(2)] == [3, 2]

    def test_every_step_stands_in_the_audit_under_the_number(self, store: Store) -> None:
        put_in_force(store, 1)
        found = store.entries(AuditQuery(object="edition:1"))
        assert [(one.entry.who, one.entry.act) for one in found] == [
            ("ann", Act.DEPLOY), ("bob", Act.DEPLOY), ("bob", Act.DEPLOY),
        ]  # fmt: skip
        assert store.verify_audit() == []

    def test_what_the_audit_does_not_take_does_not_happen(self, store: Store) -> None:
        with pytest.raises(Misconfigured):
            store.propose(b"\x09" * 32, b"", [], at=5.0, why="", told=told(why="x" * 501))
        assert store.editions() == []

    def test_numbers_have_no_gap_whoever_comes_at_once(self, store: Store) -> None:
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda number: proposed(store, number).number, range(1, 17)))
        assert sorted(made) == list(range(1, 17))

    def test_each_process_says_what_it_runs(self, store: Store) -> None:
        store.say_running(Running("n1/0", 1, 1, 8.0))
        store.say_running(Running("n1/1", 1, 1, 8.0))
        store.say_running(Running("n1/0", 2, 1, 9.0, "the port is taken"))
        assert store.running() == [
            Running("n1/0", 2, 1, 9.0, "the port is taken"), Running("n1/1", 1, 1, 8.0),
        ]  # fmt: skip

    def test_processes_that_are_no_more_are_forgotten(self, store: Store) -> None:
        for number in range(3):
            store.say_running(Running(f"n1/{number}", 1, 1, 8.0))
        store.forget_running(["n1/0"])
        assert [one.holder for one in store.running()] == ["n1/0"]
        store.forget_running([])
        assert store.running() == []

    def test_editions_with_open_messages_are_known(self, store: Store) -> None:
        for number in (1, 2):
            put_in_force(store, number)
        taken_by(store, 1, 2)
        taken_by(store, 2, 0)
        assert store.working_editions() == [2]
        assert store.unrouted_channels() == ["charges"]

    def test_all_pieces_of_a_dead_letter_go_by_the_active_edition(self, store: Store) -> None:
        for number in (1, 2):
            put_in_force(store, number)
            taken_by(store, number, 1)
        store.route([Routing(1, Fragment(b"", b"p"))], [], 200.0)
        store.route([Routing(2, Fragment(b"p", b""))], [], 200.0)
        store.route([Routing(1, Dead(Reason(ReasonCode.CONTINUATION, "no")), rest=(2,))], [], 210.0)
        assert store.unrouted_channels() == []
        assert resent(store, now=220.0) == [1]
        assert [(one.id, one.edition) for one in store.unrouted(["charges"], 0, 9)] == [(1, 2), (2, 2)]

    def test_the_newest_messages_come_back_oldest_first_without_repeats(self, store: Store) -> None:
        for number in (1, 2, 3, 3, 4):
            taken_by(store, number, 0)
        assert store.newest("charges", 3) == [2, 3, 5]
        assert store.newest("charges", 99) == [1, 2, 3, 5]
        assert store.newest("orders", 3) == []
        found = store.stored([5, 2, 4, 77])  # 4 repeats 3, and has no content of its own
        assert [(one.id, one.channel, b"P03|4" in one.raw) for one in found] == [
            (2, "charges", False), (5, "charges", True),
        ]  # fmt: skip
        assert store.stored([]) == []
