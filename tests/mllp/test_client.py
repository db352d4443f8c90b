"""The client against servers that answer well, badly, twice, late or not at all (A72, A73)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mllp_wire import A1, B1, Served, acknowledgement

from mllp.answers import Verdict
from mllp.client import ONCE, MllpClient, Retry
from mllp.server import Arrived

Serve = Callable[..., Served]
Connect = Callable[..., "Caller"]

M2 = B1.replace(b"|C1|", b"|C2|")
QUICK = Retry(attempts=3, first=0.01, jitter=0.0)


class Caller:
    """A client driven from the test's thread."""

    def __init__(self, call: Callable[..., Any], reactor: Any, port: int, **options: Any) -> None:
        options = {"retry": QUICK, "answer_timeout": 5.0, **options}
        self.client = MllpClient(reactor, "127.0.0.1", port, **options)
        self._call = call

    def send(self, message: bytes) -> Any:
        return self._call(self.client.send, message)

    def send_all(self, *messages: bytes) -> list[Any]:
        from twisted.internet.defer import gatherResults

        return self._call(lambda: gatherResults([self.client.send(message) for message in messages]))

    def close(self) -> None:
        self._call(self.client.close)


@pytest.fixture
def connect(call: Callable[..., Any], reactor: Any) -> Iterator[Connect]:
    made: list[Caller] = []

    def start(port: int, **options: Any) -> Caller:
        made.append(Caller(call, reactor, port, **options))
        return made[-1]

    yield start
    for caller in made:
        caller.close()


def script(*steps: bytes | Callable[[Arrived], None] | None) -> Callable[[Arrived], None]:
    """Answer with these, one after the other; the last for all that follow. None: no answer."""
    left = list(steps)

    def receive(arrived: Arrived) -> None:
        step = left.pop(0) if len(left) > 1 else left[0]
        if callable(step):
            step(arrived)
        else:
            arrived.answer(step)

    return receive


def test_one_connection_serves_many_messages_in_order(serve: Serve, connect: Connect) -> None:
    served = serve()
    caller = connect(served.port)
    messages = [B1.replace(b"|C1|", b"|C%d|" % n) for n in range(20)]
    answers = caller.send_all(*messages)
    assert served.application.received == messages
    assert [answer.message for answer in answers] == [acknowledgement(message) for message in messages]
    assert caller.send(B1).verdict is Verdict.ACCEPTED
    assert caller.client.counters["connections"] == 1


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (b"AA", Verdict.ACCEPTED),
        (b"CA", Verdict.ACCEPTED),
        (b"AE", Verdict.ERROR),
        (b"CE", Verdict.ERROR),
        (b"AR", Verdict.REJECTED),
        (b"CR", Verdict.REJECTED),
    ],
)
def test_answers_are_told_apart(serve: Serve, connect: Connect, code: bytes, verdict: Verdict) -> None:
    served = serve(receive=script(acknowledgement(B1, code)))
    answer = connect(served.port, retry=ONCE).send(B1)
    assert (answer.verdict, answer.code, answer.attempts) == (verdict, code.decode(), 1)
    assert answer.seconds >= 0
    assert "C1" not in repr(answer)


def test_a73_a_rejection_is_tried_again_an_error_is_not(serve: Serve, connect: Connect) -> None:
    rejecting = serve(receive=script(acknowledgement(B1, b"AR"), A1))
    answer = connect(rejecting.port).send(B1)
    assert (answer.verdict, answer.attempts) == (Verdict.ACCEPTED, 2)
    refusing = serve(receive=script(acknowledgement(B1, b"AE"), A1))
    answer = connect(refusing.port).send(B1)
    assert (answer.verdict, answer.attempts) == (Verdict.ERROR, 1)


@pytest.mark.parametrize(
    "wrong",
    [acknowledgement(M2), A1.replace(b"|C1", b"|"), A1.split(b"MSA")[0], b"", b"OK"],
    ids=["other-id", "blank-id", "no-msa", "empty", "garbage"],
)
def test_a72_an_answer_to_something_else_does_not_count(serve: Serve, connect: Connect, wrong: bytes) -> None:
    served = serve(receive=script(wrong))
    caller = connect(served.port)
    answer = caller.send(B1)
    assert (answer.verdict, answer.attempts, answer.code) == (Verdict.UNMATCHED, 3, "")
    assert caller.client.counters["connections"] == 3


def test_a72_then_the_right_one_counts(serve: Serve, connect: Connect) -> None:
    served = serve(receive=script(acknowledgement(M2), A1))
    answer = connect(served.port).send(B1)
    assert (answer.verdict, answer.attempts) == (Verdict.ACCEPTED, 2)


def test_a72_a_late_second_answer_is_counted_and_dropped(serve: Serve, connect: Connect) -> None:
    twice = A1 + b"\x1c\r\x0b" + A1
    served = serve(receive=script(twice, acknowledgement(M2)))
    caller = connect(served.port)
    answers = caller.send_all(B1, M2)
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 2
    assert [answer.attempts for answer in answers] == [1, 1]
    assert caller.client.counters["late_answers"] == 1
    assert caller.client.counters["connections"] == 1


def test_a73_no_answer_is_tried_again_on_a_new_connection(serve: Serve, connect: Connect) -> None:
    served = serve(receive=script(Arrived.abandon, lambda arrived: None, A1))
    caller = connect(served.port, answer_timeout=0.2)
    answer = caller.send(B1)
    assert (answer.verdict, answer.attempts) == (Verdict.ACCEPTED, 3)
    assert caller.client.counters["answer_none"] == 2
    assert caller.client.counters["connections"] == 3


def committing(*blocks: bytes) -> Callable[[Arrived], None]:
    """Say these, whatever they are, and nothing more."""

    def receive(arrived: Arrived) -> None:
        for block in blocks[:-1]:
            arrived.interim(block)
        arrived.answer(blocks[-1])

    return receive


def test_a70_a_committed_message_and_its_answer(serve: Serve, connect: Connect) -> None:
    def receive(arrived: Arrived) -> None:
        arrived.committed()
        arrived.committed()  # said once
        arrived.answer(acknowledgement(arrived.message))

    served = serve(receive=receive, release="2")
    caller = connect(served.port, release="2")
    answers = caller.send_all(B1, M2)
    assert [(answer.verdict, answer.code, answer.attempts) for answer in answers] == [
        (Verdict.ACCEPTED, "AA", 1)
    ] * 2
    assert caller.client.counters["connections"] == 1


def test_a70_what_asks_for_nothing_else_is_done_when_committed(serve: Serve, connect: Connect) -> None:
    served = serve(receive=committing(b"\x06"))
    silent = B1.replace(b"|P|2.5\r", b"|P|2.5|||NE|NE\r")
    answer = connect(served.port, release="2").send(silent)
    assert (answer.verdict, answer.code, answer.reason) == (Verdict.ACCEPTED, "", "committed")


def test_a71_what_is_not_committed_is_sent_again(serve: Serve, connect: Connect) -> None:
    def fails(arrived: Arrived) -> None:
        arrived.abandon()

    def works(arrived: Arrived) -> None:
        arrived.committed()
        arrived.answer(A1)

    served = serve(receive=script(fails, works), release="2")
    caller = connect(served.port, release="2")
    answer = caller.send(B1)
    assert (answer.verdict, answer.attempts) == (Verdict.ACCEPTED, 2)
    refusing = serve(receive=fails, release="2")
    answer = connect(refusing.port, release="2", retry=ONCE).send(B1)
    assert (answer.verdict, answer.reason) == (Verdict.NONE, "not committed by the other side")


@pytest.mark.parametrize(
    ("said", "verdict", "reason"),
    [
        ((A1, b"\x06"), Verdict.UNMATCHED, "no commit acknowledgement before the answer"),
        ((b"\x06", b"\x06"), Verdict.UNMATCHED, "the answer is not for this message"),
        ((b"\x06", A1.replace(b"|C1", b"|C9")), Verdict.UNMATCHED, "the answer is not for this message"),
        ((b"\x06", A1.replace(b"|AA|", b"|AE|")), Verdict.ERROR, ""),
    ],
    ids=["answer first", "twice", "another's", "error"],
)
def test_a72_release_2_with_answers_that_do_not_count(
    serve: Serve, connect: Connect, said: tuple[bytes, ...], verdict: Verdict, reason: str
) -> None:
    served = serve(receive=committing(*said))
    answer = connect(served.port, release="2", retry=ONCE).send(B1)
    assert (answer.verdict, answer.reason) == (verdict, reason)


def test_a72_a_commit_block_on_a_link_of_release_1_does_not_count(serve: Serve, connect: Connect) -> None:
    served = serve(receive=committing(b"\x06", A1))
    assert connect(served.port, retry=ONCE).send(B1).verdict is Verdict.UNMATCHED


def test_a71_committed_and_then_silent(serve: Serve, connect: Connect) -> None:
    served = serve(receive=lambda arrived: arrived.interim(b"\x06"))
    answer = connect(served.port, release="2", retry=ONCE, answer_timeout=0.2).send(B1)
    assert (answer.verdict, answer.reason) == (Verdict.NONE, "no answer in time")


def test_what_never_answers_is_given_up(serve: Serve, connect: Connect) -> None:
    served = serve(receive=lambda arrived: None)
    answer = connect(served.port, answer_timeout=0.05).send(B1)
    assert (answer.verdict, answer.attempts, answer.reason) == (Verdict.NONE, 3, "no answer in time")


def test_what_closes_is_named(serve: Serve, connect: Connect) -> None:
    served = serve(receive=Arrived.abandon)
    assert connect(served.port, retry=ONCE).send(B1).reason.startswith("connection lost: ")


def test_nobody_listens(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = connect(taken.getsockname()[1]).send(B1)
    assert (answer.verdict, answer.attempts) == (Verdict.NONE, 3)
    assert answer.reason.startswith("not connected: ")


def test_a_lost_connection_is_made_again(serve: Serve, connect: Connect) -> None:
    served = serve()
    caller = connect(served.port)
    assert caller.send(B1).verdict is Verdict.ACCEPTED
    served._call(lambda: [connection.abort() for connection in served.server._open])
    answer = caller.send(M2)
    assert answer.verdict is Verdict.ACCEPTED
    assert caller.client.counters["connections"] == 2


def test_close_gives_up_what_is_under_way(serve: Serve, connect: Connect, reactor: Any) -> None:
    served = serve(receive=lambda arrived: None)
    caller = connect(served.port)
    reactor.callFromThread(reactor.callLater, 0.1, caller.client.close)
    answers = caller.send_all(B1, M2)
    assert [(answer.verdict, answer.reason) for answer in answers] == [(Verdict.NONE, "closed")] * 2
    assert caller.send(B1).attempts == 0


def test_close_while_waiting_for_the_next_attempt(serve: Serve, connect: Connect, reactor: Any) -> None:
    served = serve(receive=script(acknowledgement(B1, b"AR")))
    caller = connect(served.port, retry=Retry(first=60.0))
    reactor.callFromThread(reactor.callLater, 0.1, caller.client.close)
    answer = caller.send(B1)
    assert (answer.verdict, answer.attempts, answer.reason) == (Verdict.NONE, 1, "closed")


def test_close_while_connecting(connect: Connect, call: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as mute:
        caller = connect(mute.getsockname()[1])

        def send_and_close() -> Any:
            sending = caller.client.send(B1)
            caller.client.close()
            return sending

        answer = call(send_and_close)
    assert (answer.verdict, answer.attempts, answer.reason) == (Verdict.NONE, 1, "closed")


def test_waiting_grows_up_to_a_ceiling_with_jitter() -> None:
    retry = Retry(first=1.0, ceiling=10.0, jitter=0.5)
    assert [retry.wait(attempt, 0.0) for attempt in (1, 2, 3, 4, 5, 5000)] == [1, 2, 4, 8, 10, 10]
    assert retry.wait(3, 0.999) == pytest.approx(2.0, abs=0.01)
