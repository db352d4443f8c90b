"""Passwords hashed and compared, few at a time: each takes 64 MiB and a tenth of a second."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from engine.accounts.passwords import normal
from engine.accounts.secrets import secret
from engine.errors import Unavailable
from engine.slow_hashes import hash_of, holds

__all__ = ["Comparing"]

AT_ONCE: Final = 2
WAITING: Final = 8
"""Compared at the same time, and waiting for that: more are told to come again, so that whoever sends many
holds neither the memory nor the threads of the others."""

BUSY: Final = 10.0
"""Seconds that somebody waits."""


class Comparing:
    """One for all. People whose browser is known have a lane of their own, which strangers cannot fill."""

    def __init__(self) -> None:
        self._known, self._strangers = _Lane(), _Lane()

    def holds(self, password: str, hashed: str, *, known: bool) -> bool:
        """Whether this is the password; takes as long where there is none (`hashed` is empty). Raises
        `Unavailable`."""
        with (self._known if known else self._strangers).place():
            return holds(normal(password), hashed or _nobody()) and bool(hashed)

    def hash(self, password: str) -> str:
        """What is kept of a password. Raises `Unavailable`."""
        with self._known.place():
            return hash_of(normal(password))


class _Lane:
    def __init__(self) -> None:
        self._at_once = threading.BoundedSemaphore(AT_ONCE)
        self._waiting = threading.BoundedSemaphore(AT_ONCE + WAITING)

    @contextmanager
    def place(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise Unavailable("too many people log in at the same moment: try again")
        try:
            if not self._at_once.acquire(timeout=BUSY):
                raise Unavailable("too many people log in at the same moment: try again")
            try:
                yield
            finally:
                self._at_once.release()
        finally:
            self._waiting.release()


@cache
def _nobody() -> str:
    """What passwords for a name that nobody has are compared with."""
    return hash_of(secret(os.urandom(32)))
