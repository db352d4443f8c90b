"""What a worker tells the first process of its node, so that one of them speaks for all.

A line of JSON every few seconds: by how much its counters grew since the line before, and how its parts
stand. What it told before it ended stays counted, so counters never go back while the first process lives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from engine.measuring.growth import Counts, Growth, added
from engine.measuring.standing import Standing

__all__ = ["EVERY", "Hearing", "Teller", "Told"]

EVERY: Final = 5.0
"""Seconds between lines."""

PATIENCE: Final = 4 * EVERY
"""Seconds without a line after which a process counts as stuck."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `since` is when the process began, in seconds since the epoch."""

    name: str
    since: float
    counted: dict[str, float] = {}
    parts: dict[str, Standing] = {}


class Teller:
    """The work of `engine.threads.Loop` in a worker: says how it stands. `say` writes a line."""

    def __init__(
        self,
        name: str,
        since: float,
        growth: Growth,
        parts: Callable[[], Mapping[str, Standing]],
        say: Callable[[bytes], object],
    ) -> None:
        self._name, self._since, self._growth, self._parts, self._say = name, since, growth, parts, say

    def turn(self) -> float:
        """Say it; the seconds to rest."""
        told = Told(self._name, self._since, self._growth.take(), dict(self._parts()))
        self._say(msgspec.json.encode(told) + b"\n")
        return EVERY


class Hearing:
    """What the workers said. `steady` gives seconds on a clock that nobody sets. Any thread."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady, self._lock = steady, threading.Lock()
        self._last: dict[str, tuple[float, Told]] = {}
        self._totals: Counts = {}

    def heard(self, line: bytes) -> None:
        """A worker said this. A line that is cut off, because its process ended, says nothing."""
        try:
            told = msgspec.json.decode(line, type=Told)
        except msgspec.DecodeError:
            return
        with self._lock:
            self._last[told.name] = self._steady(), told
            self._totals = added(self._totals, told.counted)

    def totals(self) -> Counts:
        """What all workers counted since this process began, those that have ended too."""
        return self._totals

    def present(self) -> list[Told]:
        """The last lines of those who spoke lately."""
        return [told for at, told in list(self._last.values()) if self._steady() - at < PATIENCE]

    def parts(self) -> dict[str, Standing]:
        """How the workers' parts stand; one that fell silent does not."""
        found: dict[str, Standing] = {}
        for name, (at, told) in list(self._last.items()):
            if self._steady() - at >= PATIENCE:
                found[f"process {name}"] = "unready"
            else:
                found |= {f"{part} of {name}": stands for part, stands in told.parts.items()}
        return found
