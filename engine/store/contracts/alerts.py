"""What is kept of alerts, and of what is to be told about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from engine.auditing import Entry
from engine.watching import Alert, AlertQuery, Notice, Opening, SentNotice

__all__ = ["AlertStore", "Seen"]


class Seen(NamedTuple):
    """An alert is still open; this is its value now, and the worst there was."""

    alert_id: int
    value: float
    worst: float


class AlertStore(Protocol):
    """About one cause one alert is open at a time, whoever raises it. Raises `Unavailable` like every
    verb."""

    def change_alerts(
        self, opened: Sequence[Opening], closed: Sequence[int], seen: Sequence[Seen], *, now: float
    ) -> list[Alert]:
        """Open, close and renew in one commit; those that were opened: a cause of which one is open already
        is left alone. For each route of an alert a notice is due, and when it is closed another for each that
        was told of it, or is about to be. What opens anew while its cause is quiet is told when that ends, if
        it is still open then."""
        ...

    def open_alerts(self) -> list[Alert]:
        """Those that are open, oldest first."""
        ...

    def alerts(self, query: AlertQuery) -> list[Alert]:
        """Alerts that match, newest first."""
        ...

    def openings(self, since: float) -> dict[str, int]:
        """How often each cause was opened at or after `since`."""
        ...

    def take_alert(self, alert_id: int, *, at: float, told: Entry) -> Alert | None:
        """Whom `told` names looks after it from now on. `told` is recorded in the same commit. None where
        there is no such open alert."""
        ...

    def quiet_alert(self, alert_id: int, *, until: float, at: float, told: Entry) -> Alert | None:
        """Nothing is told of its cause but its end before `until` (in the past: from now on everything is),
        and then again what is still open. `told` is recorded in the same commit. None where there is no such
        open alert."""
        ...

    def notices(self, alert_id: int) -> list[Notice]:
        """What was and is to be told of an alert, in order."""
        ...

    def due_notices(self, now: float, limit: int) -> list[tuple[Notice, Alert]]:
        """What is to be sent now, oldest first; to a route never the end of an alert before its beginning."""
        ...

    def settle_notices(self, sent: Sequence[SentNotice]) -> None:
        """Write how attempts to send ended."""
        ...

    def drop_alerts(self, before: float) -> int:
        """Forget alerts that were over before then, with their notices; how many."""
        ...
