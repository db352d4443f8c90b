"""Canaries: values that occur nowhere else, each of them for one place of one message.

A word is `ZQXW` + 8 digits + `WXQZ`; where only digits would be believed, `84617` + 8 digits + `71648`. Both
read the same way backwards but for their digits. What the policy lets pass has canaries of its own
(`ZKXW…WXKZ`, `84917…71948`): they may stand in effects, and still in no log, metric or answer.

The same seed makes the same canaries in the same order; another seed makes others.
Where only a date would do it is a day of the years 1601 to 1899, one for each place.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

__all__ = ["CORES", "FRAMES", "Canaries", "Frame"]

_ALL: Final = 10**8
_OLDEST: Final = date(1601, 1, 1)
_DAYS: Final = (date(1900, 1, 1) - _OLDEST).days


class Frame(NamedTuple):
    """What stands before and behind the number of a canary."""

    head: str
    tail: str
    digits: bool
    passes: bool

    def text(self, number: int) -> str:
        """The canary of this number."""
        return f"{self.head}{number:08d}{self.tail}"


FRAMES: Final = (
    Frame("ZQXW", "WXQZ", digits=False, passes=False),
    Frame("84617", "71648", digits=True, passes=False),
    Frame("ZKXW", "WXKZ", digits=False, passes=True),
    Frame("84917", "71948", digits=True, passes=True),
)
CORES: Final = tuple(frame.head for frame in FRAMES)
"""What any of them begins with, forwards and backwards."""


class Canaries:
    """Makes them, and knows which place each stands in. A place is told as `NAME: PLACE`."""

    def __init__(self, seed: int = 0) -> None:
        dice = random.Random(seed)  # noqa: S311 - to be the same again, not to be secret
        self._first = dice.randrange(_ALL)
        self._step = dice.randrange(_ALL // 20) * 10 + dice.choice(
            (1, 3, 7, 9)
        )  # no factor in common with _ALL
        self._back = pow(self._step, -1, _ALL)
        self._places: list[str] = []
        self._days: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._places)

    def word(self, place: str, *, passes: bool = False) -> str:
        """A new one for this place."""
        return self._next(FRAMES[2 if passes else 0], place)

    def digits(self, place: str, *, passes: bool = False) -> str:
        """A new one of digits alone."""
        return self._next(FRAMES[3 if passes else 1], place)

    def day(self, place: str) -> date:
        """A new day of the past that no other place has, for a place that takes dates only. Raises
        `LookupError` when there are none left."""
        at = (self._first + len(self._days) * self._step) % _ALL % _DAYS
        while at in self._days or (_OLDEST + timedelta(days=at)).year % 100 == 0:  # numbers of rows look so
            at = (at + 1) % _DAYS
        if len(self._days) > _DAYS // 2:
            raise LookupError("all days are taken")
        self._days[at] = place
        return _OLDEST + timedelta(days=at)

    def day_of(self, day: date) -> str:
        """The place that a day was made for, empty for none."""
        return self._days.get((day - _OLDEST).days, "")

    def places(self) -> Iterator[str]:
        """Every place that has one, in the order they were made."""
        return iter(self._places)

    def all_places(self) -> Iterator[str]:
        """The same, and those that have a day."""
        yield from self._places
        yield from self._days.values()

    def place_of(self, text: str) -> str:
        """The place of a canary; the text itself where it is none of these."""
        frame = next((one for one in FRAMES if text.startswith(one.head) and text.endswith(one.tail)), None)
        if frame is None:
            return text
        number = text[len(frame.head) : -len(frame.tail)]
        for digits in (number, number[::-1]):  # it may have been read backwards
            at = (int(digits) - self._first) * self._back % _ALL
            if at < len(self._places):
                return self._places[at]
        return text

    def digests(self, texts: Iterable[str]) -> set[bytes]:
        """What unkeyed hashes make of canaries, whole and cut to 16 bytes (spec: PHI, P12)."""
        return {
            digest
            for text in texts
            for name in ("md5", "sha1", "sha256", "blake2b")
            for whole in [hashlib.new(name, text.encode(), usedforsecurity=False).digest()]
            for digest in (whole, whole[:16], whole.hex().encode())
        }

    def texts(self, wanted: Iterable[int]) -> Iterator[str]:
        """The identifying ones of these ordinal numbers, as a word and as digits."""
        for at in wanted:
            number = (self._first + at * self._step) % _ALL
            yield FRAMES[0].text(number)
            yield FRAMES[1].text(number)

    def _next(self, frame: Frame, place: str) -> str:
        number = (self._first + len(self._places) * self._step) % _ALL
        self._places.append(place)
        return frame.text(number)
