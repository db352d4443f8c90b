"""The sequence number protocol (HL7 v2.9.1, 2.9.1; spec: ack, section 7.1), in the messages' own commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from engine.model import Arrival, Numbered, Reason, ReasonCode
from engine.store.database import Work, rows_of

__all__ = ["OUT_OF_SEQUENCE", "Links", "Place"]

OUT_OF_SEQUENCE: Final = Reason(
    ReasonCode.SEQUENCE_NUMBER, "not the sequence number that was expected", "MSH-13"
)

Place = Literal["start", "reset", "next", "behind", "ahead"]
"""A link begins; it begins anew; the expected number (or the first one known); below it; above it."""

_LAST: Final = "SELECT link, last FROM sequences WHERE link IN ({})"
_KEEP: Final = (
    "INSERT INTO sequences (link, last) VALUES (?, ?) ON CONFLICT (link) DO UPDATE SET last = excluded.last"
)
_FORGET: Final = "DELETE FROM sequences WHERE link = ?"


class Links:
    """The last accepted numbers of the links that some arrivals came over."""

    def __init__(self, work: Work, arrivals: Sequence[Arrival]) -> None:
        links = sorted({one.numbered.link for one in arrivals if one.numbered})
        self._last: dict[bytes, int] = {bytes(row[0]): row[1] for row in rows_of(work, _LAST, links)}
        self._changed: set[bytes] = set()

    def place(self, numbered: Numbered) -> Place:
        """Where a number stands."""
        if numbered.number < 1:
            return "start" if numbered.number == 0 else "reset"
        last = self._last.get(numbered.link)
        if last is None or numbered.number == last + 1:
            return "next"
        return "behind" if numbered.number <= last else "ahead"

    def expected(self, numbered: Numbered) -> int:
        """MSA-4: the number that should come next, -1 when any may."""
        last = self._last.get(numbered.link)
        return -1 if last is None else last + 1

    def accept(self, numbered: Numbered) -> None:
        """This number's message is accepted."""
        self._last[numbered.link] = numbered.number
        self._changed.add(numbered.link)

    def reset(self, numbered: Numbered) -> None:
        """Forget what was expected: the next number is the first one known."""
        self._last.pop(numbered.link, None)
        self._changed.add(numbered.link)

    def save(self, work: Work) -> None:
        """Write what changed."""
        kept = [(link, self._last[link]) for link in sorted(self._changed) if link in self._last]
        gone = [(link,) for link in sorted(self._changed) if link not in self._last]
        if kept:
            work.run_many(_KEEP, kept)
        if gone:
            work.run_many(_FORGET, gone)
