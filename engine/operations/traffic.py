"""Traffic: each channel as it stands now, worst first, and the processes and destinations that carry it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from engine.accounts.words import Caller, Permission
from engine.config.loading import LoadedChannel
from engine.measuring.reading import (
    Line,
    Process,
    buckets,
    last_seen,
    lines,
    processes,
    quantile,
    share_within,
    totals,
)
from engine.measuring.standing import Standing
from engine.operations.loading import loaded
from engine.operations.moments import age
from engine.operations.operation import Desk, NotThere, Operation
from engine.store.contracts.holding import Hold, HoldKind
from engine.watching import Alert

__all__ = ["CHANNEL", "OPERATIONS", "SHOW", "Asked", "Flow", "Named", "Traffic", "Waits"]

Flows = Literal["bad", "warn", "quiet", "good"]

_HOUR: Final = 3600.0
_DAY: Final = 86400.0
_LATELY: Final = 300.0
"""Seconds over which a rate is told."""

_ORDER: Final[tuple[Flows, ...]] = ("bad", "warn", "good", "quiet")
_LANES: Final = ("high", "normal", "bulk")
_SLOW: Final = 300.0
"""Seconds after which something that waits and that nobody holds is told about, where no service level says
otherwise."""


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of which channels: of a `criticality` (`high`, `normal`, `bulk`); empty: all."""

    criticality: str = ""


class Named(msgspec.Struct, frozen=True):
    """Which channel."""

    name: str


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """What of a channel is in work now: messages that are not `unrouted` yet, pieces that wait for others
    (`fragments`), effects that are `due`, or `scheduled` for a run, application answers that are `owed`; and
    the age in seconds of the `oldest` of the first three."""

    unrouted: int = 0
    fragments: int = 0
    due: int = 0
    scheduled: int = 0
    owed: int = 0
    oldest: float = 0.0

    @property
    def now(self) -> int:
        """All but what waits for its run."""
        return self.unrouted + self.fragments + self.due + self.owed


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """A channel. `how` it stands, and `says` why in words; when it was last sent something (`seen_at`, 0:
    never, as far as the history goes); messages taken a minute over the last five (`rate`) and in each minute
    of the last hour (`minutes`, from `start` on); taken, refused and filtered in the last hour; what `waits`;
    dead letters (all there are). Of the last 24 hours: how many effects stood within what was promised
    (`within` seconds after their message came, 0: nothing was promised) are `met`, those that stood later or
    were refused `missed`; and the seconds below which 95 of 100 messages were acknowledged, and 95 of 100
    effects stood (None: none)."""

    channel: str
    description: str
    criticality: str
    sender: str
    contact: str
    technical: str
    how: Flows
    says: tuple[str, ...]
    seen_at: float
    rate: float
    start: int
    minutes: tuple[int, ...]
    taken: int
    refused: int
    filtered: int
    waits: Waits
    dead: int
    within: float
    met: int
    missed: int
    acknowledged: float | None
    effective: float | None
    holds: tuple[Hold, ...]
    alerts: tuple[Alert, ...]
    shadow: bool
    runs: bool
    """Whether the active edition has it."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """A destination: how many attempts of the last hour ended well (`delivered`), badly for good (`refused`)
    or are made `again`; and whether somebody holds it."""

    destination: str
    delivered: int
    refused: int
    again: int
    hold: Hold | None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """All channels, worst first; destinations; processes of the engine that were there in the last minute
    (none: the engine is down, or older than the history)."""

    at: float
    flows: tuple[Flow, ...]
    destinations: tuple[Carried, ...]
    processes: tuple[Process, ...]
    edition: int
    wrong: str = ""


class _Told(msgspec.Struct, frozen=True, kw_only=True):
    """What was read of the store for all channels at once."""

    now: float
    seen: Mapping[str, float]
    taken: Mapping[str, Line]
    refused: Mapping[str, float]
    filtered: Mapping[str, float]
    lost: Mapping[str, float]
    acknowledged: Mapping[str, Mapping[float, float]]
    effective: Mapping[str, Mapping[float, float]]
    backlog: Mapping[str, Mapping[str, float]]
    holds: Sequence[Hold]
    alerts: Sequence[Alert]
    up: bool
    doors: Mapping[str, Standing]


def _show(desk: Desk, caller: Caller, asked: Asked) -> Traffic:  # noqa: ARG001 - everybody is shown the same
    active, now = loaded(desk), desk.clock()
    there = processes(desk.store, now)
    told = _told(desk, now, there)
    names = {*active.channels, *told.backlog, *told.taken, *told.seen}
    flows = [_flow(name, active.channels.get(name), told) for name in sorted(names)]
    flows = [one for one in flows if asked.criticality in ("", one.criticality)]
    flows.sort(key=_urgency)
    return Traffic(
        at=now,
        flows=tuple(flows),
        destinations=tuple(_carried(desk, told, active.channels.values())),
        processes=tuple(there),
        edition=active.number,
        wrong=active.wrong,
    )


def _channel(desk: Desk, caller: Caller, asked: Named) -> Flow:
    for flow in _show(desk, caller, Asked()).flows:
        if flow.channel == asked.name:
            return flow
    raise NotThere("there is no channel of this name")


def _told(desk: Desk, now: float, there: Sequence[Process]) -> _Told:
    store = desk.store
    hour, day = now - _HOUR, now - _DAY
    return _Told(
        now=now,
        seen=last_seen(store),
        taken=lines(store, "wardline_messages_accepted", since=hour, until=now),
        refused=totals(store, "wardline_messages_refused", since=hour, until=now),
        filtered=totals(
            store, "wardline_messages_routed", since=hour, until=now, where={"result": "filtered"}
        ),
        lost=totals(store, "wardline_settled", since=day, until=now, where={"outcome": "refused"}),
        acknowledged=buckets(store, "wardline_acknowledge_seconds", since=day, until=now),
        effective=buckets(store, "wardline_end_to_end_seconds", since=day, until=now),
        backlog=store.backlog(now),
        holds=store.holds(),
        alerts=store.open_alerts(),
        up=bool(there),
        doors=dict(_doors(there)),
    )


def _doors(there: Sequence[Process]) -> Iterator[tuple[str, Standing]]:
    """How the listener of each channel stands."""
    for process in there:
        for part, standing in process.parts.items():
            word, _, names = part.partition(" ")
            if word == "listener":
                yield from ((name, standing) for name in names.split())


def _flow(name: str, channel: LoadedChannel | None, told: _Told) -> Flow:
    book = told.backlog.get(name, {})
    waits = Waits(
        oldest=book.get("oldest", 0.0),
        **{what: int(book.get(what, 0)) for what in ("unrouted", "fragments", "due", "scheduled", "owed")},
    )
    line = told.taken.get(name)
    minutes = tuple(map(int, line.values)) if line else ()
    about = channel.spec.about if channel else None
    within = age(about.service_level.within) if about and about.service_level else 0.0
    holds = tuple(one for one in told.holds if one.name == name and one.kind is not HoldKind.DESTINATION)
    dead = int(book.get("dead", 0))
    met, missed = _kept(name, within, told)
    how, says = _how(name, waits, dead, within, holds, told)
    sender = about.sender if about else None
    return Flow(
        channel=name,
        description=channel.spec.description if channel else "",
        criticality=channel.spec.criticality if channel else "",
        sender=sender.system if sender else "",
        contact=sender.contact if sender else "",
        technical=channel.spec.owner.technical if channel else "",
        how=how,
        says=says,
        seen_at=told.seen.get(name, 0.0),
        rate=sum(minutes[-6:-1]) / 5 if minutes else 0.0,
        start=line.start if line else 0,
        minutes=minutes,
        taken=sum(minutes),
        refused=int(told.refused.get(name, 0)),
        filtered=int(told.filtered.get(name, 0)),
        waits=waits,
        dead=dead,
        within=within,
        met=met,
        missed=missed,
        acknowledged=quantile(told.acknowledged.get(name, {}), 0.95),
        effective=quantile(told.effective.get(name, {}), 0.95),
        holds=holds,
        alerts=tuple(one for one in told.alerts if one.channel == name),
        shadow=bool(channel and channel.spec.shadow),
        runs=channel is not None,
    )


def _kept(name: str, within: float, told: _Told) -> tuple[int, int]:
    """How many effects of the last day stood in time, and how many did not: late ones and those refused."""
    counted = told.effective.get(name, {})
    share = share_within(counted, within) if within else None
    if share is None:
        return 0, int(told.lost.get(name, 0)) if within else 0
    total = round(sum(counted.values()))
    met = round(share * total)
    return met, total - met + int(told.lost.get(name, 0))


def _how(
    name: str, waits: Waits, dead: int, within: float, holds: Sequence[Hold], told: _Told
) -> tuple[Flows, tuple[str, ...]]:
    """How a channel stands, and why: the worst of what is so."""
    found = list(_faults(name, waits, dead, within, holds, told))
    if found:
        return min((how for how, _ in found), key=_ORDER.index), tuple(text for _, text in found)
    line = told.taken.get(name)
    return ("good", ()) if waits.now or (line and any(line.values)) else ("quiet", ())


def _faults(
    name: str, waits: Waits, dead: int, within: float, holds: Sequence[Hold], told: _Told
) -> Iterator[tuple[Flows, str]]:
    for hold in holds:
        yield "warn", f"{_HELD[hold.kind]} by {hold.who}: {hold.why}"
    if told.doors.get(name) == "unready":
        yield "bad", "its door takes no messages: see the engine's log"
    if waits.now and (text := _late(waits, within, held=bool(holds), up=told.up)):
        yield "bad", text
    alerts = [one for one in told.alerts if one.channel == name]
    if alerts:
        kinds = ", ".join(dict.fromkeys(one.kind.replace("-", " ") for one in alerts))
        many = f"{len(alerts)} alerts" if len(alerts) > 1 else "alert"
        yield "bad" if any(one.critical for one in alerts) else "warn", f"{many}: {kinds}"
    if dead and not any(one.kind == "dead-letters" for one in alerts):
        yield "warn", f"{dead} dead letter{'s' if dead != 1 else ''} to settle"
    met, missed = _kept(name, within, told)
    if missed > met:
        yield "bad", "most of the last day's effects came later than promised"


def _late(waits: Waits, within: float, *, held: bool, up: bool) -> str:
    """What is wrong with what waits; nothing is while somebody holds it."""
    if not held and waits.oldest > (within or _SLOW):
        return "its oldest waits longer than promised" if within else "its oldest waits for long"
    return "" if up else "it waits for an engine that is not running"


_HELD: Final = {
    HoldKind.DOOR: "its door is closed",
    HoldKind.ROUTING: "it is paused",
    HoldKind.DELIVERY: "its effects are held",
    HoldKind.DESTINATION: "held",
}


def _urgency(flow: Flow) -> tuple[int, int, float, str]:
    lane = _LANES.index(flow.criticality) if flow.criticality in _LANES else len(_LANES)
    return _ORDER.index(flow.how), lane, -flow.waits.oldest, flow.channel


def _carried(desk: Desk, told: _Told, channels: Iterable[LoadedChannel]) -> Iterator[Carried]:
    counts: dict[str, dict[str, float]] = defaultdict(dict)
    for outcome in ("delivered", "refused", "tryagain"):
        found = totals(
            desk.store, "wardline_deliveries", since=told.now - _HOUR, until=told.now, by="destination",
            where={"outcome": outcome},
        )  # fmt: skip
        for destination, count in found.items():
            counts[destination][outcome] = count
    holds = {one.name: one for one in told.holds if one.kind is HoldKind.DESTINATION}
    named = {name for channel in channels for name in channel.program.destinations}
    for destination in sorted({*counts, *holds, *named}):
        of = counts[destination]
        yield Carried(
            destination=destination,
            delivered=int(of.get("delivered", 0)),
            refused=int(of.get("refused", 0)),
            again=int(of.get("tryagain", 0)),
            hold=holds.get(destination),
        )


SHOW: Final = Operation(
    "traffic.show", "GET", "/traffic",
    "Each channel as it stands now, worst first; destinations and processes.",
    Permission.SEE, Asked, Traffic, _show,
)  # fmt: skip
CHANNEL: Final = Operation(
    "traffic.channel", "GET", "/traffic/{name}", "One channel as it stands now.",
    Permission.SEE, Named, Flow, _channel,
)  # fmt: skip

OPERATIONS: Final = (SHOW, CHANNEL)
