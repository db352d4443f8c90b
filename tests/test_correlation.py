"""One text for a message: the same for ever, read back, and harmless."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.correlation import correlation, message_of, trace_of
from engine.model import MessageState, StoredMessage
from engine.store.contracts.views import MessageView


@given(st.integers(1, 10**17), st.floats(0, 1e11), st.floats(0, 1e11))
def test_it_leads_back_to_its_message(number: int, at: float, other: float) -> None:
    text = correlation(number, at)
    assert message_of(text) == message_of(f" {text.upper()}\n") == number
    assert re.fullmatch(r"[a-z0-9-]{4,31}", text)
    assert (text == correlation(number, other)) == (int(at * 1000) == int(other * 1000))
    assert 0 < trace_of(text) < 2**128


@given(st.text())
def test_what_is_none_leads_nowhere(text: str) -> None:
    assert message_of(text) == 0 or re.match(r"\s*w\d+-", text.lower())


@pytest.mark.parametrize("text", ["", "w-1", "w0-a", "x1-a", "1-a", "w1-", "w1-a-b", "w" + "9" * 30 + "-a"])
def test_what_looks_like_one_leads_nowhere(text: str) -> None:
    assert message_of(text) == 0


def test_a_message_has_the_same_wherever_it_is_seen() -> None:
    seen = MessageView(
        id=7, channel="c", type="ADT^A01", state=MessageState.RECEIVED, received_at=1763812800.123
    )
    assert StoredMessage(7, "c", b"", 1763812800.123).correlation == seen.correlation == "w7-mia8lmrf"
    assert trace_of(seen.correlation) == 0x907AF30B4AD63358FCC09AED6262EAA7
