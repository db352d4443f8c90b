"""Editions as a process works with them: unpacked once, loaded when somebody asks."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from engine.config.loading import LoadedChannel
from engine.editions.opening import channels_of
from engine.program import Program
from engine.store.base import EditionStore

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
    """The editions of a store, unpacked below the folder `into`."""

    def __init__(self, store: EditionStore, into: Path) -> None:
        self._store, self._into, self._lock = store, into, threading.Lock()

    def load(self, number: int) -> Loaded:
        """An edition. Raises `Misconfigured` when it cannot be run by this version, `Unavailable`."""
        with self._lock:  # a folder is unpacked once
            return Loaded(number, tuple(channels_of(self._store, number, self._into)))

    def programs(self, number: int) -> Mapping[str, Program]:
        """Its programs (`engine.programs.Load`)."""
        return self.load(number).programs
