"""How the engine stands, as far as the store knows: the console shares nothing else with it."""

from __future__ import annotations

from engine.console.frame import Standing
from engine.errors import Unavailable
from engine.store.base import Store

__all__ = ["standing"]


def standing(store: Store) -> Standing:
    """What the store says now; a store that cannot be reached is the worst there is."""
    try:
        running = store.running()
    except Unavailable:
        return Standing("Store away", "bad")
    if not running:
        return Standing("Engine not running", "bad")
    return Standing("Engine running", "good")
