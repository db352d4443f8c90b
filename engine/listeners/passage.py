"""From a thread that reads files into the reactor's thread, where messages are taken, and back.

A few messages at a time are handed over and waited for, so that a file of any size needs little memory and
never runs ahead of the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from engine.errors import Unacceptable, Unavailable
from engine.hl7.batch import Kind, Part
from engine.hl7.header import read_header
from engine.listeners.channel import Channel, Doors
from engine.listeners.exchange import Reply
from engine.listeners.reception import Reception
from engine.model import Arrival, Reason, Receipt
from engine.telemetry import LoopFailed, signal

__all__ = ["Passage", "Slip", "Stopped"]

LOOK_EVERY = 0.2  # seconds between looks whether a stop was asked for


class Stopped(Exception):
    """A stop was asked for while messages were on their way."""


class Slip:
    """What came back for one message: its answers, and why they are bad if they are."""

    __slots__ = ("_group", "answers", "reason")

    def __init__(self, group: _Group) -> None:
        self._group = group
        self.answers: list[bytes] = []
        self.reason: Reason | None = None

    def committed(self) -> None:
        """Nothing is told of this."""

    def interim(self, payload: bytes) -> None:
        self.answers.append(payload)

    def answer(self, payload: bytes | None) -> None:
        if payload is not None:
            self.answers.append(payload)
        self._group.settled()

    def abandon(self, last: bytes | None = None) -> None:  # noqa: ARG002 - it is handed over again
        self._group.failed()


class _Group:
    """Messages that were handed over together."""

    def __init__(self, size: int) -> None:
        self.slips = [Slip(self) for _ in range(size)]
        self.over = threading.Event()
        self.lost = False
        self._open = size

    def settled(self) -> None:
        self._open -= 1
        if not self._open:
            self.over.set()

    def failed(self) -> None:
        self.lost = True
        self.over.set()


class Passage:
    """The way of one channel's files into its reception. `stopping()` says whether to wait no longer."""

    def __init__(
        self,
        channel: Channel,
        doors: Doors,
        counters: dict[str, int],
        *,
        from_thread: Callable[..., Any],
        stopping: Callable[[], bool],
    ) -> None:
        self._doors, self._charset = doors, channel.rules.charset
        self._reception = Reception(channel, doors, counters, _note)
        self._from_thread, self._stopping = from_thread, stopping

    def messages(self, parts: Sequence[Part]) -> list[Slip]:
        """Take these messages; what came back, in order. Raises `Unavailable` when not all of them
        could be stored (those that were are known when they come again), and `Stopped`."""
        group = _Group(len(parts))
        return self._wait(group, self._take_all, parts, group) if parts else []

    def keep(self, arrival: Arrival) -> None:
        """Store what is no message to be taken. Raises as `messages` does."""
        group = _Group(1)

        def stored(receipt: Receipt | None) -> None:
            group.settled() if receipt else group.failed()

        self._wait(group, self._doors.submit, arrival, stored)

    def _wait(self, group: _Group, call: Callable[..., None], *given: Any) -> list[Slip]:
        self._from_thread(call, *given)
        while not group.over.wait(LOOK_EVERY):
            if self._stopping():
                raise Stopped
        if group.lost:
            raise Unavailable("not everything could be stored")
        return group.slips

    def _take_all(self, parts: Sequence[Part], group: _Group) -> None:
        """In the reactor's thread, where nobody sees what is raised: the file waits for an end."""
        try:
            for part, slip in zip(parts, group.slips, strict=True):
                self._take(part, slip)
        except Exception as error:
            signal(LoopFailed("folder", type(error).__name__))
            group.failed()

    def _take(self, part: Part, slip: Slip) -> None:
        if part.kind == Kind.TOO_LONG:
            self._reception.refuse_oversize(part.raw, slip)
            return
        try:
            header = read_header(part.raw, self._charset)
        except Unacceptable as error:
            self._reception.refuse_headless(part.raw, error, slip)
        else:
            self._reception.take(part.raw, header, slip)


def _note(reply: Reply, reason: Reason) -> None:
    if isinstance(reply, Slip):
        reply.reason = reason
