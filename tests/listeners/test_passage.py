"""engine.listeners.passage: a thread that waits for the reactor's always hears of an end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.errors import Unavailable
from engine.hl7.accept import AcceptRules
from engine.hl7.batch import Kind, Part
from engine.listeners.channel import Channel, Doors
from engine.listeners.passage import Passage
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing


def in_the_reactor(call: Callable[..., Any], *given: Any) -> None:
    """As `callFromThread`: what the call raises is nobody's."""
    try:
        call(*given)
    except KeyError:
        return


def test_what_fails_in_the_reactors_thread_is_tried_again_and_never_waited_for() -> None:
    def submit(*_: Any) -> None:
        raise KeyError

    keys = Fingerprints(KeyRing({"first": b"\x07" * 32}))
    looks = iter([False] * 3 + [True])
    passage = Passage(
        Channel("charges", AcceptRules()),
        Doors(submit, lambda *_: None, lambda *_: None, lambda *_: None, keys),
        {},
        from_thread=in_the_reactor,
        stopping=lambda: next(looks),
    )
    with pytest.raises(Unavailable):
        passage.messages([Part(Kind.MESSAGE, b"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|C1|P|2.5\r")])
