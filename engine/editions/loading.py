"""Editions as a process works with them: unpacked once, loaded when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from engine.config.loading import LoadedChannel
from engine.editions.deploying import approved_by_another
from engine.editions.opening import Kept, channels_of, edition_of
from engine.errors import Misconfigured
from engine.program import Program

__all__ = ["Loaded", "Shelf"]


class Loaded(NamedTuple):
    """An edition that can run."""

    number: int
    channels: tuple[LoadedChannel, ...]

    @property
    def programs(self) -> Mapping[str, Program]:
        """By the names of their channels."""
        return {channel.spec.channel: channel.program for channel in self.channels}


class Shelf:
    """The editions of a store, unpacked below the folder `into`. Where it takes `two_persons` to make
    channels run, none is to run that one person approved alone."""

    def __init__(self, store: Kept, into: Path, *, two_persons: bool = False) -> None:
        self._store, self._into = store, into
        self._two_persons = two_persons

    def load(self, number: int) -> Loaded:
        """An edition. Raises `Misconfigured` when it cannot be run by this version, `Unavailable`."""
        return Loaded(number, tuple(channels_of(self._store, number, self._into)))

    def to_run(self, number: int) -> Loaded:
        """An edition that is to run from now on: what older ones have in work goes on all the same. Raises
        `Misconfigured`, `Unavailable`."""
        if self._two_persons and not approved_by_another(edition_of(self._store, number)):
            raise Misconfigured(
                "no second person approved it",
                where=f"edition {number}",
                hint="in production: wardline deploy by an author, wardline approve by a reviewer",
            )
        return self.load(number)

    def programs(self, number: int) -> Mapping[str, Program]:
        """Its programs (`engine.programs.Load`)."""
        return self.load(number).programs
