"""Senders that do as hospital systems do when an engine dies under them: what was not answered is sent
again."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Sequence

from hospital_day import Sent
from odoo_engine import HospitalEngine
from running import Sender

WINDOW = 4  # messages on their way before the answer to the first must come
PAUSE = 0.02
DOORS = {"adt-encounters": 2, "dft-charges": 4, "theatre-schedule": 2}
"""Connections of each channel."""


class Senders:
    """Eight connections. A story of a channel keeps to its connection; now and then an answered message is
    sent once more over another. `allow` says how far they may go."""

    def __init__(
        self, engine: HospitalEngine, messages: Sequence[Sent], seed: int, *, again: float = 0.15
    ) -> None:
        self.total, self.again = len(messages), again
        self._allowed = 0
        self._lock = threading.Lock()
        self.answered: list[Sent] = []
        self.resent = self.repeated = 0
        self._lines = [
            _Line(self, engine, channel, _share(messages, channel, at, count), seed + at)
            for channel, count in DOORS.items()
            for at in range(count)
        ]

    def start(self) -> None:
        for line in self._lines:
            line.start()

    def allow(self, share: float) -> None:
        """Up to this share of all messages may be sent."""
        self._allowed = round(self.total * share)

    def may_send(self) -> bool:
        return len(self.answered) < self._allowed

    def finish(self, within: float) -> None:
        """Wait until every message was answered positively."""
        self._allowed = self.total + 1
        end = time.monotonic() + within
        for line in self._lines:
            line.join(max(end - time.monotonic(), 0.1))
            assert line.failure is None, line.failure
            assert not line.is_alive(), f"{len(self.answered)} of {self.total} messages were answered"

    def took(self, line: _Line, message: Sent) -> None:
        """A message was answered for the first time, or once more."""
        with self._lock:
            self.answered.append(message)
            if line.dice.random() < self.again:
                others = [one for one in self._lines if one.channel == line.channel and one is not line]
                line.dice.choice(others).once_more.append(message)


def _share(messages: Sequence[Sent], channel: str, at: int, count: int) -> list[Sent]:
    """What goes over connection `at` of the `count` of a channel."""
    return [m for m in messages if (m.channel, m.story % count) == (channel, at)]


class _Line(threading.Thread):
    """One connection's sender."""

    def __init__(
        self, senders: Senders, engine: HospitalEngine, channel: str, messages: Sequence[Sent], seed: int
    ) -> None:
        super().__init__(daemon=True)
        self.channel, self.dice = channel, random.Random(seed)
        self.once_more: deque[Sent] = deque()
        self.failure: BaseException | None = None
        self._senders, self._engine, self._waiting = senders, engine, deque(messages)

    def run(self) -> None:
        try:
            while self._waiting:
                self._connected()
        except BaseException as error:
            self.failure = error

    def _connected(self) -> None:
        """Send until the connection is lost; what was on its way is to be sent again."""
        on_their_way: deque[tuple[Sent, bool]] = deque()
        try:
            sender = self._engine.connect(self.channel)
        except (OSError, KeyError):
            time.sleep(PAUSE)
            return
        try:
            while self._waiting or on_their_way:
                self._send_some(sender, on_their_way)
                if not on_their_way:
                    time.sleep(PAUSE)
                    continue
                answer = sender.answer()
                if answer is None:
                    return
                message, first = on_their_way.popleft()
                assert b"\rMSA|AA|" in answer, answer
                if first:
                    self._senders.took(self, message)
                else:
                    self._senders.repeated += 1
        except OSError:
            return
        finally:
            sender.close()
            lost = [message for message, first in on_their_way if first]
            self._senders.resent += len(lost)
            self._waiting.extendleft(reversed(lost))

    def _send_some(self, sender: Sender, on_their_way: deque[tuple[Sent, bool]]) -> None:
        while self._waiting and len(on_their_way) < WINDOW and self._senders.may_send():
            again = bool(self.once_more)
            message = self.once_more.popleft() if again else self._waiting.popleft()
            on_their_way.append((message, not again))
            sender.send(message.raw)
