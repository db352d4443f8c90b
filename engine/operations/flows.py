"""How a channel stands now, and why: out of what was counted, what waits, what is held and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from engine.config.loading import LoadedChannel
from engine.measuring.reading import Line, quantile, share_within
from engine.measuring.standing import Standing
from engine.operations.moments import age
from engine.store.contracts.holding import Hold, HoldKind
from engine.watching import Alert

__all__ = ["Flow", "Flows", "Told", "Waits", "flow_of", "urgency"]

Flows = Literal["bad", "warn", "quiet", "good"]
_ORDER: Final[tuple[Flows, ...]] = ("bad", "warn", "good", "quiet")
_LANES: Final = ("high", "normal", "bulk")
_SLOW: Final = 300.0
"""Seconds after which something that waits and that nobody holds is told about, where no service level says
otherwise."""
_HELD: Final = {
    HoldKind.DOOR: "its door is closed",
    HoldKind.ROUTING: "it is paused",
    HoldKind.DELIVERY: "its effects are held",
}


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


class Told(msgspec.Struct, frozen=True, kw_only=True):
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


def flow_of(name: str, channel: LoadedChannel | None, told: Told) -> Flow:
    """A channel as it stands; without `channel` it is none of the active edition."""
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


def _kept(name: str, within: float, told: Told) -> tuple[int, int]:
    """How many effects of the last day stood in time, and how many did not: late ones and those refused."""
    counted = told.effective.get(name, {})
    share = share_within(counted, within) if within else None
    if share is None:
        return 0, int(told.lost.get(name, 0)) if within else 0
    total = round(sum(counted.values()))
    met = round(share * total)
    return met, total - met + int(told.lost.get(name, 0))


def _how(
    name: str, waits: Waits, dead: int, within: float, holds: Sequence[Hold], told: Told
) -> tuple[Flows, tuple[str, ...]]:
    """How a channel stands, and why: the worst of what is so."""
    found = list(_faults(name, waits, dead, within, holds, told))
    if found:
        return min((how for how, _ in found), key=_ORDER.index), tuple(text for _, text in found)
    line = told.taken.get(name)
    return ("good", ()) if waits.now or (line and any(line.values)) else ("quiet", ())


def _faults(
    name: str, waits: Waits, dead: int, within: float, holds: Sequence[Hold], told: Told
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


def urgency(flow: Flow) -> tuple[int, int, float, str]:
    """What channels are put in order by: the worst, the most critical, and what waits longest first."""
    lane = _LANES.index(flow.criticality) if flow.criticality in _LANES else len(_LANES)
    return _ORDER.index(flow.how), lane, -flow.waits.oldest, flow.channel
