"""The watch of a node: what is watched, and who is told, put together out of its settings and its edition."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from engine.alerting.hooks import ask
from engine.alerting.limits import limits_of
from engine.alerting.looking import Looker, heard_before
from engine.alerting.loop import AlertLoop
from engine.alerting.routes import Route, is_loopback, read_address, routes_of
from engine.alerting.telling import NoticeLoop
from engine.alerting.watch import Watches
from engine.config.loading import LoadedChannel
from engine.config.watched import watches_of
from engine.settings import Settings
from engine.store.base import Store
from engine.threads import Loop

__all__ = ["Wanted", "Watch", "routes_wanted"]

Wanted = tuple[Watches, Mapping[str, Route]]
"""What an edition wants watched, and the routes that it needs."""


class Watch:
    """Looks at the store, and tells people. To be made before this process says anything of itself. Raises
    `Misconfigured` for settings that cannot be understood."""

    def __init__(self, settings: Settings, store: Store, env: Mapping[str, str] = os.environ) -> None:
        self._settings, self._env = settings, env
        self._limits = limits_of(settings.alerts)
        now = time.time()
        looker = Looker(store, began=now, ended=heard_before(store))
        self._notices = NoticeLoop(
            store,
            place=settings.environment or settings.mode,
            link=settings.console_url.rstrip("/"),
            clock=time.time,
            dice=random.random,
        )
        self._alerts = AlertLoop(
            store, looker.look, tell=self._notices.tell, clock=time.time, beat=_heartbeat(settings)
        )

    def wanted(self, channels: Iterable[LoadedChannel]) -> Wanted:
        """What these channels want. Raises `Misconfigured` for a route that is not set."""
        settings, watches = self._settings, watches_of(channels)
        routes = routes_wanted(settings, channels)
        found = routes_of(routes, self._env, insecure_ok=settings.insecure_ok)
        return Watches(channels=watches, node=self._limits, to=settings.notify), found

    def follow(self, wanted: Wanted) -> None:
        """Watch this from now on."""
        watches, routes = wanted
        self._notices.follow(routes)
        self._alerts.follow(watches)

    def loops(self, failed: Callable[[str, BaseException], float]) -> list[Loop]:
        """What turns."""
        return [
            Loop("alerts", self._alerts.turn, partial(failed, "alerts")),
            Loop("notices", self._notices.turn, partial(failed, "notices")),
        ]


def routes_wanted(settings: Settings, channels: Iterable[LoadedChannel]) -> set[str]:
    """The names of the routes that the settings and these channels name."""
    named = (route for one in channels for route in (*one.spec.alerts.to, *one.spec.alerts.business))
    return {*settings.notify, *named}


def _heartbeat(settings: Settings) -> Callable[[], None] | None:
    """Raises `Misconfigured` for what is no address."""
    url = settings.heartbeat
    if not url:
        return None
    read_address(url, "WARDLINE_HEARTBEAT", plain=settings.insecure_ok or is_loopback(url))
    return partial(ask, "GET", url)
