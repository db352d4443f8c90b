"""Between messages and effects: what waits, what is dead, what is lost."""

from __future__ import annotations

import pytest

from engine.model import Answered, MessageState
from engine.reconciling.waiting import STUCK, message_gap, unaccounted
from engine.reconciling.words import GapKind
from engine.store.contracts.views import MessageView

NOW = 10_000.0


def gap(state: MessageState, age: float = 1.0, answered: Answered = "accepted", effects: int = 0) -> str:
    view = MessageView(7, "c", "ADT^A01", state, NOW - age, answered, effects=effects)
    found = message_gap(view, NOW)
    return found.kind.value if found else ""


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        (MessageState.RECEIVED, "waiting"), (MessageState.FRAGMENT, "waiting"), (MessageState.DEAD, "dead"),
        *((state, "") for state in MessageState if state.value not in ("received", "fragment", "dead")),
    ],
)  # fmt: skip
def test_each_state_of_a_message_without_effects(state: MessageState, wanted: str) -> None:
    assert gap(state) == wanted


def test_what_was_acknowledged_long_ago_and_not_looked_at_is_lost() -> None:
    assert (gap(MessageState.RECEIVED, STUCK), gap(MessageState.RECEIVED, STUCK + 1)) == ("waiting", "lost")


def test_what_the_sender_was_told_to_be_refused_is_no_gap() -> None:
    assert gap(MessageState.DEAD, answered="error") == gap(MessageState.RECEIVED, 9_999, "rejected") == ""


def test_a_dead_letter_with_effects_is_told_by_its_effects() -> None:
    assert gap(MessageState.DEAD, effects=2) == ""


def test_what_does_not_add_up_in_the_store_is_lost() -> None:
    (one,) = unaccounted(["effects on their way to nowhere: 3"])
    assert (one.kind, one.text) == (GapKind.LOST, "effects on their way to nowhere: 3")
