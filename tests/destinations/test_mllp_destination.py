"""A slow receiver gets no more at once than its answers fit into a lease; the clock is moved by hand."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.selectreactor import SelectReactor

from engine.destinations.mllp import LONGEST, SPAN, MllpDestination, Peer, from_environment
from engine.effects import Forward
from engine.errors import Misconfigured
from engine.model import Delivered, Delivery, TryAgain

sys.path.append(str(Path(__file__).parents[1] / "flows"))  # a receiver on a real socket

from receiver import Receiver, acknowledgement


def delivery(number: int) -> Delivery:
    text = f"MSH|^~\\&|A|B|C|D|20261121||ADT^A01|N{number}|P|2.5\rPV1|1|I\r"
    effect = Forward(key=f"ch/N{number}", message=text, control_id=f"N{number}")
    return Delivery(number, number, "ch", "mllp:registry", effect, "", 1)


@pytest.fixture
def reactor() -> Iterator[Any]:
    made: Any = SelectReactor()
    thread = threading.Thread(target=made.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    yield made
    made.callFromThread(made.stop)
    thread.join(10)


def test_a_slow_receiver_gets_the_rest_of_a_batch_later(reactor: Any) -> None:
    now = [0.0]

    def slowly(message: bytes, _: int) -> bytes:
        now[0] += SPAN / 2
        return acknowledgement(message)

    receiver = Receiver(slowly)
    peer = Peer("registry", "127.0.0.1", receiver.port)
    destination = MllpDestination(peer, lambda: reactor, lambda: now[0])
    try:
        outcomes = destination.deliver([delivery(number) for number in range(1, 5)], lambda _: None)
    finally:
        reactor.callFromThread(destination.close)
        receiver.close()
    assert [type(one) for one in outcomes] == [Delivered, Delivered, TryAgain, TryAgain]
    assert len(receiver.messages) == 2


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", f"{LONGEST + 1}"])
def test_an_answer_may_not_take_longer_than_a_batch_has_time(seconds: str) -> None:
    given = {"WARDLINE_MLLP_REGISTRY_URL": "mllp://h:1", "WARDLINE_MLLP_REGISTRY_TIMEOUT": seconds}
    with pytest.raises(Misconfigured):
        from_environment("registry", given)
