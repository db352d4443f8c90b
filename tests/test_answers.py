"""Senders that wait: told by the store's state, by time, and once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import Clock

from engine.answers import LOOK_EVERY, Answers
from engine.effects import Merge
from engine.model import Answered, Delivery, DeliveryState, MessageState, Reason, ReasonCode
from engine.store.contracts.views import DeliveryView, MessageView, Query


class Storage:
    def __init__(self) -> None:
        self.views: dict[int, MessageView] = {}
        self.recorded: dict[int, Answered] = {}
        self.refused: list[DeliveryView] = []

    def messages(self, query: Query) -> list[MessageView]:
        return [self.views[number] for number in query.ids if number in self.views]

    def deliveries(self, query: Query, *, message_id: int = 0) -> list[DeliveryView]:
        return [one for one in self.refused if one.delivery.message_id == message_id]

    def answer(self, answers: dict[int, Answered]) -> None:
        for number, answered in answers.items():
            if not self.views[number].answered:
                self.views[number] = msgspec.structs.replace(self.views[number], answered=answered)
                self.recorded[number] = answered


class Inline:
    def run(self, call: Callable[..., Any], /, *args: Any) -> Deferred[Any]:
        return maybeDeferred(call, *args)


def made() -> tuple[Clock, Storage, Answers, list[tuple[Answered, Reason | None]]]:
    clock, storage = Clock(), Storage()
    told: list[tuple[Answered, Reason | None]] = []
    return clock, storage, Answers(storage, Inline(), call_later=clock.callLater), told


def view(state: MessageState, answered: Answered = "", reason: Reason | None = None) -> MessageView:
    return MessageView(
        id=1, channel="c", type="DFT^P03", state=state, received_at=0, answered=answered, reason=reason
    )


def test_routing_that_recorded_an_answer_is_passed_on() -> None:
    clock, storage, answers, told = made()
    answers.wait(1, lambda a, r: told.append((a, r)), 30, "")
    storage.views[1] = view(MessageState.WAITING, "accepted")
    clock.advance(LOOK_EVERY)
    assert told == [("accepted", None)]
    assert not storage.recorded
    assert len(answers) == 0


def test_delivery_decides_and_is_recorded_before_it_is_told() -> None:
    clock, storage, answers, _ = made()
    seen: list[dict[int, Answered]] = []
    answers.wait(1, lambda *_: seen.append(dict(storage.recorded)), 30, "")
    storage.views[1] = view(MessageState.WAITING)
    clock.advance(LOOK_EVERY)
    assert not seen
    storage.views[1] = view(MessageState.DELIVERED)
    clock.advance(LOOK_EVERY)
    assert seen == [{1: "accepted"}]


def test_a_dead_letter_is_an_error_with_its_reason() -> None:
    _clock, storage, answers, told = made()
    reason = Reason(ReasonCode.UNMAPPED_CODE, "the code is in no row", "FT1[1]-7.1")
    answers.wait(1, lambda a, r: told.append((a, r)), 30, "")
    storage.views[1] = view(MessageState.DEAD, reason=reason)
    answers.look()
    assert told == [("error", reason)]
    assert storage.recorded == {1: "error"}


def test_a_refused_delivery_is_an_error_with_its_reason() -> None:
    _clock, storage, answers, told = made()
    reason = Reason(ReasonCode.UNKNOWN_ITEM, "the item is unknown", "FT1[1]-7.1")
    effect = Merge(key="k", kind="person", gone="a", into="b")
    delivery = Delivery(1000001, 1, "c", "odoo:x", effect, "", 1)
    storage.refused = [DeliveryView(delivery=delivery, state=DeliveryState.DEAD, reason=reason)]
    answers.wait(1, lambda a, r: told.append((a, r)), 30, "")
    storage.views[1] = view(MessageState.DEAD)
    answers.look()
    assert told == [("error", reason)]


def test_when_time_is_up_what_is_said_then_is_recorded_and_stays() -> None:
    clock, storage, answers, told = made()
    answers.wait(1, lambda a, r: told.append((a, r)), 1, "accepted")
    storage.views[1] = view(MessageState.WAITING)
    clock.advance(1)
    assert told == [("accepted", None)]
    assert storage.recorded == {1: "accepted"}
    storage.views[1] = msgspec.structs.replace(storage.views[1], state=MessageState.DEAD)
    answers.wait(1, lambda a, r: told.append((a, r)), 1, "accepted")
    clock.advance(1)
    assert told == [("accepted", None)] * 2


def test_when_time_is_up_and_the_store_is_away_nothing_is_said() -> None:
    clock, _storage, answers, told = made()
    answers.wait(1, lambda a, r: told.append((a, r)), 1, "accepted")
    clock.advance(1)
    assert told == [("", None)]


def test_time_runs_out_once_and_for_one_sender_only() -> None:
    clock, storage, answers, told = made()
    answers.wait(1, lambda a, r: told.append((a, r)), 1, "")
    answers.wait(1, lambda a, r: told.append((a, r)), 60, "")
    clock.advance(1)
    assert told == [("", None)]
    storage.views[1] = view(MessageState.DELIVERED)
    clock.advance(LOOK_EVERY)
    assert told == [("", None), ("accepted", None)]
    clock.advance(120)
    assert len(told) == 2


def test_nobody_waiting_means_no_looks() -> None:
    clock, _, _, _ = made()
    assert not clock.getDelayedCalls()


def test_an_answer_that_cannot_be_made_costs_its_own_sender_alone() -> None:
    clock, storage, answers, told = made()
    tried: list[Answered] = []

    def fails(answered: Answered, _: Reason | None) -> None:
        tried.append(answered)
        if answered:
            raise KeyError

    answers.wait(1, fails, 30, "")
    answers.wait(1, lambda a, r: told.append((a, r)), 30, "")
    storage.views[1] = view(MessageState.DELIVERED)
    clock.advance(LOOK_EVERY)
    assert tried == ["accepted", ""]  # nothing can be said, and that is said: the connection closes
    assert told == [("accepted", None)]
