"""The server over real sockets: spec/ack.md section 8 as far as the wire goes, with a trivial application."""

from __future__ import annotations

import gc
import logging
import random
import resource
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from mllp_wire import A1, B1, Sender, Served, acknowledgement, eventually
from patience import PATIENCE

from mllp.framing import encode
from mllp.server import Arrived, Caps
from mllp.session import Limits

Serve = Callable[..., Served]


def numbered(n: int) -> bytes:
    return B1.replace(b"|C1|", b"|C%d|" % n)


def test_a01_a_message_is_answered(serve: Serve) -> None:
    served = serve()
    sender = served.connect()
    sender.send(B1)
    assert sender.answer() == A1
    assert served.application.received == [B1]
    assert served.application.peers[0].host == "127.0.0.1"


def test_a02_one_byte_per_segment(serve: Serve) -> None:
    served = serve()
    sender = served.connect()
    for byte in encode(B1):
        sender.raw(bytes([byte]))
    assert sender.answer() == A1


def test_a03_fifty_frames_in_one_write(serve: Serve) -> None:
    sender = serve().connect()
    frames = [numbered(n) for n in range(1, 51)]
    sender.send(*frames)
    assert [sender.answer() for _ in frames] == [acknowledgement(frame) for frame in frames]


def test_a04_the_first_answer_does_not_wait_for_the_second_frame(serve: Serve) -> None:
    sender = serve().connect()
    second = encode(numbered(2))
    sender.raw(encode(B1) + second[:40])
    assert sender.answer() == A1
    sender.raw(second[40:])
    assert sender.answer() == acknowledgement(numbered(2))


def test_a05_noise_before_the_frame(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    served = serve()
    sender = served.connect()
    noise = bytes(random.Random(5).choice(range(0x20, 0x100)) for _ in range(1000))
    sender.raw(noise + encode(B1))
    assert sender.answer() == A1
    assert served.server.counters["noise_bytes"] == 1000
    assert noise[:20].decode("latin-1") not in caplog.text


def test_a06_no_cr_then_silence(serve: Serve) -> None:
    forgiving, strict = serve(), serve(limits=Limits(require_cr=True))
    for served, expected in ((forgiving, A1), (strict, b"")):
        sender = served.connect()
        started = time.monotonic()
        sender.raw(encode(B1)[:40])
        sender.raw(encode(B1)[40:-1])
        assert sender.answer() == expected
        assert 0.4 < time.monotonic() - started < 1.5 * PATIENCE
    assert strict.server.counters["closed_no_cr"] == 1


def test_a07_the_next_start_byte_ends_the_frame(serve: Serve) -> None:
    sender = serve().connect()
    sender.raw(encode(B1)[:-1] + encode(numbered(2)))
    assert [sender.answer(), sender.answer()] == [A1, acknowledgement(numbered(2))]


def test_a08_a_restarted_frame_is_quarantined(serve: Serve) -> None:
    served = serve()
    sender = served.connect()
    sender.raw(b"\x0bMSH|^~\\&|EHR")
    sender.send(B1)
    assert sender.answer() == A1
    assert served.application.quarantined == [b"MSH|^~\\&|EHR"]
    assert served.application.received == [B1]


@pytest.mark.parametrize(
    ("text", "counter"), [(b"\x0b", "vt_in_data"), (b"\x1cA", "fs_in_data")], ids=["A09", "A10"]
)
def test_framing_bytes_inside_text_stay(serve: Serve, text: bytes, counter: str) -> None:
    served = serve()
    sender = served.connect()
    message = B1 + b"NTE|1||one" + text + b"two\r"
    sender.send(message)
    assert sender.answer() == A1
    assert served.application.received == [message]
    assert served.server.counters[counter] == 1


def test_a11_silence_inside_a_frame_closes_only_that_connection(serve: Serve) -> None:
    served = serve(limits=Limits(read_timeout=0.3))
    silent, other = served.connect(), served.connect()
    silent.raw(b"\x0b" + b"x" * 5000)
    assert silent.closed()
    other.send(B1)
    assert other.answer() == A1
    assert served.application.received == [B1]
    assert served.server.counters["closed_read_timeout"] == 1


def test_a12_slowloris(serve: Serve) -> None:
    served = serve(limits=Limits(read_timeout=0.4, frame_timeout=0.8))
    sender = served.connect()
    started = time.monotonic()
    with pytest.raises(OSError):
        sender.raw(b"\x0b")
        while True:
            sender.raw(b"x")
            time.sleep(0.05)
    assert time.monotonic() - started < 2 * PATIENCE
    assert served.server.counters["closed_frame_timeout"] == 1


def test_a13_oversize_is_refused_in_bounded_memory(serve: Serve) -> None:
    limit = 16 * 1024 * 1024
    served = serve(limits=Limits(max_frame=limit))
    sender = served.connect()
    sender.send(B1)
    assert sender.answer() == A1
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    portion = b"x" * 65536
    sender.raw(b"\x0b" + B1)
    for _ in range((limit - len(B1)) // len(portion)):
        sender.raw(portion)
    sender.raw(portion * 3 + b"\x1c\r")
    assert sender.answer() == acknowledgement(B1, b"AR")
    assert sender.closed()
    assert served.application.heads == [B1.split(b"\r")[0]]
    assert served.application.received == [B1]
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < limit + 10 * 1024 * 1024


def test_a14_half_close_still_gets_the_answer(serve: Serve, reactor: Any) -> None:
    later: list[Arrived] = []
    served = serve(receive=later.append)
    sender = served.connect()
    sender.send(B1)
    sender.socket.shutdown(socket.SHUT_WR)
    assert served.counted("messages", 1)
    reactor.callFromThread(later[0].answer, A1)
    assert sender.answer() == A1
    assert sender.closed()


def test_a15_the_peer_goes_before_the_answer(serve: Serve, reactor: Any) -> None:
    later: list[Arrived] = []
    served = serve(receive=later.append)
    sender = served.connect()
    sender.send(B1)
    assert served.counted("messages", 1)
    sender.close()
    reactor.callFromThread(later[0].answer, A1)
    again = served.connect()
    again.send(B1)
    assert served.counted("messages", 2)
    reactor.callFromThread(later[1].answer, A1)
    assert again.answer() == A1


@pytest.mark.parametrize(
    "message",
    [
        B1.replace(b"\r", b"\n"),
        B1.replace(b"\r", b"\r\n"),
        b"\xef\xbb\xbf" + B1,
        b"\r\n" + B1 + b"\n",
    ],
    ids=["A18-lf", "A18-crlf", "A66-bom", "leading"],
)
def test_raw_bytes_arrive_untouched(serve: Serve, message: bytes) -> None:
    served = serve()
    sender = served.connect()
    sender.send(message)
    assert sender.answer() == A1
    assert served.application.received == [message]


def test_a68_http_is_not_answered(serve: Serve) -> None:
    served = serve(limits=Limits(frame_timeout=0.3))
    browser, flood = served.connect(), served.connect()
    browser.raw(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert browser.closed()
    flood.raw(b"GET / HTTP/1.1\r\n" * 5000)
    assert flood.closed()
    assert served.server.counters["closed_stranger"] == 1
    assert served.server.counters["closed_noise"] == 1


def test_a69_two_hundred_connections_from_one_address(serve: Serve) -> None:
    served = serve()
    senders = [served.connect() for _ in range(200)]
    assert served.counted("refused_peer", 192)
    kept = senders[:8]
    for sender in kept:
        sender.send(B1)
    assert [sender.answer() for sender in kept] == [A1] * 8
    assert all(sender.closed() for sender in senders[8:])
    for sender in senders:
        sender.close()
    assert served.counted("closed_peer_closed", 8)
    newcomer = served.connect()
    newcomer.send(B1)
    assert newcomer.answer() == A1


def test_the_cap_of_the_whole_listener(serve: Serve) -> None:
    served = serve(caps=Caps(total=2, per_peer=10))
    senders = [served.connect() for _ in range(3)]
    assert senders[2].closed()
    assert served.server.counters["refused_total"] == 1


def test_only_listed_addresses_get_in(serve: Serve) -> None:
    refused, admitted = serve(peers=("10.0.0.0/8", "fe80::/10")), serve(peers=("10.0.0.0/8", "127.0.0.0/8"))
    stranger, friend = refused.connect(), admitted.connect()
    assert stranger.closed()
    assert refused.server.counters["refused_address"] == 1
    friend.send(B1)
    assert friend.answer() == A1


def test_an_ipv4_peer_on_an_ipv6_socket_is_known_by_its_ipv4_address(serve: Serve) -> None:
    server = serve(peers=("10.0.0.0/8",)).server
    assert server.admits("::ffff:10.1.2.3") is None
    assert server.admits("::ffff:11.1.2.3") == "refused_address"


def test_newcomers_are_closed_while_not_accepting(serve: Serve) -> None:
    served = serve()
    early = served.connect()
    early.send(B1)
    assert early.answer() == A1
    served.server.accepting = False
    assert served.connect().closed()
    early.send(B1)
    assert early.answer() == A1


def test_abandoned_is_closed_without_an_answer(serve: Serve) -> None:
    served = serve(receive=Arrived.abandon)
    sender = served.connect()
    sender.send(B1, B1)
    assert sender.closed()
    assert served.server.counters["messages"] == 1


def test_a_peer_can_be_dismissed_after_its_answer(serve: Serve) -> None:
    def receive(arrived: Arrived) -> None:
        arrived.close()
        arrived.answer(acknowledgement(arrived.message, b"AR"))

    served = serve(receive=receive)
    sender = served.connect()
    sender.send(B1, B1)
    assert sender.answer() == acknowledgement(B1, b"AR")
    assert sender.closed()
    assert served.server.counters["messages"] == 1
    assert served.server.counters["closed_dismissed"] == 1


def test_an_application_that_fails_answers_nothing(serve: Serve) -> None:
    def fail(_: Arrived) -> None:
        raise RuntimeError("the application's own fault")

    served = serve(receive=fail, limits=Limits(cr_timeout=0.05))
    for frames in (encode(B1), encode(B1) * 3, encode(B1)[:-1]):  # the last one by the timer
        sender = served.connect()
        sender.raw(frames)
        assert sender.closed()
    assert served.server.counters["messages"] == 3
    assert eventually(lambda: served.server.connections == 0)


def test_drain_answers_what_is_in_work_and_closes(
    serve: Serve, reactor: Any, call: Callable[..., Any]
) -> None:
    later: list[Arrived] = []
    served = serve(receive=later.append)
    busy, idle = served.connect(), served.connect()
    busy.send(B1)
    assert served.counted("messages", 1)
    assert served.counted("connections_accepted", 2)
    reactor.callFromThread(reactor.callLater, 0.1, later[0].answer, A1)
    call(served.server.drain, 5.0)
    assert busy.answer() == A1
    assert busy.closed()
    assert idle.closed()
    assert served.server.connections == 0
    with pytest.raises(ConnectionRefusedError):
        Sender(served.port)


def test_drain_cuts_what_takes_too_long(serve: Serve, call: Callable[..., Any]) -> None:
    served = serve(receive=lambda _: None)
    sender = served.connect()
    sender.send(B1)
    assert served.counted("messages", 1)
    call(served.server.drain, 0.1)
    assert sender.closed()


def test_a_peer_that_never_reads_is_not_read_from_and_then_closed(serve: Serve) -> None:
    served = serve(
        receive=lambda arrived: arrived.answer(b"y" * 100_000),
        limits=Limits(frame_timeout=0.5, read_timeout=0.5),
    )
    sender = served.connect()
    sender.send(*[B1] * 10_000)
    assert served.counted("closed_answers_unread", 1)
    assert served.server.counters["messages"] < 1000


def test_sockets_are_kept_alive_and_undelayed(serve: Serve) -> None:
    arrived: list[Arrived] = []
    served = serve(receive=arrived.append)
    served.connect().send(B1)
    assert served.counted("messages", 1)
    handle = arrived[0]._connection.transport.getHandle()
    options = [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
    ]
    assert [handle.getsockopt(*option) for option in options] == [1, 1, 60, 15, 4]
