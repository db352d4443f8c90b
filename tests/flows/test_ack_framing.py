"""Acknowledgement cases A01 to A18, A66 and A68 to A69: frames on real sockets (spec: ack, section 8)."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from base_message import B1, a1, b1, is_answer
from flow_case import Case
from patience import PATIENCE
from running import Engine, channel, wait_for
from sending import framed

MEBIBYTE = 1024 * 1024


def test_a01_a_message_is_answered_stored_and_has_its_effect(case: Case) -> None:
    message = b1("A01")
    assert is_answer(case.ask(message), a1("A01"))
    assert case.is_one_delivery(message)


def test_a02_byte_by_byte(case: Case) -> None:
    sender, message = case.connect(), b1("A02")
    for byte in framed(message):
        sender.raw(bytes([byte]))
        time.sleep(0.005)
    assert is_answer(sender.answer(), a1("A02"))
    assert case.is_one_delivery(message)


def test_a03_fifty_messages_in_one_write(case: Case) -> None:
    sender = case.connect()
    sender.send(*(b1(f"A03-{number}") for number in range(50)))
    for number in range(50):
        assert is_answer(sender.answer(), a1(f"A03-{number}"))
    assert case.states() == ["delivered"] * 50
    assert len(case.effects()) == 50


def test_a04_half_a_message_does_not_hold_back_the_answer_before_it(case: Case) -> None:
    sender, second = case.connect(), framed(b1("A04-2"))
    sender.raw(framed(b1("A04-1")) + second[:90])
    assert is_answer(sender.answer(within=1), a1("A04-1"))
    assert sender.is_quiet(3)
    sender.raw(second[90:])
    assert is_answer(sender.answer(), a1("A04-2"))
    assert case.states() == ["delivered"] * 2


def test_a05_noise_is_skipped_counted_and_not_logged(case: Case) -> None:
    noise = bytes(random.Random(5).choices(sorted(set(range(256)) - {0x0B}), k=1000))
    before = case.engine.counted("noise_bytes")
    sender, message = case.connect(), b1("A05")
    sender.raw(noise)
    sender.send(message)
    assert is_answer(sender.answer(), a1("A05"))
    assert case.engine.counted("noise_bytes") - before == 1000
    logged = "\n".join(case.engine.logs).encode("utf-8", "replace")
    assert not any(noise[at : at + 8] in logged for at in range(992))
    assert case.is_one_delivery(message)


def test_a06_without_its_last_byte_a_message_counts(case: Case) -> None:
    sender, message = case.connect(), b1("A06")
    sender.raw(b"\x0b" + message + b"\x1c")
    assert is_answer(sender.answer(within=1), a1("A06"))
    assert case.is_one_delivery(message)


def test_a06_where_the_last_byte_is_required_it_does_not(case: Case) -> None:
    sender = case.connect("strict")
    sender.raw(b"\x0b" + b1("A06-strict") + b"\x1c")
    assert sender.answer() is None
    assert case.stored() == []


def test_a07_the_next_start_byte_ends_a_message_too(case: Case) -> None:
    sender = case.connect()
    sender.raw(b"\x0b" + b1("A07-1") + b"\x1c" + framed(b1("A07-2")))
    assert is_answer(sender.answer(), a1("A07-1"))
    assert is_answer(sender.answer(), a1("A07-2"))
    assert case.states() == ["delivered"] * 2


def test_a08_a_sender_that_starts_over(case: Case) -> None:
    sender, message = case.connect(), b1("A08")
    sender.raw(b"\x0bMSH|^~\\&|EHR^1.2" + framed(message))
    assert is_answer(sender.answer(), a1("A08"))
    assert sender.is_quiet()
    assert sorted(case.states()) == ["delivered", "quarantined: framing"]
    assert len(case.effects()) == 1


@pytest.mark.parametrize(
    ("name", "inside", "event"), [("A09", b"\x0b", "vt_in_data"), ("A10", b"\x1cA", "fs_in_data")]
)
def test_a09_a10_control_bytes_inside_text_stay(case: Case, name: str, inside: bytes, event: str) -> None:
    before = case.engine.counted(event)
    message = b1(name) + b"NTE|1||remark" + inside + b"remark\r"
    assert is_answer(case.ask(message), a1(name))
    assert case.engine.counted(event) - before == 1
    assert case.is_one_delivery(message)


def test_a11_a_silent_frame_is_dropped_and_disturbs_nobody(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start("hasty=3")
    silent, other = engine.connect(), engine.connect()
    silent.raw(b"\x0b" + B1 + b"NTE|1||" + b"a" * 5000)
    began = time.monotonic()
    assert is_answer(other.ask(b1("A11")), a1("A11"))
    assert silent.answer() is None
    assert 0.9 < time.monotonic() - began < 2 * PATIENCE
    assert engine.counted("closed_read_timeout") == engine.counted("truncated_frames") == 1
    assert [view.state.value for view in engine.settle()] == ["delivered"]


def test_a12_a_frame_that_never_ends_is_closed_however_busy(make_engine: Callable[..., Engine]) -> None:
    """The default of 60 seconds is the session's (tests/mllp); here 3 must do."""
    engine = make_engine(channel("charges")).start("hasty=3")
    slow = engine.connect()
    began = time.monotonic()
    slow.raw(b"\x0b")
    with pytest.raises(OSError):
        while time.monotonic() - began < 10 * PATIENCE:
            slow.raw(b"a")
            time.sleep(0.3)
    assert 2.5 < time.monotonic() - began < 5 * PATIENCE
    assert engine.counted("closed_frame_timeout") == 1
    assert engine.messages() == []


@pytest.mark.parametrize("more", [1, 20 * MEBIBYTE])
def test_a13_oversize(case: Case, more: int) -> None:
    pid = case.engine.process.pid
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # forget the highest mark
    before = _memory(pid, "VmRSS")
    sender, name = case.connect("small"), f"A13-{more}"
    start = b1(name) + b"NTE|1||"
    sender.raw(framed(start + b"a" * (MEBIBYTE + more - len(start))))
    error = "ERR||MSH^1|104^Value too long^HL70357|E||||Message longer than this channel takes⏎"
    assert is_answer(sender.answer(), a1(name, "AR") + error)
    assert sender.answer() is None
    assert case.states() == ["quarantined: oversize"]
    assert case.engine.content(case.stored()[0].id) == start.partition(b"\r")[0]
    assert _memory(pid, "VmHWM") - before < 11 * MEBIBYTE


def test_a14_half_closed_after_the_frame(case: Case) -> None:
    sender, message = case.connect(), b1("A14")
    sender.send(message)
    sender.half_close()
    assert is_answer(sender.answer(), a1("A14"))
    assert sender.answer() is None
    assert case.is_one_delivery(message)


def test_a15_gone_before_the_answer_and_back(case: Case) -> None:
    sender, message = case.connect(), b1("A15")
    sender.send(message)
    sender.close()
    assert is_answer(case.ask(message), a1("A15"))
    assert sorted(case.states()) == ["delivered", "duplicate"]
    assert len(case.effects()) == 1


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a18_other_segment_ends(case: Case, end: bytes) -> None:
    name = f"A18-{len(end)}"
    message = b1(name).replace(b"\r", end)
    assert is_answer(case.ask(message), a1(name))
    assert case.is_one_delivery(message)


def test_a66_byte_order_mark(case: Case) -> None:
    before = case.engine.counted("byte_order_mark")
    message = b"\xef\xbb\xbf" + b1("A66")
    assert is_answer(case.ask(message), a1("A66"))
    assert case.engine.counted("byte_order_mark") - before == 1
    assert case.is_one_delivery(message)


def test_a68_another_protocol_is_not_answered(make_engine: Callable[..., Engine]) -> None:
    engine = make_engine(channel("charges")).start("hasty=1.5")
    browser = engine.connect()
    browser.raw(b"GET / HTTP/1.1\r\nHost: engine\r\nUser-Agent: wanderer\r\n\r\n")
    assert browser.answer() is None
    scanner = engine.connect()
    scanner.raw(bytes(64 * 1024))
    scanner.raw(b"\0")
    assert scanner.answer() is None
    assert engine.counted("closed_stranger") == engine.counted("closed_noise") == 1
    assert engine.messages() == []


def test_a69_more_connections_than_one_address_may_have(case: Case) -> None:
    senders = [case.connect(host="127.0.0.69") for _ in range(200)]
    served = []
    for number, sender in enumerate(senders):
        try:
            sender.send(b1(f"A69-{number}"))
            answer = sender.answer(within=2)
        except OSError:
            answer = None
        if answer is not None:
            assert is_answer(answer, a1(f"A69-{number}"))
            served.append(sender)
    assert served == senders[:8]
    assert is_answer(served[0].ask(b1("A69-again")), a1("A69-again"))
    for sender in senders:
        sender.close()
    wait_for(lambda: case.connect(host="127.0.0.69").ask(b1("A69-later")) is not None, "a free place")
    assert case.engine.counted("refused_peer") >= 192


def _memory(pid: int, what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024
