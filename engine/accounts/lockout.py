"""How long whoever gives wrong passwords is kept waiting. Pure.

The first few failures cost nothing. After that each doubles the time for which nobody is even compared, up to
a quarter of an hour, so that a hundred guesses take a day. Failures are counted apart for each browser in
which the account was used before (it has a mark of it, OWASP's device cookie), for all others together, and
for each address: whoever guesses from outside keeps out those who never came before, for as long as that
takes, and never the owner at the usual place."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

__all__ = ["FREE", "LONGEST", "Attempts", "Standing", "failed"]

FREE: Final = 5
"""Failures that cost nothing."""

FIRST: Final = 15.0
LONGEST: Final = 900.0
"""Seconds that the last failure keeps out, at first and at most."""

FORGOTTEN: Final = 24 * 3600.0
"""Seconds after the last failure until all are forgotten."""

_NAMES: Final = 10_000


class Standing(NamedTuple):
    """Failures in a row, and until when the last of them keeps out (or when it was, while they are free)."""

    failures: int = 0
    until: float = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next attempt is looked at; 0 when it is at once, as it is after a clock was set
        back."""
        left = self.until - now
        return left if 0.0 < left <= LONGEST else 0.0


def failed(before: Standing, now: float, free: int = FREE) -> Standing:
    """What one more failure makes of it; `free` cost nothing."""
    failures = 1 if now > before.until + FORGOTTEN else before.failures + 1
    over = failures - free
    return Standing(failures, now if over < 0 else now + min(LONGEST, FIRST * 2 ** min(over, 16)))


class Attempts:
    """The standing of names that are kept nowhere else: addresses, browsers, accounts that do not exist. Of
    more than ten thousand the one that failed longest ago is forgotten."""

    def __init__(self, free: int = FREE) -> None:
        self._free = free
        self._standing: OrderedDict[str, Standing] = OrderedDict()

    def standing(self, name: str) -> Standing:
        """How it stands."""
        return self._standing.get(name, Standing())

    def fail(self, name: str, now: float) -> Standing:
        """It failed once more."""
        after = self._standing[name] = failed(self.standing(name), now, self._free)
        self._standing.move_to_end(name)
        if len(self._standing) > _NAMES:
            self._standing.popitem(last=False)
        return after

    def take_back(self, name: str) -> None:
        """The last attempt was none of those that count."""
        failures, until = self.standing(name)
        if failures > 1:
            self._standing[name] = Standing(failures - 1, until if failures > self._free else 0.0)
        else:
            self.forget(name)

    def forget(self, name: str) -> None:
        """It was right."""
        self._standing.pop(name, None)
