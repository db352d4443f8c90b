"""Telling people: what is due to be sent, in one message for each route, again until it is taken.

However much opens and closes at once, a route gets one message about all of it, and the next not before a
little while. What was sent and not written down, because the process died between the two, is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from engine.alerting.hooks import send_hook
from engine.alerting.mail import send_mail
from engine.alerting.routes import Route
from engine.alerting.wording import Event, Telling
from engine.errors import Unavailable
from engine.retry import RetryPolicy
from engine.telemetry import NoticeFailed, NoticeSent, signal
from engine.watching import Alert, Notice, SentNotice

__all__ = ["GAP", "NoticeLoop", "NoticeStore", "send"]

GAP: Final = 20.0
"""Seconds between two messages to one route: what comes meanwhile goes with the next."""

LOOK: Final = 2.0
_AT_ONCE: Final = 200
_GIVE_UP: Final = 86400.0
_RETRY: Final = RetryPolicy(first=15.0, longest=600.0)

Due = tuple[Notice, Alert]


class NoticeStore(Protocol):
    """Of `engine.store.contracts.alerts.AlertStore` what is needed here."""

    def due_notices(self, now: float, limit: int) -> list[Due]: ...

    def settle_notices(self, sent: Sequence[SentNotice]) -> None: ...


def send(route: Route, telling: Telling) -> None:
    """Tell a route. Blocking. Raises `Unavailable` with a fixed phrase."""
    (send_mail if route.kind == "mail" else send_hook)(route, telling)


class NoticeLoop:
    """The work of `engine.threads.Loop`. `place` is which installation, `link` the console's address."""

    def __init__(
        self,
        store: NoticeStore,
        *,
        place: str,
        link: str,
        clock: Callable[[], float],
        dice: Callable[[], float],
        send: Callable[[Route, Telling], None] = send,
    ) -> None:
        self._store, self._place, self._link = store, place, link
        self._clock, self._dice, self._send = clock, dice, send
        self._routes: Mapping[str, Route] = {}
        self._free: dict[str, float] = {}  # when each route may be told again

    def follow(self, routes: Mapping[str, Route]) -> None:
        """These are the routes from now on."""
        self._routes = routes

    def turn(self) -> float:
        """Send what is due; seconds to rest. While the store is away nothing is: that is told elsewhere."""
        now = self._clock()
        due: dict[str, list[Due]] = {}
        try:
            for notice, alert in self._store.due_notices(now, _AT_ONCE):
                due.setdefault(notice.route, []).append((notice, alert))
            for name, some in due.items():
                if not 0 < self._free.get(name, 0.0) - now <= GAP:  # further off: the clock was set back
                    self._free[name] = now + GAP
                    self._store.settle_notices(self._told(name, some))
        except Unavailable:
            return GAP
        return LOOK

    def tell(self, names: Sequence[str], events: Sequence[Event]) -> bool:
        """Tell routes at once, past the store; whether one was reached."""
        telling = Telling(events, self._place, self._link, self._clock())
        return any([not self._failure(name, telling, dead=0) for name in names])

    def _told(self, name: str, some: Sequence[Due]) -> list[SentNotice]:
        now = self._clock()
        events = [Event(notice.event, alert, notice.id) for notice, alert in some]
        gone = [_is_old(*pair, now) for pair in some]
        why = self._failure(name, Telling(events, self._place, self._link, now), dead=sum(gone))
        if not why:
            return [SentNotice(notice.id, "sent", now) for notice, _ in some]
        return [
            SentNotice(notice.id, "dead", now, why) if old
            else SentNotice(notice.id, "due", now + _RETRY.delay(notice.attempts + 1, self._dice), why)
            for (notice, _), old in zip(some, gone, strict=True)
        ]  # fmt: skip

    def _failure(self, name: str, telling: Telling, *, dead: int) -> str:
        """Why a route could not be told; empty when it was."""
        route = self._routes.get(name)
        try:
            if route is None:
                raise Unavailable("there is no such route")
            self._send(route, telling)
        except Unavailable as error:
            signal(NoticeFailed(name, str(error), dead))
            return str(error)
        signal(NoticeSent(name, len(telling.events)))
        return ""


def _is_old(notice: Notice, alert: Alert, now: float) -> bool:
    """Whether it was tried for so long that nobody needs it any more."""
    since = alert.closed_at if notice.event == "closed" else max(alert.opened_at, alert.quiet_until)
    return now - since > _GIVE_UP
