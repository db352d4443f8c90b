"""How the engine stands, as the store knows it: the console shares nothing else with it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from msgspec import structs

from engine.console.frame import Standing
from engine.errors import Unavailable
from engine.measuring.reading import Process, processes
from engine.store.base import Store

__all__ = ["standing"]

SILENT: Final = 30.0
"""Seconds: an engine says every ten how it stands."""


def standing(store: Store, now: float) -> Standing:
    """What the store says at `now` (seconds since the epoch); one that cannot be reached is the worst there
    is."""
    try:
        there, heard = processes(store, now), _heard(store)
        alerts = len(store.open_alerts())
        dead = int(sum(counts.get("dead", 0.0) for counts in store.backlog(now).values()))
    except Unavailable:
        return Standing("Store away", "bad")
    said = _said(there) if now - heard < SILENT else _silence(heard, now)
    return structs.replace(said, alerts=alerts, dead=dead)


def _said(there: list[Process]) -> Standing:
    if there and all(one.parts.get("running") == "unready" for one in there):
        return Standing("Engine stopped", "bad")
    unready, degraded = _parts(there, "unready"), _parts(there, "degraded")
    if unready:
        return Standing(f"Not ready: {unready}", "bad")
    return Standing(f"Degraded: {degraded}", "warn") if degraded else Standing("Engine running", "good")


def _silence(heard: float, now: float) -> Standing:
    """Since when: of today the time alone, which a narrow window has room for."""
    if not heard:
        return Standing("No engine yet", "bad")
    at, today = datetime.fromtimestamp(heard, UTC), datetime.fromtimestamp(now, UTC).date()
    since = f"{at:%H:%M}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"
    return Standing(f"Engine silent since {since} UTC", "bad")


def _heard(store: Store) -> float:
    """When an engine was heard last on this store, seconds since the epoch; 0: never."""
    return max((last.at for last in store.last_values(["wardline_process"]).values()), default=0.0)


def _parts(there: list[Process], how: str) -> str:
    """The parts that stand so, three at most by name."""
    found = sorted({part for process in there for part, stands in process.parts.items() if stands == how})
    return ", ".join(found[:3]) + (" …" if len(found) > 3 else "")
