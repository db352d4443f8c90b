"""Application answers on a link of their own, over a real store; clock and other side are scripted."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from engine.answers import Answers
from engine.errors import Unavailable
from engine.hl7.accept import AcceptRules
from engine.hl7.header import read_header
from engine.listeners.arrival import make_arrival
from engine.listeners.channel import Channel
from engine.model import Answered, Dead, Filtered, Reason, ReasonCode, Routing
from engine.outbox import LOOK_EVERY, REJECTIONS, Line, Outbox
from engine.retry import RetryPolicy
from engine.store.base import MessageStore
from engine.store.cipher import Fingerprints
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.telemetry import REGISTRY
from mllp.answers import Verdict
from mllp.client import Answer

RING = KeyRing({"first": b"\x05" * 32})
NO_ITEM = Reason(ReasonCode.UNMAPPED_CODE, "this code is not in the table", "FT1-7", hl7=103)


class Inline:
    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]:
        return maybeDeferred(call, *args)


class OtherSide:
    """Answers with what the script says; then nothing, for as long as nobody closes."""

    def __init__(self, *script: Verdict) -> None:
        self.script = list(script)
        self.got: list[bytes] = []
        self.waiting: Deferred[Answer] | None = None

    def send(self, message: bytes) -> Deferred[Answer]:
        self.got.append(message)
        done: Deferred[Answer] = Deferred()
        if self.script:
            done.callback(Answer(self.script.pop(0), reason="not connected: refused"))
        else:
            self.waiting = done
        return done

    def close(self) -> None:
        if self.waiting is not None:
            self.waiting.callback(Answer(Verdict.NONE, reason="closed"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MessageStore]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


def owe(
    store: MessageStore, number: int, result: Filtered | Dead | None = None, *, asks: str = "AL|AL"
) -> None:
    """A stored message that is owed an application answer, and what became of it."""
    raw = f"MSH|^~\\&|EHR|HOSP|ENG|STORE|2026||DFT^P03|C{number}|P|2.5|||{asks}\r".encode()
    keys = Fingerprints(RING)
    (receipt,) = store.accept([replace(make_arrival("charges", keys, raw, read_header(raw), ""), owes=True)])
    answered: Answered = "error" if isinstance(result, Dead) else "accepted"
    store.route([Routing(receipt.id, result or Filtered("x"), answered=answered)], [], 1.0)


def line(store: MessageStore, other: OtherSide, *, give_up: float = 1e9) -> tuple[Clock, Outbox]:
    clock = Clock()
    channel = Channel("charges", AcceptRules(), separate=True)
    answers = Answers(store, Inline(), call_later=clock.callLater)
    made = Line(
        channel, other, store, Inline(), answers.decided,  # type: ignore[arg-type]
        call_later=clock.callLater, retry=RetryPolicy(first=1.0, give_up=give_up), dice=lambda: 1.0,
    )  # fmt: skip
    return clock, Outbox([made])


def states(store: MessageStore) -> list[str]:
    return [view.application for view in store.messages(Query())]


def test_answers_leave_one_by_one_in_the_order_of_messages(store: MessageStore) -> None:
    other = OtherSide(Verdict.ACCEPTED, Verdict.ACCEPTED)
    for number in (1, 2, 3):
        owe(store, number, Dead(NO_ITEM) if number == 2 else None)
    clock, outbox = line(store, other)
    outbox.look()
    outbox.look()  # one is under way already
    clock.pump([0.0] * 5)
    said = [message.split(b"\r")[1] for message in other.got]
    assert said == [b"MSA|AA|C1", b"MSA|AE|C2", b"MSA|AA|C3"]
    assert b"103^Table value not found^HL70357" in other.got[1]
    assert states(store) == ["taken", "taken", "owed"]
    outbox.stop()
    assert states(store) == ["taken", "taken", "owed"]
    clock.advance(1e6)
    assert len(other.got) == 3


def test_pauses_grow_while_the_link_is_away_and_then_it_goes_on(store: MessageStore) -> None:
    owe(store, 1)
    other = OtherSide(*[Verdict.NONE, Verdict.UNMATCHED] * 3, Verdict.ACCEPTED)
    clock, outbox = line(store, other)
    outbox.look()
    for sent, pause in enumerate((1, 2, 4, 8, 16, 32), start=1):
        outbox.look()  # a wake-up does not cut the pause short
        clock.advance(pause - 0.01)
        assert len(other.got) == sent
        clock.advance(0.02)
    assert states(store) == ["taken"]
    owe(store, 2)
    other.script.append(Verdict.ACCEPTED)
    clock.advance(LOOK_EVERY)
    assert states(store) == ["taken"] * 2


def test_a73_rejections_in_a_row_end_it_and_silence_between_them_begins_anew(store: MessageStore) -> None:
    owe(store, 1)
    before = [Verdict.REJECTED] * (REJECTIONS - 1)
    other = OtherSide(*before, Verdict.NONE, *before, Verdict.REJECTED)
    clock, outbox = line(store, other)
    outbox.look()
    for _ in range(20):
        clock.advance(400)
    assert states(store) == ["refused"]
    assert len(other.got) == 2 * REJECTIONS


def test_an_answer_that_nobody_takes_is_given_up_in_the_end(store: MessageStore) -> None:
    owe(store, 1)
    clock, outbox = line(store, OtherSide(*[Verdict.NONE] * 50), give_up=60.0)
    outbox.look()
    for _ in range(50):
        clock.advance(400)
    assert states(store) == ["refused"]


def test_a_store_that_fails_makes_it_come_twice_not_never(
    store: MessageStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    owe(store, 1)
    other = OtherSide(Verdict.ACCEPTED, Verdict.ACCEPTED)
    told = store.told
    failures = iter([Unavailable("the disk is full")])

    def fail_once(*args: Any) -> None:
        for failure in failures:
            raise failure
        told(*args)

    monkeypatch.setattr(store, "told", fail_once)
    clock, outbox = line(store, other)
    outbox.look()
    assert states(store) == ["owed"]
    clock.advance(2)
    assert states(store) == ["taken"]
    assert len(other.got) == 2


def test_what_is_not_asked_for_is_not_sent(store: MessageStore) -> None:
    owe(store, 1, asks="AL|ER")
    owe(store, 2, Dead(NO_ITEM), asks="AL|SU")
    owe(store, 3)
    other = OtherSide(Verdict.ACCEPTED)
    clock, outbox = line(store, other)
    outbox.look()
    clock.pump([0.0] * 3)
    assert states(store) == ["not-due", "not-due", "taken"]
    assert len(other.got) == 1


def test_an_answer_to_a_message_that_cannot_be_read_back_is_given_up_and_an_operator_sees_it(
    store: MessageStore, tmp_path: Path
) -> None:
    before = told("unwritten")
    owe(store, 1)
    owe(store, 2)
    with sqlite3.connect(tmp_path / "wardline.db") as database:
        database.execute("UPDATE contents SET sealed = zeroblob(length(sealed)) WHERE message_id = 1")
    other = OtherSide(Verdict.ACCEPTED)
    clock, outbox = line(store, other)
    outbox.look()
    clock.pump([0.0] * 3)
    assert states(store) == ["refused", "taken"]
    assert told("unwritten") == before + 1


def told(outcome: str) -> float:
    found = REGISTRY.get_sample_value(
        "wardline_application_answers_total", {"channel": "charges", "outcome": outcome}
    )
    return found or 0.0
