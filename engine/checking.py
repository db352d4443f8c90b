"""Channels that say `validate:` have their messages looked at before they are mapped, in processes of
their own: what looks is slow, and may hang or die without anything else noticing."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context, parent_process
from types import FrameType
from typing import Any

from engine.errors import Unacceptable
from engine.hl7.profile import Profile, departures
from engine.hl7.validation import Finding, findings
from engine.model import Owner, Reason, ReasonCode, StoredMessage
from engine.programs import Programs

__all__ = ["Checking"]

WORKERS = 2
SECONDS = 10.0
"""What looking at one message may take."""


class Checking:
    """The checks of the channels that want them. Belongs to the routing thread; `close` ends its
    processes."""

    def __init__(self, programs: Programs, *, workers: int = WORKERS, seconds: float = SECONDS) -> None:
        self._programs = programs
        self._workers, self._seconds = workers, seconds
        self._pool: ProcessPoolExecutor | None = None

    def look(self, messages: Sequence[StoredMessage]) -> dict[int, tuple[Reason, ...]]:
        """What is wrong with which message, worst first: a reason with HL7 code 0 is only worth a look.
        Messages without findings, and those of channels that want no checks, are absent."""
        mine = [message for message in messages if self._wants(message)]
        pending = [(message, self._start(message)) for message in mine]
        found = {message.id: self._result(message, future) for message, future in pending}
        return {number: tuple(map(_reason, some)) for number, some in found.items() if some}

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _wants(self, message: StoredMessage) -> bool:
        program = self._programs.get(message.edition, message.channel)
        return program is not None and program.validate != "none"

    def _start(self, message: StoredMessage) -> Future[list[Finding]]:
        program = self._programs.get(message.edition, message.channel)
        assert program is not None  # noqa: S101 - it wants the check
        check = partial(_findings, message.raw, program.charset, program.profile, self._seconds)
        if self._pool is not None:
            try:
                return self._pool.submit(check)
            except BrokenProcessPool:  # one died, be it while it had nothing to do
                self.close()
        # Fresh interpreters: a fork would take this one's threads' locks along.
        self._pool = ProcessPoolExecutor(self._workers, get_context("spawn"), _begin)
        return self._pool.submit(check)

    def _result(self, message: StoredMessage, future: Future[list[Finding]]) -> list[Finding]:
        """One message's findings. When the processes died, the guilty one is found by asking alone."""
        with suppress(BrokenProcessPool):
            return future.result()
        try:
            return self._start(message).result()
        except BrokenProcessPool:
            return [Finding("W", "", 207, "not checked: the check did not survive it")]


def _reason(finding: Finding) -> Reason:
    hl7 = finding.hl7 if finding.severity == "E" else 0
    return Reason(ReasonCode.STRUCTURE, finding.text, finding.place, Owner.TECHNICAL, hl7)


# In the processes


class _TooSlow(BaseException):
    """Time is up. No `Exception`: hl7apy must not take it for one of its own."""


def _begin() -> None:
    """An engine that is killed leaves nobody behind: this process ends with it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the engine's, which ends these itself
    signal.signal(signal.SIGALRM, _give_up)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _give_up(_number: int, _frame: FrameType | None) -> Any:
    raise _TooSlow


def _findings(raw: bytes, charset: str, profile: Profile | None, seconds: float) -> list[Finding]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        return departures(raw, profile, charset) if profile is not None else findings(raw, charset)
    except _TooSlow:
        return [Finding("W", "", 207, "not checked: it took too long")]
    except Unacceptable:
        return []  # the mapping meets it too, and says so
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
