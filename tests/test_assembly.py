"""engine.assembly over a real store, its clock advanced by hand (spec: ack, section 7.2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from conformance.store_contract import NAMES, RING, arrival
from hypothesis import given, settings
from hypothesis import strategies as st
from test_pipeline import program

from engine.assembly import MOST_PIECES, REGULARLY, Assembly, Whole
from engine.auditing import Act, Entry
from engine.model import Arrival, Dead, Filtered, Fragment, Routing
from engine.programs import Programs
from engine.store.base import MessageStore, Store
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.sql import open_store

PROGRAM = msgspec.structs.replace(program(), channel="charges", fragment_timeout=900.0, largest=10_000)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def assembly(store: MessageStore, clock: Clock) -> Assembly:
    return Assembly(store, Programs({"charges": PROGRAM}), clock)


def held(store: MessageStore, follows: bytes, leads: bytes, at: float, text: str = "") -> int:
    piece: Arrival = arrival(f"{follows.decode()}-{leads.decode()}", text)
    (receipt,) = store.accept([piece])
    store.route([Routing(receipt.id, Fragment(follows, leads))], [], at)
    return receipt.id


def test_it_looks_at_start_when_told_and_when_one_is_late(
    store: MessageStore, assembly: Assembly, clock: Clock
) -> None:
    assert assembly.due
    assert assembly.look() == ([], [])
    assert not assembly.due
    first = held(store, b"", b"p", 1000.0)
    second = held(store, b"p", b"q", 1300.0)
    assembly.held()
    assert assembly.due
    assert assembly.look() == ([], [])
    clock.now = 1899.9
    assert assembly.look() == ([], [])
    assert not assembly.due
    clock.now = 1900.0
    assert assembly.due
    wholes, given_up = assembly.look()
    assert wholes == []
    assert [(channel, routing.message_id) for channel, routing in given_up] == [
        ("charges", first), ("charges", second),
    ]  # fmt: skip
    assert all(isinstance(routing.result, Dead) for _, routing in given_up)


def test_a_piece_of_a_channel_that_was_held_is_not_forgotten(
    store: Store, assembly: Assembly, clock: Clock
) -> None:
    first = held(store, b"", b"p", 1000.0)
    told = Entry(at=1.0, who="duty", role="user", act=Act.HOLD, object="channel:charges", why="mending")
    store.hold(Hold(HoldKind.ROUTING, "charges", 1.0, "duty", "mending"), told=told)
    clock.now = 2000.0
    assert assembly.look() == ([], [])  # it is held: nobody gives it up
    store.let_go(HoldKind.ROUTING, "charges", told=told)
    assert not assembly.due
    clock.now += REGULARLY
    assert assembly.due
    assert [one.message_id for _, one in assembly.look()[1]] == [first]


def test_nothing_is_late_while_its_rest_may_be_among_what_is_to_be_routed(
    store: MessageStore, assembly: Assembly, clock: Clock
) -> None:
    first = held(store, b"", b"p", 10.0, "PID|1\rADD\rDSC|P\r")
    assert assembly.look(behind=True) == ([], [])
    assert assembly.due
    second = held(store, b"p", b"", 990.0, "ADD||77\r")
    ((message, rest),) = assembly.look(behind=True)[0]
    assert (message.id, rest) == (first, (second,))


def test_an_earlier_run_left_a_whole_message(store: MessageStore, assembly: Assembly) -> None:
    first = held(store, b"", b"p", 10.0, "PID|1\rADD\rDSC|P\r")
    second = held(store, b"p", b"", 20.0, "ADD||77\r")
    wholes, given_up = assembly.look()
    assert given_up == []
    ((message, rest),) = wholes
    assert (message.id, message.channel, message.received_at, rest) == (first, "charges", 10.0, (second,))
    assert message.raw.endswith(b"\rPID|1\rADD\rADD||77\r")
    assert b"DSC" not in message.raw


def test_pieces_whose_content_is_gone_are_a_dead_letter(store: MessageStore, assembly: Assembly) -> None:
    first = held(store, b"", b"p", 10.0)
    held(store, b"p", b"", 20.0)
    gone = sqlite3.connect(store._database.path)  # type: ignore[attr-defined]
    gone.execute("DELETE FROM contents WHERE message_id = ?", (first,))
    gone.commit()
    gone.close()
    wholes, given_up = assembly.look()
    assert wholes == []
    assert [(routing.message_id, routing.rest) for _, routing in given_up] == [(first, (first + 1,))]


def test_too_many_pieces_are_given_up_at_once(store: MessageStore, assembly: Assembly) -> None:
    receipts = store.accept([arrival(number) for number in range(MOST_PIECES + 1)])
    pieces = [Fragment(b"%d" % n if n else b"", b"%d" % (n + 1)) for n in range(MOST_PIECES + 1)]
    routings = [Routing(one.id, piece) for one, piece in zip(receipts, pieces, strict=True)]
    store.route(routings, [], 1000.0)
    wholes, given_up = assembly.look()
    assert wholes == []
    assert len(given_up) == MOST_PIECES + 1
    assert {routing.result.reason.code for _, routing in given_up if isinstance(routing.result, Dead)} == {
        "oversize"
    }


def test_pieces_that_are_too_large_together_are_given_up_at_once(
    store: MessageStore, assembly: Assembly
) -> None:
    held(store, b"", b"p", 1000.0, "NTE|1||" + "x" * 6000)
    held(store, b"p", b"q", 1000.0, "NTE|2||" + "y" * 6000)
    wholes, given_up = assembly.look()
    assert wholes == []
    assert len(given_up) == 2


def test_of_too_many_unfinished_pieces_the_oldest_are_given_up(
    store: MessageStore, assembly: Assembly, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.assembly.MOST_HELD", 4)
    first = held(store, b"", b"a", 1000.0)
    for at, (follows, leads) in enumerate([(b"", b"b"), (b"b", b"c"), (b"", b"d")], 1001):
        held(store, follows, leads, float(at))
    assert assembly.look() == ([], [])
    second = held(store, b"a", b"e", 1004.0)
    wholes, given_up = assembly.look()
    assert wholes == []
    assert sorted(routing.message_id for _, routing in given_up) == [first, second]
    assert {routing.result.reason.code for _, routing in given_up if isinstance(routing.result, Dead)} == {
        "continuation"
    }
    clock.now = 1001.0 + 899
    assembly.look()
    assert not assembly.due
    clock.now += 1
    assert assembly.due


@settings(max_examples=40)
@given(st.lists(st.integers(2, 5), min_size=1, max_size=4), st.data())
def test_pieces_in_any_order_repeated_and_through_restarts_become_each_message_once(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], data: st.DataObject
) -> None:
    opened = open_store(f"sqlite:///{tmp_path_factory.mktemp('any')}/wardline.db", RING)
    pieces = [
        (f"{message}.{at}", b"%d.%d" % (message, at) if at else b"",
         b"%d.%d" % (message, at + 1) if at + 1 < length else b"")
        for message, length in enumerate(lengths) for at in range(length)
    ]  # fmt: skip
    sent = data.draw(st.permutations([*pieces, *data.draw(st.lists(st.sampled_from(pieces), max_size=4))]))
    assembly = Assembly(opened, Programs({"charges": PROGRAM}), lambda: 1000.0)
    joined: list[bytes] = []
    for name, follows, leads in sent:
        (receipt,) = opened.accept([arrival(name, f"ZZZ|{name}")])
        if not receipt.original:
            opened.route([Routing(receipt.id, Fragment(follows, leads))], [], 1000.0)
            assembly.held()
        if data.draw(st.booleans()):  # a restart: all that is remembered is in the store
            assembly = Assembly(opened, Programs({"charges": PROGRAM}), lambda: 1000.0)
        wholes, given_up = assembly.look() if data.draw(st.booleans()) else ([], [])
        joined += _routed(opened, wholes)
        assert given_up == []
    joined += _routed(opened, Assembly(opened, Programs({"charges": PROGRAM}), lambda: 1000.0).look()[0])
    words = sorted([part for part in raw.split(b"ZZZ|")[1:]] for raw in joined)
    assert words == [
        [b"%d.%d" % (message, at) + b"\r" for at in range(length)] for message, length in enumerate(lengths)
    ]
    assert opened.fragments(["charges"]) == []
    assert opened.gaps() == []
    opened.close()


def _routed(store: MessageStore, wholes: list[Whole]) -> list[bytes]:
    for message, rest in wholes:
        store.route([Routing(message.id, Filtered("seen"), rest=rest)], [], 1000.0)
    return [whole.message.raw for whole in wholes]


def test_pointers_are_kept_as_keyed_names() -> None:
    assert NAMES.of("charges", b"LAB", b"HOSP", b"pointer SECRET") != b"SECRET"
    assert b"SECRET" not in NAMES.of("charges", b"LAB", b"HOSP", b"pointer SECRET")
