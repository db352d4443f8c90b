"""kill -9 at a chosen step of what the engine does with an Odoo: the fault-point hook of T09.

Patched into one engine's process by `faulty.py`. The points are each call into Odoo and each commit of
the store around it: claimed, noted, settled. They are counted from the moment that the test
holds deliveries back (by the file `hold` in the folder; `held-back` says that they are): what an earlier
life left is finished first.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from engine import delivery
from engine.app import carriers
from engine.delivery import DeliveryLoop
from engine.destinations.odoo import OdooConnection, OdooDestination
from engine.store.sql import SqlStore

REST = 0.01  # seconds between looks when nothing was due
IN_FLIGHT = 0.004  # seconds after a request left: Odoo is at work on it


class FaultPoints:
    """Counts steps; dies at number `deadly`, or a moment after it with `in_flight`; 0 never dies and
    writes the names of the steps passed into the file `passed`."""

    def __init__(self, folder: Path, deadly: int, *, in_flight: bool = False) -> None:
        self._hold, self._held_back = folder / "hold", folder / "held-back"
        self._passed = folder / "passed"
        self._deadly, self._in_flight = deadly, in_flight
        self._count, self._armed = 0, False

    def install(self) -> None:
        """Into this process."""
        carriers.OdooDestination = self._open  # type: ignore[misc, assignment]
        delivery.REST = REST  # type: ignore[misc]
        turn = DeliveryLoop.turn
        DeliveryLoop.turn = lambda loop: REST if self._held() else turn(loop)  # type: ignore[method-assign]
        for verb in ("claim", "note", "settle"):
            setattr(SqlStore, verb, self._told(verb, getattr(SqlStore, verb)))

    def step(self, name: str) -> None:
        """A step: `before res.partner.load`, `after store.settle`."""
        if not self._armed:
            return
        self._count += 1
        if self._deadly == 0:
            with self._passed.open("a") as file:
                file.write(f"{name}\n")
        elif self._count == self._deadly:
            if self._in_flight:
                threading.Timer(IN_FLIGHT, die).start()
            else:
                die()

    def _open(self, connection: OdooConnection) -> OdooDestination:
        self._destination = OdooDestination(connection, step=self.step)
        return self._destination

    def _held(self) -> bool:
        held = self._hold.exists()
        if held and not self._armed:
            self._armed = True
            self._destination._forget()  # the points begin with a new connection in every life
            self._held_back.touch()
        return held

    def _told(self, verb: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(call)
        def told(*args: Any, **kwargs: Any) -> Any:
            result = [] if verb == "claim" and self._held() else call(*args, **kwargs)
            if verb != "claim" or result:
                self.step(f"after store.{verb}")
            return result

        return told


def die() -> None:
    """As a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
