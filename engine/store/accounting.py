"""The books: every message and effect counted, and whatever does not add up.

All of a store of years is walked for that, in stretches of ids: each is asked of one moment and takes some
hundredths of a second, so that nobody is held up meanwhile (a reader who stays keeps SQLite from moving its
log into the file), whoever waits is told how far it is, and it can be ended between two of them. What is
proved of a message needs only rows of its own and such as never go, so that moments may differ from stretch
to stretch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from engine.effects import KINDS
from engine.model import DeliveryState, MessageState
from engine.store.books import ANY_UNFIT, HOLES, OF_DELIVERIES, OF_MESSAGES, OF_OTHERS, OPEN_DELIVERIES
from engine.store.contracts.views import AccountRow, EffectRow, Told
from engine.store.database import Work
from engine.store.part import Part, checksum
from engine.store.tables import PER_MESSAGE

__all__ = ["Accounting"]

STRETCH: Final = 10_000
"""Ids that are gone over at once."""

_LAST: Final = "SELECT coalesce(max(id), 0) FROM messages"
_ENDLESS: Final = 9 * 10**12
"""Above every id of a message, and times `PER_MESSAGE` still a whole number of 64 bits."""

_THERE: Final = "SELECT count(*), coalesce(max(m.id), 0) FROM messages m WHERE m.id >= ? AND m.id < ?"
_MESSAGES: Final = (
    "SELECT channel, state, count(*) FROM messages WHERE id >= ? AND id < ? GROUP BY channel, state"
)
_EFFECTS: Final = "SELECT channel, state, substr({effect}, 1, 32) FROM deliveries WHERE id >= ? AND id < ?"
_NAMED: Final = b'{"effect":"'
_DAMAGED: Final = "damaged"


def _nobody(_done: int, _all: int) -> None:
    """Nobody is told."""


class _Stretch(NamedTuple):
    """Messages from an id on and below another."""

    first: int
    end: int

    @property
    def deliveries(self) -> tuple[int, int]:
        """Theirs."""
        return self.first * PER_MESSAGE, self.end * PER_MESSAGE


class Accounting(Part):
    """The verbs of who keeps the books."""

    def account(self, told: Told = _nobody) -> list[AccountRow]:
        """`ViewStore.account`."""
        found: Counter[tuple[str, str]] = Counter()
        for stretch in self._stretches(told):
            with self._database.read() as work:
                for channel, state, count in work.rows(_MESSAGES, stretch):
                    found[channel, state] += count
        return [AccountRow(key[0], MessageState(key[1]), found[key]) for key in sorted(found)]

    def effects(self, channel: str = "", told: Told = _nobody) -> list[EffectRow]:
        """`ViewStore.effects`."""
        query = _EFFECTS.format(effect=self._database.as_bytes.format("effect"))
        query, given = (f"{query} AND channel = ?", (channel,)) if channel else (query, ())
        found: Counter[tuple[str, str, str]] = Counter()
        for stretch in self._stretches(told):
            with self._database.read() as work:
                rows = work.rows(query, (*stretch.deliveries, *given))
            found.update((channel, _kind(bytes(head)), state) for channel, state, head in rows)
        return [EffectRow(key[0], key[1], DeliveryState(key[2]), found[key]) for key in sorted(found)]

    def gaps(self, told: Told = _nobody) -> list[str]:
        """`ViewStore.gaps`."""
        found: dict[str, list[Any]] = defaultdict(list)
        previous = 0
        for stretch in self._stretches(told):
            with self._database.read(snapshot=True) as work:
                previous = _holes(work, stretch, previous, found)
                for text, sql in OF_MESSAGES:
                    found[text] += [row[0] for row in work.rows(sql, stretch)]
                beside = (*stretch, *stretch.deliveries)
                for text, sql in OF_DELIVERIES if work.rows(ANY_UNFIT, beside) else ():
                    found[text] += [row[0] for row in work.rows(sql, beside)]
        with self._database.read(snapshot=True) as work:
            for text, sql in OF_OTHERS:
                found[text] += [row[0] for row in work.rows(sql)]
            open_ones = work.rows(OPEN_DELIVERIES.format(effect=self._database.as_bytes.format("effect")))
            found["open deliveries that are damaged"] += _damaged(open_ones)
        return [f"{text}: {_some(numbers)}" for text, numbers in found.items() if numbers]

    def _stretches(self, told: Told) -> Iterator[_Stretch]:
        """All messages that there are by now, and at last whatever lies beyond."""
        with self._database.read() as work:
            ((last,),) = work.rows(_LAST)
        for first in range(0, last + 1, STRETCH):
            yield _Stretch(first, min(first + STRETCH, last + 1))
            told(min(first + STRETCH - 1, last), last)
        yield _Stretch(last + 1, _ENDLESS)


def _holes(work: Work, stretch: _Stretch, previous: int, found: dict[str, list[Any]]) -> int:
    """Rows that are missing up to the last message of a stretch, given the last before it; that last one."""
    ((count, last),) = work.rows(_THERE, stretch)
    if count and count != last - previous:
        text, sql = HOLES
        found[text] += [row[0] for row in work.rows(sql, (previous, *stretch))]
    return last if count else previous


def _kind(head: bytes) -> str:
    """What an effect is, by its beginning (`engine.effects.encode` says it first)."""
    kind = head.removeprefix(_NAMED).partition(b'"')[0].decode("ascii", "replace")
    return kind if kind in KINDS else _DAMAGED


def _damaged(rows: list[tuple[Any, ...]]) -> list[object]:
    return [row[0] for row in rows if row[4] != checksum(*row[:4])]


def _some(numbers: list[object]) -> str:
    """How many, and the first few."""
    first = ", ".join(str(number) for number in numbers[:5])
    return f"{len(numbers)} ({first}{', …' if len(numbers) > 5 else ''})"
