"""Destinations and the loops that deliver to them, as editions come and go."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping

from engine.app.carriers import open_destinations
from engine.app.workers import Share, belongs
from engine.destinations.base import Destination
from engine.destinations.ledger import LedgerDestination
from engine.model import Lane
from engine.program import Program
from engine.settings import Settings
from engine.threads import Loop

__all__ = ["Carrying"]

Queue = tuple[str, Lane]

LEDGER = "ledger"
"""Whose all deliveries of a dry run are."""


class Carrying:
    """One loop for each destination and lane of the programs of all editions with open work. A destination
    belongs to one process: its batches grow, and a file has one writer."""

    def __init__(
        self, settings: Settings, share: Share, make: Callable[[str, Destination, Lane], Loop]
    ) -> None:
        self._settings, self._share, self._make = settings, share, make
        self._open: dict[str, Destination] = {}
        self._ledger = LedgerDestination(settings.ledger) if settings.ledger else None
        self._loops: dict[Queue, Loop] = {}

    @property
    def loops(self) -> list[Loop]:
        """Those that run."""
        return list(self._loops.values())

    @property
    def names(self) -> list[str]:
        """What is delivered to, wherever: none in a dry run."""
        return [] if self._ledger is not None else list(self._open)

    def missing(self, programs: Iterable[Program], opened: Collection[str] = ()) -> dict[str, Destination]:
        """The destinations of these programs that are not open yet, nor `opened`, opened. From any thread.
        Raises `Misconfigured`."""
        names = {name for program in programs for name in program.destinations}
        names -= {*self._open, *opened}
        return open_destinations(names, os.environ, self._ledger, insecure_ok=self._settings.insecure_ok)

    def turn(self, opened: Mapping[str, Destination], programs: Iterable[Program]) -> list[Loop]:
        """Deliver what these programs make, with the destinations that `missing` opened besides. The loops
        that nothing is made for any more: to be stopped, which takes as long as their batch."""
        self._open |= opened
        queues = {(name, program.lane) for program in programs for name in program.destinations}
        for queue in sorted(queues - self._loops.keys()):
            name, lane = queue
            owner = LEDGER if self._ledger is not None else name
            if name in self._open and belongs(owner, self._share):
                loop = self._loops[queue] = self._make(name, self._open[name], lane)
                loop.start()
        return [self._loops.pop(queue) for queue in sorted(self._loops.keys() - queues)]

    def close(self) -> None:
        """Let go of the destinations; the loops are stopped by then."""
        for destination in set(self._open.values()):
            destination.close()
