"""Doors that a person stopped: the process that listens looks for holds and goes by them.

Holds of channels and destinations are the store's business alone: it gives nothing of them. A door is a
socket, so somebody has to be told. A channel whose door is held takes nothing, also after a restart, and its
senders keep what they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from engine.store.contracts.holding import HoldKind, HoldStore

__all__ = ["Holding", "held_doors"]

EVERY: Final = 0.5  # seconds between looks


def held_doors(store: HoldStore) -> frozenset[str]:
    """The channels whose doors are held."""
    return frozenset(one.name for one in store.holds() if one.kind is HoldKind.DOOR)


class Holding:
    """The work of `engine.threads.Loop`: `hold` is called with the channels whose doors are held whenever
    they are others than before."""

    def __init__(self, store: HoldStore, hold: Callable[[frozenset[str]], None]) -> None:
        self._store, self._hold = store, hold
        self._held: frozenset[str] | None = None

    def turn(self) -> float:
        """Look; the seconds to rest. Raises `Unavailable`."""
        held = held_doors(self._store)
        if held != self._held:
            self._hold(held)
            self._held = held
        return EVERY
