"""Alerts, and those who are told of them."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, faults, gauge
from engine.telemetry.signals import Signal

__all__ = ["AlertClosed", "AlertOpened", "AlertsOpen", "HeartbeatFailed", "NoticeFailed", "NoticeSent"]

_alerts = counter("wardline_alerts", "Alerts, opened and closed.", "kind", "event")
_open = gauge("wardline_alerts_open", "Alerts that are open.", "kind")
_notices = counter("wardline_notices", "Attempts to tell people of alerts.", "route", "outcome")


class AlertOpened(Signal, frozen=True):
    """Something is not as it should be."""

    alert: int
    kind: str
    subject: str
    value: float
    limit: float
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "alert"

    def count(self) -> None:
        _alerts(self.kind, "opened").inc()


class AlertClosed(Signal, frozen=True):
    """It is over."""

    alert: int
    kind: str
    subject: str
    seconds: float
    text: ClassVar[str] = "alert is over"

    def count(self) -> None:
        _alerts(self.kind, "closed").inc()


class AlertsOpen(Signal, frozen=True):
    """How many of a kind are open. Only counted."""

    kind: str
    alerts: int

    def count(self) -> None:
        _open(self.kind).set(self.alerts)


class NoticeSent(Signal, frozen=True):
    """A route was told of so many openings and closings."""

    route: str
    events: int
    text: ClassVar[str] = "people on duty were told"

    def count(self) -> None:
        _notices(self.route, "sent").inc()


class NoticeFailed(Signal, frozen=True):
    """A route could not be told; it is tried again, unless it was `dead`: given up. `why` is our own fixed
    phrase."""

    route: str
    why: str
    dead: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "people on duty could not be told"

    def count(self) -> None:
        _notices(self.route, "dead" if self.dead else "failed").inc()
        faults("notices").inc()


class HeartbeatFailed(Signal, frozen=True):
    """Who watches over the engine could not be told that it lives. Only counted: it will notice."""

    why: str

    def count(self) -> None:
        faults("heartbeat").inc()
