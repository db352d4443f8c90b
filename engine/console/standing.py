"""How the engine stands, as the store knows it: the console shares nothing else with it."""

from __future__ import annotations

from engine.console.frame import Standing
from engine.errors import Unavailable
from engine.measuring.reading import Process, processes
from engine.store.base import Store

__all__ = ["standing"]


def standing(store: Store, now: float) -> Standing:
    """What the store says at `now` (seconds since the epoch); one that cannot be reached is the worst there
    is."""
    try:
        there = processes(store, now)
        alerts = len(store.open_alerts())
        dead = int(sum(counts.get("dead", 0.0) for counts in store.backlog(now).values()))
    except Unavailable:
        return Standing("Store away", "bad")
    if not there:
        return Standing("Engine not running", "bad", alerts, dead)
    unready = _parts(there, "unready")
    if unready:
        return Standing(f"Not ready: {unready}", "bad", alerts, dead)
    degraded = _parts(there, "degraded")
    if degraded:
        return Standing(f"Degraded: {degraded}", "warn", alerts, dead)
    return Standing("Engine running", "good", alerts, dead)


def _parts(there: list[Process], how: str) -> str:
    """The parts that stand so, three at most by name."""
    found = sorted({part for process in there for part, stands in process.parts.items() if stands == how})
    return ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
