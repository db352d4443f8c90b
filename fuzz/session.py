"""Target: what can happen to an MLLP connection, in any order, through `mllp.session.Session`.

The first byte chooses the limits; then each byte is a happening, some with an argument behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from mllp.commands import Close, Command, HandOver, Oversize, Pause, Quarantine, Resume, Send
from mllp.framing import Decoder, Partial, encode
from mllp.session import Limits, Session

__all__ = ["check"]

MAX_FRAME, MAX_NOISE = 48, 24
LONGEST_WAIT = 100.0  # seconds, beyond every limit


def check(data: bytes) -> None:
    """Whatever happens in whatever order: see `Peer` for what must hold."""
    peer = Peer(data[:1])
    rest = iter(data[1:])
    for byte in rest:
        if peer.closed:
            break
        HAPPENINGS[byte % len(HAPPENINGS)](peer, next(rest, 0), rest)
    peer.leave()


class Peer:
    """A connection and what it was asked to do, checked at each command.

    Messages are handed over in the order of their bytes, so many at a time and no more; answers leave in
    that order and only for them; reading is paused and resumed in turn; after `Close` comes nothing; and
    time never stands still: a tick when it was asked for changes something.
    """

    def __init__(self, options: bytes) -> None:
        chosen = options[0] if options else 0
        self.limits = Limits(
            MAX_FRAME,
            MAX_NOISE,
            require_cr=bool(chosen & 4),
            idle_timeout=30.0 if chosen & 8 else None,
            max_in_work=1 + chosen % 4,
        )
        self.session = Session(self.limits, 0.0)
        self.now = 0.0
        self.closed = self.paused = self.finished = False
        self.heard = b""
        self.handed: list[bytes] = []
        self.quarantined: list[bytes] = []
        self.tickets: dict[int, bytes | None] = {}  # in order; the answer once there is one
        self.answered: set[int] = set()
        self.owed: dict[int, list[bytes]] = {}  # answers before the last that have not left yet
        self.last_ticket = 0

    def follow(self, commands: Sequence[Command]) -> None:
        """Carry out what the session wants."""
        for command in commands:
            assert not self.closed, "a command after the connection was closed"
            match command:
                case HandOver() | Oversize():
                    self.take(command)
                case Quarantine(partial):
                    self.quarantined.append(partial)
                case Send(data):
                    self.sent(data)
                case Pause() | Resume():
                    assert self.paused == isinstance(command, Resume), "paused twice or resumed unpaused"
                    self.paused = not self.paused
                case Close():
                    self.closed = True
        assert self.closed or len(self.tickets) - len(self.answered) <= self.limits.max_in_work
        assert len(self.session._held) <= self.limits.max_in_work, "held for what is not in work"

    def take(self, command: HandOver | Oversize) -> None:
        """A message is in work."""
        assert command.ticket == self.last_ticket + 1, "tickets count up"
        self.last_ticket = command.ticket
        self.tickets[command.ticket] = None
        if isinstance(command, HandOver):
            self.handed.append(command.message)

    def sent(self, data: bytes) -> None:
        """An answer leaves: the oldest one's, and it has been given."""
        for ticket in list(self.tickets):
            if self.owed.get(ticket):
                assert data == encode(self.owed[ticket].pop(0)), "not the oldest message's interim answer"
                return
            assert ticket in self.answered, "an answer that was not given"
            answer = self.tickets.pop(ticket)
            self.answered.discard(ticket)
            if answer is not None:
                assert data == encode(answer), "not the oldest message's answer"
                return
        raise AssertionError("an answer to nothing")

    def receive(self, data: bytes) -> None:
        """The network's part: nothing is read while reading is paused."""
        if not self.paused:
            self.heard += data
            self.follow(self.session.receive(data, self.now))

    def answer(self, which: int, *, silent: bool) -> None:
        """The application answers one of the messages in work, or says that nothing is to be said."""
        waiting = [ticket for ticket in self.tickets if ticket not in self.answered]
        if waiting:
            ticket = waiting[which % len(waiting)]
            self.tickets[ticket] = None if silent else b"answer %d" % ticket
            self.answered.add(ticket)
            self.follow(self.session.answer(ticket, self.tickets[ticket], self.now))
            while (first := next(iter(self.tickets), None)) in self.answered and self.tickets[first] is None:
                del self.tickets[first]  # told to say nothing: gone with its turn
                self.answered.discard(first)

    def interim(self, which: int) -> None:
        """The application answers one of the messages in work, with another answer to come."""
        waiting = [ticket for ticket in self.tickets if ticket not in self.answered]
        if waiting:
            ticket = waiting[which % len(waiting)]
            answer = b"interim %d" % which
            self.owed.setdefault(ticket, []).append(answer)
            self.follow(self.session.interim(ticket, answer))

    def abandon(self, ticket: int, last: bytes | None) -> None:
        """The application cannot answer; `last` leaves where it can be for no other message."""
        if last is not None and ticket == next(iter(self.tickets), None):
            self.tickets[ticket] = last
            self.answered.add(ticket)
        self.follow(self.session.abandon(ticket, last))

    def answer_late(self, ticket: int) -> None:
        """An answer to what nobody asked, or for the second time."""
        if ticket not in self.tickets or ticket in self.answered:
            assert self.session.answer(ticket, b"late", self.now) == []

    def hang_up(self) -> None:
        """The peer sends nothing more."""
        self.finished = self.finished or not self.limits.require_cr
        self.follow(self.session.eof(self.now))

    def wait(self, seconds: float) -> None:
        """Time passes, with a tick at every moment the session asked for."""
        until = self.now + seconds
        while not self.closed and (due := self.session.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            before = len(self.handed), self.paused
            commands = self.session.tick(self.now)
            self.finished = self.finished or not self.limits.require_cr
            self.follow(commands)
            later = self.session.next_deadline()
            moved = later is None or later > due or commands or before != (len(self.handed), self.paused)
            assert moved, "a tick that changes nothing: time would stand still"
        self.now = until

    def leave(self) -> None:
        """At the end: everything handed over is answered, and the connection closes."""
        self.follow(self.session.relieved(self.now))
        self.follow(self.session.drain(self.now))
        for _ in range(len(self.tickets) + 1):
            self.answer(0, silent=False)
        self.wait(LONGEST_WAIT)
        assert self.closed, "it never closes"
        assert self.session.next_deadline() is None
        assert self.session.receive(b"\x0bMSH\x1c\r", self.now) == []
        self.compare()

    def compare(self) -> None:
        """Messages come out as a decoder alone reads them; where the clock ended one, it may differ."""
        if not self.finished:
            pieces = Decoder(MAX_FRAME, MAX_NOISE).receive(self.heard)
            whole = [piece for piece in pieces if isinstance(piece, bytes)]
            cut = [piece.data for piece in pieces if isinstance(piece, Partial)]
            assert self.handed == whole[: len(self.handed)], "not the messages that were sent"
            assert self.quarantined == cut[: len(self.quarantined)]


Happening = Callable[[Peer, int, Iterator[int]], None]

HAPPENINGS: tuple[Happening, ...] = (
    lambda peer, number, rest: peer.receive(bytes(islice(rest, number % 32 + 1))),
    lambda peer, number, rest: peer.receive(bytes(islice(rest, number % 8 + 1))),
    lambda peer, number, rest: peer.receive(encode(b"MSH|%d" % number)),
    lambda peer, number, rest: peer.receive(encode(b"MSH|%d" % number) * (number % 5)),
    lambda peer, number, rest: peer.answer(number, silent=number > 200),
    lambda peer, number, rest: peer.answer(number, silent=False),
    lambda peer, number, rest: peer.wait(number / 4),
    lambda peer, number, rest: peer.follow(peer.session.congested(peer.now)),
    lambda peer, number, rest: peer.follow(peer.session.relieved(peer.now)),
    lambda peer, number, rest: peer.answer_late(number),
    lambda peer, number, rest: peer.abandon(
        number % (peer.last_ticket + 2), b"last" if number > 99 else None
    ),
    lambda peer, number, rest: peer.hang_up(),
    lambda peer, number, rest: peer.follow(peer.session.drain(peer.now)),
    lambda peer, number, rest: peer.interim(number),
)
