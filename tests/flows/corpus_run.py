"""The corpus through a running engine: each message sent as its bytes, with the answer that it deserves, the
answer that it got, and what became of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pytest
from corpus_messages import Found
from expected_answer import Expected, Source, applied, expected
from running import Engine

from engine.store.contracts.views import MessageView


class Sent(NamedTuple):
    """A message, the answer it deserves, the answer it got, and what became of it."""

    found: Found
    expected: Expected
    answer: bytes | None
    view: MessageView
    second: bytes | None = None
    """The application answer behind the accept answer."""

    @property
    def name(self) -> str:
        return self.found.name


def send_all(
    engine: Engine, messages: Sequence[Found], sources: Mapping[str, Source], channel: str = ""
) -> list[Sent]:
    """Send one after the other, each after the answer to the one before; wait until all is settled. Each goes
    to the channel of its type, or all to `channel`."""
    before = len(engine.messages())
    to = {found: channel or found.channel for found in messages}
    wanted = [expected(found.raw, sources[to[found]]) for found in messages]
    answers = [ask(engine, found, to[found]) for found in messages]
    views: dict[tuple[str, bytes], list[MessageView]] = defaultdict(list)
    settled = engine.settle()[before:]
    with engine.store() as store:
        for view in settled:
            views[view.channel, store.content(view.original or view.id)].append(view)
    return [
        Sent(found, want, first, views[to[found], found.raw].pop(0), second)
        for found, want, (first, second) in zip(messages, wanted, answers, strict=True)
    ]


def ask(engine: Engine, found: Found, channel: str) -> tuple[bytes | None, bytes | None]:
    """The first answer and the second, on a connection of its own, and nothing after them; None where nothing
    was answered."""
    sender = engine.connect(channel)
    sender.send(found.raw)
    sender.half_close()  # what is answered is answered before the engine closes too
    answers: list[bytes | None] = []
    try:
        while not answers or answers[-1] is not None:
            answers.append(sender.answer())
    except TimeoutError:
        pytest.fail(f"{found.name}: neither an answer nor the end")
    sender.close()
    assert len(answers) <= 3, f"{found.name} has more than two answers"
    return answers[0], answers[1] if len(answers) == 3 else None


def wrongly_answered(one: Sent) -> str:
    """Empty when the answers are those that the message deserves, else which it is and what was awaited."""
    code, second = one.expected.code, None
    if not one.expected.hl7:  # what is taken may have an application answer, by what became of it
        second = applied(one.found.raw, "E" if one.view.state.value == "dead" else "A")
        code, second = (code, second) if code == "CA" else (second or code, None)
        if one.view.state.value == "fragment":  # one of several: nothing is applied before the last
            second = None
    right = _is(one.answer, code, one) and _is(one.second, second, one)
    return "" if right else f"{one.name}: {code} {second} {one.view.state.value}"


def _is(answer: bytes | None, code: str | None, one: Sent) -> bool:
    """The whole answer where the header alone decides it; its code where routing does."""
    if answer is None or code is None:
        return answer is code
    if code == one.expected.code:
        return re.fullmatch(one.expected.pattern, answer) is not None
    return re.search(rb"\rMSA[^A-Za-z0-9]" + code.encode(), answer) is not None
