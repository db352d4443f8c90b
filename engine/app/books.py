"""The books held against Odoo by the running engine: on schedule, and when a person asked for it.

This only looks whether there is something to do. It is done by a process of its own (`wardline reconcile
work`), for comparing very many documents would take time from those that listen.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Final

import msgspec

from engine.errors import Misconfigured, Unavailable
from engine.model import DeliveryState
from engine.reconciling.words import Remedy, Scope, encode
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.checks import RepairRow
from engine.store.contracts.views import Query

__all__ = ["BooksLoop", "run_at"]

LOOK: Final = 2.0
"""Seconds between looks."""

SETTLE: Final = 15.0
"""Seconds after which it is looked again whether what is on its way has come to Odoo."""

KEPT: Final = 400 * 86400.0
"""Seconds that checks are kept: the same month of last year is among them."""

LONGEST: Final = 300.0
"""Seconds at most until work that failed is begun again: at first `LOOK`, then twice as long each time."""

DAY: Final = 86400.0
_STOP: Final = 10.0
_OPEN: Final = (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED)
_remedies = msgspec.json.Decoder(tuple[Remedy, ...])

Start = Callable[[Sequence[str]], "subprocess.Popen[bytes]"]


class BooksLoop:
    """The work of `engine.threads.Loop`. `start` starts a process, `clock` gives seconds since the epoch."""

    def __init__(
        self, store: Store, settings: Settings, *, clock: Callable[[], float], start: Start | None = None
    ) -> None:
        self._store, self._settings, self._clock, self._start = store, settings, clock, start or _started
        self._process: subprocess.Popen[bytes] | None = None
        self._forgot = 0.0  # when old checks were last forgotten
        self._looked = 0.0  # when it was last looked whether what was sent has come
        self._failed, self._wait = 0.0, LOOK  # when the work failed last, and how long it rests then
        self._next = run_at(settings.reconcile_at, clock())
        if settings.reconcile_days < 1:
            raise Misconfigured("is less than a day", where="WARDLINE_RECONCILE_DAYS")

    def turn(self) -> float:
        """Look once; seconds to rest. Raises `Unavailable` when the work failed: it is tried again."""
        now = self._clock()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return LOOK
            self._process = None
            if code:
                self._failed, self._wait = now, min(2 * self._wait, LONGEST)
                raise Unavailable("the books could not be held against Odoo")
            self._wait = LOOK
        if now - self._forgot >= DAY:
            self._store.drop_checks(now - KEPT)
            self._forgot = now
        if self._next and now >= self._next:
            self._ask(now)
        if not self._rests(now) and self._is_due(now):
            self._process = self._start(["reconcile", "work", "--store", self._settings.store])
        return LOOK

    def close(self) -> None:
        """Have the work end; what it had begun is begun again by the next start."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def _ask(self, now: float) -> None:
        """The check of the schedule: of the last days, everything."""
        self._store.ask_check(encode(Scope(now - self._settings.reconcile_days * DAY)), at=now)
        self._next = run_at(self._settings.reconcile_at, now)

    def _rests(self, now: float) -> bool:
        return self._wait > LOOK and 0 <= now - self._failed < self._wait

    def _is_due(self, now: float) -> bool:
        if self._store.checks(1, state="asked"):
            return True
        if any(self._store.repairs(state=state, limit=1) for state in ("approved", "working")):
            return True
        if 0 <= now - self._looked < SETTLE:
            return False
        self._looked = now
        return any(not self._is_open(row) for row in self._store.repairs(state="sent"))

    def _is_open(self, repair: RepairRow) -> bool:
        """Whether something of it is on its way still, for as long as its destination is held perhaps."""
        ids = tuple(one.gap.delivery_id for one in _remedies.decode(repair.plan) if one.gap.delivery_id)
        views = self._store.deliveries(Query(ids=ids, limit=len(ids))) if ids else ()
        return any(view.state in _OPEN for view in views)


def run_at(at: str, now: float) -> float:
    """The next time it is `at` (HH:MM, UTC) after now, in seconds since the epoch; 0 for never (`off`).
    Raises `Misconfigured` for what is no time."""
    if at == "off":
        return 0.0
    try:
        clock = time.fromisoformat(at)
    except ValueError:
        raise Misconfigured("is no time", where="WARDLINE_RECONCILE_AT", hint="such as 04:00") from None
    today = datetime.fromtimestamp(now, UTC)
    run = datetime.combine(today.date(), clock.replace(tzinfo=None), UTC)
    return (run if run > today else run + timedelta(days=1)).timestamp()


def _started(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "engine.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # not lines of the log; who runs it by hand sees what is wrong
    )
