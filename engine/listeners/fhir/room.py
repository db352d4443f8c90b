"""How much an answer may hold, so that a small request has no endless one: a page is cut, and those inside a
bundle come to an end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine.fhir.issues import Issue, Rejected
from engine.listeners.fhir.asking import Answer, Ask
from engine.resources import Version

__all__ = ["Room", "fitting"]


class Room:
    """As many bytes of what is read as a bundle that is sent may have; what crosses the line is given."""

    def __init__(self, ask: Ask) -> None:
        self._left = ask.service.limits.bundle

    async def read(self, read: Callable[[Ask], Awaitable[Answer]], ask: Ask) -> Answer:
        """What is read. Raises `Rejected` (413) when there is no room for more, and whatever `read` does."""
        if self._left <= 0:
            text = "the answers of this bundle are together larger than a bundle may be"
            raise Rejected(413, Issue("too-costly", text))
        done = await read(ask)
        self._left -= done.size
        return done


def fitting(ask: Ask, versions: Sequence[Version]) -> Sequence[Version]:
    """As many of a page as there is room for, and one at least: a page may have fewer than were asked for."""
    left = ask.service.limits.bundle
    for number, version in enumerate(versions):
        left -= len(version.body or b"")
        if left < 0 and number:
            return versions[:number]
    return versions
