"""How fast work in the background goes, so that no sender waits for it: little at once, then a rest.

What comes in waits behind a transaction at most as long as that one takes, and shares processor and disk with
it only while it lasts. So the size of a piece follows the time that pieces take (a busy or slow store
makes them smaller), and after each it rests longer than it worked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

__all__ = ["LARGEST", "Pace"]

T = TypeVar("T")

LARGEST: Final = 200
LEAST: Final = 32
"""Rows of a piece: with fewer, what a transaction costs by itself is most of it."""

RESTS: Final = 2.0
"""How much longer a rest is than the piece before it."""

LONGEST_REST: Final = 0.25


class Pace:
    """One piece of work after the other, each meant to take `goal` seconds, the wait for its turn included.
    `rest` waits so many seconds; it may raise to end the work."""

    def __init__(
        self,
        goal: float,
        rest: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._goal, self._rest, self._clock = goal, rest, clock
        self._size = float(LEAST)

    @property
    def size(self) -> int:
        """How many rows the next piece may have."""
        return max(1, min(int(self._size), LARGEST))

    @contextmanager
    def piece(self) -> Iterator[None]:
        """Do a piece, measured, and rest."""
        began = self._clock()
        yield
        took = self._clock() - began
        self._size = max(LEAST, min(LARGEST, self._size * max(0.5, min(1.25, self._goal / max(took, 1e-6)))))
        self._rest(min(RESTS * took, LONGEST_REST))

    @contextmanager
    def look(self) -> Iterator[None]:
        """Read something, and rest: reading holds nobody up, but has its share of the processor."""
        began = self._clock()
        yield
        self._rest(min(RESTS * (self._clock() - began), LONGEST_REST))

    def pieces(self, rows: Sequence[T]) -> Iterator[Sequence[T]]:
        """These rows in pieces, each measured while the caller has it in hand."""
        start = 0
        while start < len(rows):
            some = rows[start : start + self.size]
            with self.piece():
                yield some
            start += len(some)
