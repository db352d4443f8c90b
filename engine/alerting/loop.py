"""The loop that watches: looks, judges, and writes what opens and closes.

While the store takes no commits nothing can be kept of an alert: then people are told straight from here,
once, and once when it is back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from engine.alerting.evaluating import Judged, judge
from engine.alerting.raising import LATELY, Changes, Memory, step
from engine.alerting.watch import Facts, Watches
from engine.alerting.wording import Event
from engine.errors import Unavailable
from engine.model import Owner
from engine.store.base import Store
from engine.telemetry import AlertClosed, AlertOpened, AlertsOpen, HeartbeatFailed, signal
from engine.watching import Alert, Found, Kind, Opening, cause_of

__all__ = ["LOOK", "AlertLoop"]

LOOK: Final = 10.0
"""Seconds between looks; up to `LONGEST` where one takes long."""

LONGEST: Final = 30.0

BEAT: Final = 60.0
KEPT: Final = 2 * 365 * 86400.0
"""Seconds that alerts are kept after they are over."""

_DROP_EVERY: Final = 3600.0
_SUBJECT: Final = "node"


class AlertLoop:
    """The work of `engine.threads.Loop`. `look` gives the facts of a moment, `tell` tells routes past the
    store and says whether one was reached, `beat` tells who watches over the engine that it lives."""

    def __init__(
        self,
        store: Store,
        look: Callable[[float], Facts],
        *,
        tell: Callable[[Sequence[str], Sequence[Event]], bool],
        clock: Callable[[], float],
        beat: Callable[[], None] | None = None,
    ) -> None:
        self._store, self._look, self._tell, self._clock, self._beat = store, look, tell, clock, beat
        self._watches = Watches()
        self._memory = Memory()
        self._away = 0.0  # since when the store takes nothing
        self._told: Alert | None = None
        self._beaten = self._dropped = 0.0

    def follow(self, watches: Watches) -> None:
        """This is watched from now on."""
        self._watches = watches

    def turn(self) -> float:
        """One look and what follows from it; seconds to rest."""
        now = self._clock()
        try:
            self._store.check()
            self._written(now)
        except Unavailable:
            self._store_is_away(now)
            return LOOK
        self._store_is_back(now)
        self._live(now)
        return min(max(LOOK, 5 * (self._clock() - now)), LONGEST)

    def _written(self, now: float) -> None:
        watches = self._watches
        facts = self._look(now)
        stands = {alert.cause: alert for alert in self._store.open_alerts()}
        judged = judge(watches, facts)
        if not facts.heard:
            judged = Judged(judged.found, frozenset(stands))
        lately = self._store.openings(now - LATELY) if stands or judged.found else {}
        memory, changes = step(self._memory, stands, judged, lately, now)
        if changes:
            self._change(changes, stands, now)
        self._memory = memory
        if not 0 <= now - self._dropped < _DROP_EVERY:
            self._dropped = now
            self._store.drop_alerts(now - KEPT)
        _count(self._store.open_alerts() if changes else list(stands.values()))

    def _change(self, changes: Changes, stands: dict[str, Alert], now: float) -> None:
        opened = self._store.change_alerts(changes.opened, changes.closed, changes.seen, now=now)
        for alert in opened:
            signal(AlertOpened(alert.id, alert.kind, alert.subject, alert.value, alert.limit))
        for alert in stands.values():
            if alert.id in changes.closed:
                signal(AlertClosed(alert.id, alert.kind, alert.subject, now - alert.opened_at))

    def _store_is_away(self, now: float) -> None:
        self._away = self._away or now
        limit = self._watches.node.get(Kind.STORE)
        if self._told is None and limit is not None and now - self._away >= limit:
            alert = _of_store(self._away, now, limit)
            if self._tell(self._watches.to, [Event("opened", alert)]):
                self._told = alert

    def _store_is_back(self, now: float) -> None:
        """What was told past the store is written down now, as over; nobody is told that again."""
        away, told = self._away, self._told
        self._away, self._told = 0.0, None
        if told is None:
            return
        found = Found(kind=Kind.STORE, subject=_SUBJECT, value=now - away, limit=told.limit)
        self._store.change_alerts([Opening(found)], [], [], now=away)
        written = [alert for alert in self._store.open_alerts() if alert.cause == found.cause]
        self._store.change_alerts([], [alert.id for alert in written], [], now=now)
        for alert in written:
            self._tell(self._watches.to, [Event("closed", replace(alert, closed_at=now))])

    def _live(self, now: float) -> None:
        if self._beat is None or 0 <= now - self._beaten < BEAT:
            return
        self._beaten = now
        try:
            self._beat()
        except Unavailable as error:
            signal(HeartbeatFailed(str(error)))


def _of_store(away: float, now: float, limit: float) -> Alert:
    return Alert(
        id=0, cause=cause_of(Kind.STORE, _SUBJECT), kind=Kind.STORE, subject=_SUBJECT, channel="",
        owner=Owner.TECHNICAL, opened_at=away, seen_at=now, value=now - away, worst=now - away,
        limit=limit,
    )  # fmt: skip


def _count(alerts: Sequence[Alert]) -> None:
    for kind in Kind:
        signal(AlertsOpen(kind, sum(alert.kind == kind for alert in alerts)))
