"""Keeping no longer than is wanted: what is past its time is purged once a day, and told in the audit.

The loop looks every hour and works when a new day (UTC) has begun, or an earlier pass failed. Content goes
from the store, then the keys of the days that are over go from the cabinet (`engine.store.purging`).

Nothing brings back what a wrong clock makes old. So the time is believed only where it went on like the
steady clock since the look before: not at once after a start, nor when it was set meanwhile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from engine.auditing import Act, Entry
from engine.errors import Misconfigured, Unavailable
from engine.model import Retention
from engine.store.base import Store
from engine.store.contracts.purging import Purged
from engine.telemetry import AuditOverdue, ContentPurged, signal

__all__ = ["DAY", "LOOK", "RetentionLoop", "purge", "purge_audit", "said_of"]

LOOK: Final = 3600.0
"""Seconds between looks."""

DAY: Final = 86400.0
SET: Final = 300.0
"""Seconds by which a clock that is kept right may differ from the steady one in an hour."""

_NAMED: Final = 100
"""Keys named in an entry of the audit; of more it says how many."""


class RetentionLoop:
    """The work of `engine.threads.Loop`: purges when a day has begun."""

    def __init__(
        self,
        store: Store,
        default: Retention,
        channels: Mapping[str, Retention],
        *,
        audit_days: int,
        holder: str,
        clock: Callable[[], float],
        steady: Callable[[], float],
    ) -> None:
        """`channels` are those that say otherwise; `audit_days` is how long entries of the audit are kept,
        `holder` who this is in the audit; `steady` gives seconds on a clock that nobody sets."""
        self._store, self._default, self._channels = store, default, channels
        self._audit_days, self._holder, self._clock = audit_days, holder, clock
        self._steady, self._ahead = steady, float("inf")
        self._done = -1.0
        self._ended = threading.Event()
        self.overdue = False
        """Whether entries of the audit stay past their years, because they cannot be removed from here."""

    def follow(self, channels: Mapping[str, Retention]) -> None:
        """These say otherwise from the next day on."""
        self._channels = channels

    def turn(self) -> float:
        """Purge if today's is not done; seconds to rest."""
        now = self._clock()
        ahead, before = now - self._steady(), self._ahead
        self._ahead = ahead
        if abs(ahead - before) < SET and self._done != now // DAY:
            entry = Entry(at=now, who=self._holder, role="engine", act=Act.PURGE, object="store")
            try:
                purge(self._store, self._default, self._channels, entry, rest=self._rest)
            except Unavailable:
                if self._ended.is_set():
                    return LOOK
                raise
            self._purge_audit(entry)
            self._done = now // DAY
        return LOOK

    def end(self) -> None:
        """Stop a purge under way at its next rest; what it did until then stands."""
        self._ended.set()

    def _rest(self, seconds: float) -> None:
        if self._ended.wait(seconds):
            raise Unavailable("the engine is stopping")

    def _purge_audit(self, entry: Entry) -> None:
        """What cannot be done from here is told once a day: it holds up nothing else, and takes a person."""
        try:
            purge_audit(self._store, self._audit_days, entry)
            self.overdue = False
        except Misconfigured as error:
            self.overdue = True
            signal(AuditOverdue(error.text))


def purge(
    store: Store,
    default: Retention,
    channels: Mapping[str, Retention],
    entry: Entry,
    rest: Callable[[float], object] = time.sleep,
) -> Purged:
    """Purge as of `entry.at` and say so in the audit: first what is about to go, then what went. Where
    nothing is to go nothing is said. Raises `Unavailable`; what was done until then stands."""
    planned = store.purge(default, channels, entry.at, dry_run=True, rest=rest)
    if not planned:
        return planned
    store.record([replace(entry, outcome="asked", detail={**entry.detail, **said_of(planned)})])
    done = store.purge(default, channels, entry.at, rest=rest)
    store.record([replace(entry, detail={**entry.detail, **said_of(done)})])
    signal(ContentPurged(done.contents, done.renewed, done.forgotten, len(done.keys)))
    return done


def purge_audit(store: Store, days: int, entry: Entry) -> int:
    """Remove the entries of the audit that are older than this as of `entry.at`; how many. Raises
    `Misconfigured` when they cannot be removed from here, and stay."""
    return store.purge_audit(entry.at - days * DAY, replace(entry, object="audit"))


def said_of(purged: Purged) -> dict[str, str]:
    """A purge as the words of an entry of the audit."""
    more = len(purged.keys) - _NAMED
    return {
        "contents": str(purged.contents),
        "renewed": str(purged.renewed),
        "forgotten": str(purged.forgotten),
        "keys": " ".join(purged.keys[:_NAMED]) + (f" and {more} more" if more > 0 else ""),
    }
