"""The programs of the editions that a process works with: which one a message goes through."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from typing import Final

from engine.errors import Misconfigured
from engine.model import Reason, ReasonCode
from engine.program import Program
from engine.telemetry import EditionUnreadable, signal

__all__ = ["HOMELESS", "Load", "Programs"]

HOMELESS: Final = Reason(
    ReasonCode.INTERNAL,
    "its edition cannot be loaded here or lacks the channel: redeliver it when the active one has it",
)
"""Of a message for which there is no program."""

Load = Callable[[int], Mapping[str, Program]]
"""The programs of an edition by their channels' names. Blocking. Raises `Misconfigured`, `Unavailable`."""


def _of_nobody(_edition: int) -> Mapping[str, Program]:
    return {}


class Programs:
    """A message goes through the program of its channel in the edition that accepted it, whatever is current
    by then. Edition 0, of what came before there were any, is the current one.

    Asked from any thread: what is held is replaced, never changed. An edition that is not held is loaded by
    whoever asks first; one that cannot be loaded here has no programs until the next turn."""

    def __init__(self, current: Mapping[str, Program], edition: int = 0, load: Load = _of_nobody) -> None:
        self._load, self._lock = load, threading.Lock()
        self._held: dict[int, Mapping[str, Program]] = {0: current, edition: current}
        self._edition = edition
        self._waiting: frozenset[str] = frozenset()

    @property
    def edition(self) -> int:
        """The current one."""
        return self._edition

    @property
    def held(self) -> Mapping[int, Mapping[str, Program]]:
        """The programs of each edition that is held, by channel; the current one's also as 0."""
        return self._held

    @property
    def channels(self) -> set[str]:
        """The channels of all editions that are held, and those of which there are messages all the same."""
        return set(self._waiting).union(*self._held.values())

    def all(self) -> list[Program]:
        """Every program that is held, once."""
        return [
            program for edition, some in self._held.items() for program in some.values()
            if edition or not self._edition
        ]  # fmt: skip

    def get(self, edition: int, channel: str) -> Program | None:
        """The program of a channel in an edition; None where there is none. Raises `Unavailable`."""
        held = self._held.get(edition)
        return (self._fetched(edition) if held is None else held).get(channel)

    def turn(self, edition: int, programs: Mapping[str, Program]) -> None:
        """From now on this edition is the current one."""
        with self._lock:
            self._edition = edition
            self._held = {**self._held, 0: programs, edition: programs}

    def keep(self, editions: Collection[int], waiting: Collection[str] = ()) -> None:
        """Hold these, and let go of all others but the current one. Messages are `waiting` in these channels,
        whether one of them has them or not."""
        self._waiting = frozenset(waiting)
        for edition in editions:
            self.get(edition, "")
        with self._lock:
            kept = {0, self._edition, *editions}
            self._held = {edition: some for edition, some in self._held.items() if edition in kept}

    def _fetched(self, edition: int) -> Mapping[str, Program]:
        with self._lock:
            held = self._held.get(edition)
            if held is None:
                held = self._loaded(edition)
                self._held = {**self._held, edition: held}
            return held

    def _loaded(self, edition: int) -> Mapping[str, Program]:
        try:
            return self._load(edition)
        except Misconfigured as error:  # by a newer version of ours, or a table that was changed by hand
            signal(EditionUnreadable(edition, type(error).__name__))
            return {}
