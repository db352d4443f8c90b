"""One MLLP connection as a pure state machine: bytes, answers and time in, commands out.

No socket and no clock: the caller says what arrived and what time it is (seconds of any monotonic
clock) and carries out the returned commands in order. Answers leave in the order in which the
messages arrived. While the allowed number of messages is in work, further ones wait in the socket:
`Pause` follows as soon as a message has to wait here, so that no more than one read does (pausing at
every message would cost two system calls each, for senders that wait for their answer anyway).

A positive rule runs through it: whoever gets no answer sends again, so whenever something is wrong
with the stream itself, complete messages are still answered, the rest is dropped and the connection
is closed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mllp.commands import (
    Close,
    CloseReason,
    Command,
    Count,
    HandOver,
    Oversize,
    Pause,
    Quarantine,
    Resume,
    Send,
)
from mllp.framing import MAX_FRAME, MAX_NOISE, Decoder, Fault, Partial, Piece, TooLong, encode

__all__ = ["Limits", "Session"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may cost: bytes and seconds. The defaults are the field's practice;
    MLLP Release 2 suggests 40 s or more for a partial block, here `frame_timeout`."""

    max_frame: int = MAX_FRAME
    max_noise: int = MAX_NOISE
    read_timeout: float = 10.0
    """Longest silence inside a message."""
    frame_timeout: float = 60.0
    """Longest time from start byte to end byte, however busily the bytes trickle."""
    cr_timeout: float = 0.5
    """How long the CR behind the end byte may take."""
    require_cr: bool = False
    """Without the CR: close instead of taking the message as complete."""
    idle_timeout: float | None = None
    """Longest silence between messages; senders keep links open for days, so none by default."""
    max_in_work: int = 1
    """Messages handed over and not yet answered."""


_PAUSE, _RESUME = Pause(), Resume()


class _Pending:
    """An answer that was not given yet (None means: nothing to send)."""


_PENDING = _Pending()


class Session:
    """The receiving side of one connection."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._decoder = Decoder(limits.max_frame, limits.max_noise)
        self._waiting: deque[bytes | TooLong] = deque()
        self._work: dict[int, bytes | _Pending | None] = {}  # in order of arrival
        self._held: dict[int, list[bytes]] = {}  # interim answers that wait for those before them
        self._next_ticket = 1
        self._ending: CloseReason | None = None
        self._closed = False
        self._skipping = False
        self._paused_at: float | None = None
        self._congested_at: float | None = None
        self._heard = now
        self._begun = now
        self._begun_seen = 0
        self._stranger_since: float | None = None

    # What happens

    def receive(self, data: bytes, now: float) -> list[Command]:
        """Bytes arrived."""
        if self._closed or (self._ending and not self._skipping):
            return []
        self._heard = now
        decoder = self._decoder
        pieces = decoder.receive(data)
        if decoder.begun != self._begun_seen:
            self._begun_seen, self._begun, self._stranger_since = decoder.begun, now, None
        elif not decoder.begun and self._stranger_since is None:
            self._stranger_since = now
        return self._take(pieces, [], now)

    def answer(self, ticket: int, payload: bytes | None, now: float) -> list[Command]:
        """The application settles a ticket; None sends nothing. Too late or twice: ignored."""
        if self._work.get(ticket) is not _PENDING:
            return []
        self._work[ticket] = payload
        if not self._decoder.inside:
            self._heard = now  # idle time counts from the answer
        commands: list[Command] = []
        while self._work:
            first = next(iter(self._work))
            if self._held:
                commands += [Send(encode(held)) for held in self._held.pop(first, ())]
            ready = self._work[first]
            if isinstance(ready, _Pending):
                break
            del self._work[first]
            if ready is not None:
                commands.append(Send(encode(ready)))
        return self._advance(commands, now)

    def interim(self, ticket: int, payload: bytes) -> list[Command]:
        """An answer before the last: the ticket stays in work, and the next message with it. It leaves at
        once, or behind the answers to what arrived earlier. After the last answer: ignored."""
        if self._work.get(ticket) is not _PENDING:
            return []
        if ticket == next(iter(self._work)):
            return [Send(encode(payload))]
        self._held.setdefault(ticket, []).append(payload)
        return []

    def abandon(self, ticket: int, last: bytes | None = None) -> list[Command]:
        """The application cannot answer: close, so that the sender sends again. `last` is sent before,
        unless it could be taken for the answer to an earlier message that has none yet."""
        if self._work.get(ticket) is not _PENDING:
            return []
        commands: list[Command] = []
        if last is not None and ticket == next(iter(self._work)):
            commands.append(Send(encode(last)))
        return self._close("abandoned", commands)

    def eof(self, now: float) -> list[Command]:
        """The peer will send nothing more; it may still be reading."""
        if self._closed:
            return []
        pieces: list[Piece] = []
        if self._decoder.awaiting_cr and not self._limits.require_cr:
            pieces = self._decoder.finish()
        return self._take(pieces, self._cut("peer_closed"), now)

    def drain(self, now: float, reason: CloseReason = "drained") -> list[Command]:
        """Close as soon as what is in work has been answered; take nothing new."""
        if self._closed:
            return []
        self._waiting.clear()
        self._end(reason)
        return self._advance([], now)

    def congested(self, now: float) -> list[Command]:
        """The peer does not take its answers: read nothing more until `relieved`."""
        self._congested_at = now
        return self._advance([], now)

    def relieved(self, now: float) -> list[Command]:
        """The peer took its answers."""
        self._congested_at = None
        return self._advance([], now)

    def tick(self, now: float) -> list[Command]:
        """Time passed. Harmless when nothing is due."""
        due = self._due()
        if due is None or now < due[0]:
            return []
        reason = due[1]
        if reason == "no_cr" and not self._limits.require_cr:
            return self._take(self._decoder.finish(), [], now)
        if reason == "answers_unread":
            return self._close(reason, [])
        return self._advance(self._cut(reason), now)

    def next_deadline(self) -> float | None:
        """When to call `tick` at the latest, or None while time does not matter."""
        due = self._due()
        return due[0] if due else None

    # What follows from it

    def _take(self, pieces: list[Piece], commands: list[Command], now: float) -> list[Command]:
        for piece in pieces:
            if isinstance(piece, bytes):
                self._waiting.append(piece)
            else:
                self._take_fault(piece, commands)
        if self._decoder.counts:
            commands.extend(Count(name, n) for name, n in self._decoder.counts.items())
            self._decoder.counts.clear()
        return self._advance(commands, now)

    def _take_fault(self, piece: Partial | TooLong | Fault, commands: list[Command]) -> None:
        if isinstance(piece, Partial):
            commands.append(Quarantine(piece.data))
        elif isinstance(piece, TooLong):
            self._waiting.append(piece)
            self._ending = "oversize"
            # Read on to the end of it: closing with unread bytes would reset the connection and
            # could destroy the answer on its way.
            self._skipping = True
        elif piece is Fault.SKIPPED:
            self._skipping = False
        else:
            self._end("noise")

    def _advance(self, commands: list[Command], now: float) -> list[Command]:
        if self._closed:
            return commands
        if self._congested_at is None:
            while self._waiting and len(self._work) < self._limits.max_in_work:
                commands.append(self._hand_over(self._waiting.popleft()))
        if self._ending and not (self._work or self._waiting or self._skipping):
            return self._close(self._ending, commands)
        pause = bool(self._waiting) or self._congested_at is not None or self._ending is not None
        pause = pause and not self._skipping
        if pause and self._paused_at is None:
            self._paused_at = now
            commands.append(_PAUSE)
        elif not pause and self._paused_at is not None:
            self._resume(self._paused_at, now)
            commands.append(_RESUME)
        return commands

    def _hand_over(self, item: bytes | TooLong) -> Command:
        ticket = self._next_ticket
        self._next_ticket += 1
        self._work[ticket] = _PENDING
        return HandOver(ticket, item) if isinstance(item, bytes) else Oversize(ticket, item.head)

    def _resume(self, paused_at: float, now: float) -> None:
        """Read again. The time since the pause was ours: the peer's clocks stood still."""
        self._begun += now - max(paused_at, self._begun)
        self._heard = now
        self._paused_at = None

    def _cut(self, reason: CloseReason) -> list[Command]:
        """The stream ends here, possibly inside a message, which is then dropped."""
        truncated = self._decoder.inside and not self._skipping
        self._end(reason)
        return [Count("truncated_frames", 1)] if truncated else []

    def _end(self, reason: CloseReason) -> None:
        self._ending = self._ending or reason
        self._skipping = False

    def _close(self, reason: CloseReason, commands: list[Command]) -> list[Command]:
        self._closed = True
        self._waiting.clear()
        self._work.clear()
        self._held.clear()
        commands.append(Close(reason))
        return commands

    def _due(self) -> tuple[float, CloseReason] | None:
        limits = self._limits
        if self._closed:
            return None
        if self._congested_at is not None:
            return self._congested_at + limits.frame_timeout, "answers_unread"
        if self._paused_at is not None:
            return None
        if self._decoder.inside:
            return self._due_inside()
        if self._stranger_since is not None:
            return self._stranger_since + limits.frame_timeout, "stranger"
        if limits.idle_timeout is not None and not self._work:
            return self._heard + limits.idle_timeout, "idle"
        return None

    def _due_inside(self) -> tuple[float, CloseReason]:
        limits = self._limits
        if self._decoder.awaiting_cr:
            return self._heard + limits.cr_timeout, "no_cr"
        silence = self._heard + limits.read_timeout
        age = self._begun + limits.frame_timeout
        return (silence, "read_timeout") if silence <= age else (age, "frame_timeout")
