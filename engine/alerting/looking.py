"""How things are: what the store has of them, as facts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from engine.alerting.gauges import gauges_of
from engine.alerting.listening import listened
from engine.alerting.watch import RECENT, Away, DeadLetters, Facts, Listening
from engine.measuring.reading import Process, buckets, current, last_seen, processes, quantile, totals
from engine.measuring.standing import Standing, worst
from engine.model import MessageState
from engine.store.base import Store
from engine.store.contracts.holding import HoldKind
from engine.store.contracts.measures import Measured
from engine.store.contracts.overview import Stopped
from engine.telemetry import parsed
from engine.watching import Kind

__all__ = ["Looker", "aways", "heard_before"]

_OUTAGE: Final = 1800.0
"""Seconds that are looked back on for attempts at destinations."""

_LAST_TRY: Final = 900
"""Seconds after which a destination that nobody tried is not known to be away any more."""

_DOOR: Final = "listener "
_OTHERS: Final = ("store", "audit", "clock", "running")
"""Parts that are watched in ways of their own, or that say that the engine stops."""


def heard_before(store: Store) -> float:
    """When an engine on this store was last heard of (seconds since the epoch), 0 where there was none. To be
    asked before this one says anything."""
    return max((last.at for last in store.last_values(["wardline_process"]).values()), default=0.0)


class Looker:
    """Looks at the store again and again; remembers what only several looks show. `ended` is when the engine
    before this one was heard of last."""

    def __init__(self, store: Store, *, began: float, ended: float) -> None:
        self._store, self._began, self._ended = store, began, ended
        self._listening: Mapping[str, Listening] = {}
        self._away: dict[str, float] = {}
        self._parts: dict[str, float] = {}  # since when a part does not work

    def look(self, now: float) -> Facts:
        """How things are. Raises `Unavailable`."""
        store, since = self._store, now - RECENT
        parts = _parts(processes(store, now))
        doors = {
            name.removeprefix(_DOOR): stands == "ready"
            for name, stands in parts.items()
            if name.startswith(_DOOR)
        }
        self._listening = listened(self._listening, doors, now=now, began=self._began, ended=self._ended)
        return Facts(
            now=now,
            heard=bool(parts),
            seen=last_seen(store),
            listening=self._listening,
            backlog=self._backlog(now),
            routed=_shares(store, "wardline_messages_routed", "result", "dead", since, now),
            settled=_shares(store, "wardline_settled", "outcome", "refused", since, now),
            took=buckets(store, "wardline_end_to_end_seconds", since=since, until=now),
            answers=_answers(store, since, now),
            dead=dead_letters(store.stopped()),
            away=self._destinations(now),
            held=frozenset(f"{_HELD[one.kind]} {one.name}" for one in store.holds()),
            gauges={**gauges_of(store.last_values(), now), **self._own(parts, now)},
        )

    def _backlog(self, now: float) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = defaultdict(dict)
        for what in ("unrouted", "due", "oldest"):
            for channel, amount in current(
                self._store, "wardline_backlog", now=now, where={"what": what}
            ).items():
                found[channel][what] = amount
        return found

    def _destinations(self, now: float) -> dict[str, Away]:
        since = now // 60 * 60 - _OUTAGE
        measured = self._store.measures(["wardline_deliveries"], span=60, since=since, until=now)
        found = aways(measured, now)
        self._away = {name: min(self._away.get(name, now), away.since) for name, away in found.items()}
        return {name: Away(self._away[name], away.reason) for name, away in found.items()}

    def _own(self, parts: Mapping[str, Standing], now: float) -> dict[Kind, dict[str, float]]:
        """Of the engine itself: parts that do not work, the audit, the edition."""
        still = {name for name, stands in parts.items() if stands != "ready" and not _is_other(name)}
        still |= set() if parts else {"measures"}  # who would say it is what does not work
        self._parts = {name: self._parts.get(name, now) for name in still}
        refused = {one.holder: now - one.at for one in self._store.running() if one.refused}
        return {
            Kind.PROCESS: {f"part:{name}": now - since for name, since in self._parts.items()},
            Kind.AUDIT: {"node": 1.0} if parts.get("audit", "ready") != "ready" else {},
            Kind.EDITION: {f"process:{holder}": seconds for holder, seconds in refused.items()},
        }


_HELD: Final = {
    HoldKind.DOOR: "door",
    HoldKind.ROUTING: "routing",
    HoldKind.DELIVERY: "routing",
    HoldKind.DESTINATION: "destination",
}
"""What stands still by a hold: the effects of a channel wait as its messages do."""


def _parts(there: Iterable[Process]) -> dict[str, Standing]:
    """How parts stand: one that several processes have as its worst."""
    found: dict[str, list[Standing]] = defaultdict(list)
    for one in there:
        for name, stands in one.parts.items():
            found[name].append(stands)
    return {name: worst(some) for name, some in found.items()}


def dead_letters(stopped: Iterable[Stopped]) -> tuple[DeadLetters, ...]:
    """Dead letters by channel and reason, whatever their places and destinations."""
    counted: Counter[tuple[str, str, str]] = Counter()
    owners = {}
    for one in stopped:
        if one.state is MessageState.DEAD:
            key = (one.channel, one.reason.code.value, one.reason.owner.value)
            counted[key] += one.messages
            owners[key] = one.reason.owner
    return tuple(
        DeadLetters(key[0], key[1], owners[key], messages) for key, messages in sorted(counted.items())
    )


def aways(measured: Iterable[Measured], now: float) -> dict[str, Away]:
    """Destinations whose newest attempts all failed because they were not there, given attempts by minute."""
    tried, done = defaultdict[str, list[int]](list), dict[str, int]()
    for one in measured:
        labels = parsed(one.series)[1]
        name = labels["destination"]
        if labels["outcome"] == "tryagain" and labels["reason"] == "unavailable":
            tried[name].append(one.at)
        else:
            done[name] = max(done.get(name, 0), one.at)
    found = {}
    for name, minutes in tried.items():
        since = [at for at in minutes if at > done.get(name, 0)]
        if since and now - max(since) < _LAST_TRY:
            found[name] = Away(float(min(since)), "unavailable")
    return found


def _shares(
    store: Store, metric: str, label: str, value: str, since: float, until: float
) -> dict[str, tuple[float, float]]:
    """Per channel how many had this value of a label, and how many there were."""
    every = totals(store, metric, since=since, until=until)
    some = totals(store, metric, since=since, until=until, where={label: value})
    return {channel: (some.get(channel, 0.0), amount) for channel, amount in every.items()}


def _answers(store: Store, since: float, until: float) -> dict[str, tuple[float, float]]:
    found = buckets(store, "wardline_acknowledge_seconds", since=since, until=until)
    return {
        channel: (quantile(counted, 0.95) or 0.0, sum(counted.values())) for channel, counted in found.items()
    }


def _is_other(part: str) -> bool:
    return part.startswith(_DOOR) or part in _OTHERS
