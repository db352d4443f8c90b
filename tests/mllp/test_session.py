"""The session, in playbooks: what happens, and what must follow."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mllp.commands import Close, Count, HandOver, Oversize, Pause, Quarantine, Resume, Send
from mllp.framing import encode
from mllp.session import Limits, Session

M1, M2, M3 = b"MSH|1\r", b"MSH|2\r", b"MSH|3\r"
F1, F2, F3 = encode(M1), encode(M2), encode(M3)


class Playbook:
    """A session whose clock stands at `at`; each verb checks what follows."""

    def __init__(self, **limits: Any) -> None:
        self.at = 0.0
        self.session = Session(Limits(**limits), self.at)

    def gets(self, data: bytes, *then: Any) -> Playbook:
        return self._check(self.session.receive(data, self.at), then)

    def answers(self, ticket: int, payload: bytes | None, *then: Any) -> Playbook:
        return self._check(self.session.answer(ticket, payload, self.at), then)

    def says(self, ticket: int, payload: bytes, *then: Any) -> Playbook:
        return self._check(self.session.interim(ticket, payload), then)

    def abandons(self, ticket: int, *then: Any, last: bytes | None = None) -> Playbook:
        return self._check(self.session.abandon(ticket, last), then)

    def ends(self, *then: Any) -> Playbook:
        return self._check(self.session.eof(self.at), then)

    def drains(self, *then: Any) -> Playbook:
        return self._check(self.session.drain(self.at), then)

    def waits(self, seconds: float, *then: Any) -> Playbook:
        """Time passes; the session must have asked for a tick if something follows."""
        self.at += seconds
        deadline = self.session.next_deadline()
        assert (deadline is not None and deadline <= self.at) == bool(then)
        return self._check(self.session.tick(self.at), then)

    def congests(self, *then: Any) -> Playbook:
        return self._check(self.session.congested(self.at), then)

    def relieves(self, *then: Any) -> Playbook:
        return self._check(self.session.relieved(self.at), then)

    def _check(self, commands: Sequence[Any], then: Sequence[Any]) -> Playbook:
        assert list(commands) == list(then)
        return self


def test_a_message_and_its_answer() -> None:
    Playbook().gets(F1, HandOver(1, M1)).answers(1, b"AA", Send(encode(b"AA"))).gets(F2, HandOver(2, M2))


def test_a03_one_in_work_and_the_rest_waits_with_reading_paused() -> None:
    (
        Playbook()
        .gets(F1 + F2 + F3, HandOver(1, M1), Pause())
        .answers(1, b"a1", Send(encode(b"a1")), HandOver(2, M2))
        .answers(2, b"a2", Send(encode(b"a2")), HandOver(3, M3), Resume())
        .answers(3, b"a3", Send(encode(b"a3")))
    )


def test_answers_leave_in_order_of_arrival() -> None:
    (
        Playbook(max_in_work=3)
        .gets(F1 + F2 + F3, HandOver(1, M1), HandOver(2, M2), HandOver(3, M3))
        .answers(3, b"a3")
        .answers(2, None)
        .answers(1, b"a1", Send(encode(b"a1")), Send(encode(b"a3")))
    )


def test_nothing_to_send_goes_on_with_the_next() -> None:
    Playbook().gets(F1 + F2, HandOver(1, M1), Pause()).answers(1, None, HandOver(2, M2), Resume())


def test_an_answer_twice_or_for_nobody_is_ignored() -> None:
    Playbook().gets(F1, HandOver(1, M1)).answers(1, None).answers(1, b"late").answers(9, b"whose?").abandons(
        1
    )


def test_abandoned_closes_without_an_answer() -> None:
    (
        Playbook()
        .gets(F1 + F2, HandOver(1, M1), Pause())
        .abandons(1, Close("abandoned"))
        .answers(1, b"late")
        .gets(F3)
        .ends()
        .drains()
        .waits(1000)
    )


def test_a36_an_interim_answer_keeps_the_next_message_waiting() -> None:
    (
        Playbook()
        .gets(F1 + F2, HandOver(1, M1), Pause())
        .says(1, b"CA", Send(encode(b"CA")))
        .waits(1000)
        .answers(1, b"AA", Send(encode(b"AA")), HandOver(2, M2), Resume())
        .says(1, b"late")
        .says(2, b"CA", Send(encode(b"CA")))
        .answers(2, None)
    )


def test_interim_answers_leave_in_order_of_arrival_too() -> None:
    (
        Playbook(max_in_work=3)
        .gets(F1 + F2 + F3, HandOver(1, M1), HandOver(2, M2), HandOver(3, M3))
        .says(2, b"i2")
        .says(3, b"i3")
        .answers(3, b"a3")
        .answers(1, None, Send(encode(b"i2")))
        .says(2, b"j2", Send(encode(b"j2")))
        .answers(2, b"a2", Send(encode(b"a2")), Send(encode(b"i3")), Send(encode(b"a3")))
    )


def test_an_interim_answer_before_the_end_is_not_the_end() -> None:
    play = Playbook().gets(F1, HandOver(1, M1)).ends(Pause()).says(1, b"CA", Send(encode(b"CA")))
    play.answers(1, b"AA", Send(encode(b"AA")), Close("peer_closed")).says(1, b"late")


def test_a71_last_words_are_only_said_where_they_cannot_be_misunderstood() -> None:
    Playbook().gets(F1, HandOver(1, M1)).abandons(1, Send(encode(b"no")), Close("abandoned"), last=b"no")
    both = Playbook(max_in_work=2).gets(F1 + F2, HandOver(1, M1), HandOver(2, M2)).says(2, b"held")
    both.abandons(2, Close("abandoned"), last=b"no").says(1, b"late")


def test_a04_a_split_frame_does_not_delay_the_one_before() -> None:
    (
        Playbook()
        .gets(F1 + F2[:3], HandOver(1, M1))
        .answers(1, b"a", Send(encode(b"a")))
        .waits(3)
        .gets(F2[3:], HandOver(2, M2))
    )


def test_a05_noise_is_counted() -> None:
    Playbook().gets(b"noise" + F1, Count("noise_bytes", 5), HandOver(1, M1)).waits(100)


def test_a06_no_cr_is_waited_for_half_a_second() -> None:
    Playbook().gets(F1[:-1]).waits(0.4).waits(0.1, Count("cr_missing", 1), HandOver(1, M1))


def test_a06_no_cr_is_an_error_when_required() -> None:
    Playbook(require_cr=True).gets(F1[:-1]).waits(0.5, Count("truncated_frames", 1), Close("no_cr"))


def test_a07_the_next_frame_stands_in_for_the_cr() -> None:
    Playbook().gets(F1[:-1] + F2, Count("cr_missing", 1), HandOver(1, M1), Pause())


def test_a08_a_restart_is_quarantined() -> None:
    Playbook().gets(
        b"\x0bMSH|cut" + F1, Quarantine(b"MSH|cut"), Count("restarted_frames", 1), HandOver(1, M1)
    )


def test_a11_silence_inside_a_frame() -> None:
    (
        Playbook()
        .gets(F1, HandOver(1, M1))
        .answers(1, None)
        .waits(5000)
        .gets(b"\x0b" + b"x" * 5000)
        .waits(9.9)
        .waits(0.1, Count("truncated_frames", 1), Close("read_timeout"))
    )


def test_a12_slowloris_ends_at_the_frame_timeout() -> None:
    play = Playbook().gets(b"\x0b")
    for _ in range(6):
        play.waits(9).gets(b"x")
    play.waits(6, Count("truncated_frames", 1), Close("frame_timeout"))


def test_a_timeout_still_answers_what_is_in_work() -> None:
    (
        Playbook()
        .gets(F1 + F2[:2], HandOver(1, M1))
        .waits(10, Count("truncated_frames", 1), Pause())
        .gets(F3)
        .answers(1, b"a", Send(encode(b"a")), Close("read_timeout"))
    )


def test_our_own_slowness_is_not_held_against_the_sender() -> None:
    (
        Playbook()
        .gets(F1 + F2 + F3[:2], HandOver(1, M1), Pause())
        .waits(300)
        .answers(1, None, HandOver(2, M2), Resume())
        .waits(9)
        .gets(F3[2:4])
        .waits(9)
        .gets(F3[4:], Pause())
    )


def test_a13_oversize_is_answered_and_read_to_its_end() -> None:
    (
        Playbook(max_frame=100)
        .gets(b"\x0bMSH|head\r" + b"x" * 100, Count("oversize_frames", 1), Oversize(1, b"MSH|head"))
        .gets(b"x" * 10_000)
        .answers(1, b"AR", Send(encode(b"AR")))
        .gets(b"x\x1c\r" + F1, Close("oversize"))
    )


def test_a13_oversize_without_an_end_is_closed_by_the_clock() -> None:
    (
        Playbook(max_frame=100)
        .gets(b"\x0b" + b"x" * 101, Count("oversize_frames", 1), Oversize(1, b""))
        .answers(1, None)
        .waits(10, Close("oversize"))
    )


def test_a13_oversize_waits_its_turn() -> None:
    (
        Playbook(max_frame=100)
        .gets(
            F1 + b"\x0bMSH\r" + b"x" * 101 + b"\x1c\r", Count("oversize_frames", 1), HandOver(1, M1), Pause()
        )
        .answers(1, b"a", Send(encode(b"a")), Oversize(2, b"MSH"))
        .answers(2, b"AR", Send(encode(b"AR")), Close("oversize"))
    )


def test_a14_half_close_still_gets_its_answer() -> None:
    (
        Playbook()
        .gets(F1 + F2, HandOver(1, M1), Pause())
        .ends()
        .answers(1, b"a", Send(encode(b"a")), HandOver(2, M2))
        .answers(2, b"b", Send(encode(b"b")), Close("peer_closed"))
    )


def test_a_half_close_stands_in_for_the_cr() -> None:
    Playbook().gets(F1[:-1]).ends(Count("cr_missing", 1), HandOver(1, M1), Pause())
    Playbook(require_cr=True).gets(F1[:-1]).ends(Count("truncated_frames", 1), Close("peer_closed"))


def test_a_cut_frame_gets_no_answer() -> None:
    Playbook().gets(F1[:4]).ends(Count("truncated_frames", 1), Close("peer_closed"))


def test_a68_a_stranger_is_closed_by_noise_or_by_time() -> None:
    request = b"GET / HTTP/1.1\r\n"
    Playbook().gets(request, Count("noise_bytes", 16)).waits(59).waits(1, Close("stranger"))
    Playbook(max_noise=10).gets(request, Count("noise_bytes", 11), Close("noise"))


def test_idle_links_stay_open_unless_told() -> None:
    Playbook().gets(F1, HandOver(1, M1)).answers(1, None).waits(86_400 * 7)
    play = Playbook(idle_timeout=60).waits(59).gets(F1, HandOver(1, M1)).waits(300)
    play.answers(1, None).waits(59).waits(1, Close("idle"))


def test_drain_finishes_what_is_in_work() -> None:
    Playbook().drains(Close("drained"))
    Playbook().gets(F1[:3]).drains(Close("drained"))
    (
        Playbook()
        .gets(F1 + F2, HandOver(1, M1), Pause())
        .drains()
        .answers(1, b"a", Send(encode(b"a")), Close("drained"))
    )


def test_a_peer_that_does_not_read_is_not_read_from() -> None:
    (
        Playbook()
        .gets(F1, HandOver(1, M1))
        .answers(1, b"a", Send(encode(b"a")))
        .congests(Pause())
        .gets(F2)
        .relieves(HandOver(2, M2), Resume())
        .congests(Pause())
        .waits(60, Close("answers_unread"))
    )


def test_content_has_no_voice() -> None:
    said = repr([HandOver(1, b"DOE"), Oversize(1, b"DOE"), Quarantine(b"DOE"), Send(b"DOE")])
    assert "DOE" not in said


class Talk:
    """A session whose application says something about any open message, in any order."""

    def __init__(self, in_work: int, dice: Any) -> None:
        self.session = Session(Limits(max_in_work=in_work), 0.0)
        self.in_work, self.dice = in_work, dice
        self.handed: list[bytes] = []
        self.sent: list[bytes] = []
        self.said: dict[int, list[bytes]] = {}
        self.open: list[int] = []

    def follow(self, commands: Sequence[Any]) -> None:
        for command in commands:
            if isinstance(command, HandOver):
                self.handed.append(command.message)
                self.said[command.ticket] = []
                self.open.append(command.ticket)
            elif isinstance(command, Send):
                self.sent.append(command.data)
        assert len(self.open) <= self.in_work

    def say_something(self) -> None:
        ticket = self.dice.choice(self.open)
        payload = b"%d.%d" % (ticket, len(self.said[ticket]))
        self.said[ticket].append(encode(payload))
        if self.dice.random() < 0.5:
            self.follow(self.session.interim(ticket, payload))
            assert ticket != self.open[0] or self.sent[-1] == encode(payload), "the first is heard at once"
        else:
            self.open.remove(ticket)
            self.follow(self.session.answer(ticket, payload, 0.0))


@given(
    st.lists(st.binary(max_size=8).filter(lambda b: not set(b) & {0x0B, 0x1C}), max_size=12),
    st.lists(st.integers(0, 120), max_size=10),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_every_message_is_handed_over_once_and_answered_in_order(
    messages: list[bytes], cuts: list[int], in_work: int, dice: Any
) -> None:
    """Each message gets some interim answers and a last one; the order of them all is that of arrival."""
    stream = b"".join(map(encode, messages))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    talk = Talk(in_work, dice)
    for low, high in itertools.pairwise(edges):
        talk.follow(talk.session.receive(stream[low:high], 0.0))
        if talk.open and dice.random() < 0.5:
            talk.say_something()
    while talk.open:
        talk.say_something()
    assert talk.handed == messages
    assert talk.sent == [answer for answers in talk.said.values() for answer in answers]


@pytest.mark.parametrize("at_end", ["eof", "drain"])
def test_a_session_closes_exactly_once(at_end: str) -> None:
    session = Session(Limits(), 0.0)
    assert [type(command) for command in getattr(session, at_end)(0.0)][-1] is Close
    assert getattr(session, at_end)(0.0) == []
    assert session.next_deadline() is None
    assert session.congested(0.0) == session.relieved(0.0) == []
