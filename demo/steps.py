"""Says what is being done and how long it took: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

__all__ = ["Absent", "Steps"]


class Absent(Exception):
    """Something this machine lacks; the message is the one plain line a person needs."""


class Steps:
    """Prints steps to the error stream, so that the output stays free for data."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True)
        self._clock = clock

    def say(self, text: str) -> None:
        """One line, as it is."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Runs the body under `text`; a body that raises leaves a crossed line behind."""
        began = self._clock()
        try:
            if self._console.is_terminal:
                with self._console.status(Text(text)):
                    yield
            else:
                yield
        except BaseException:
            self.say(f"  ✗ {text}")
            raise
        self.say(f"  ✓ {text} ({self._clock() - began:.1f} s)")
