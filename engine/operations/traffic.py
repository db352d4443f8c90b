"""Traffic: each channel as it stands now, worst first, and the processes and destinations that carry it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.config.loading import LoadedChannel
from engine.measuring.reading import (
    Process,
    buckets,
    last_seen,
    lines,
    processes,
    totals,
)
from engine.measuring.standing import Standing
from engine.operations.flows import Flow, Told, flow_of, urgency
from engine.operations.loading import loaded
from engine.operations.operation import Desk, NotThere, Operation
from engine.store.contracts.holding import Hold, HoldKind

__all__ = ["CHANNEL", "OPERATIONS", "SHOW", "Asked", "Named", "Traffic"]

_HOUR: Final = 3600.0
_DAY: Final = 86400.0


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of which channels: of a `criticality` (`high`, `normal`, `bulk`); empty: all."""

    criticality: str = ""


class Named(msgspec.Struct, frozen=True):
    """Which channel."""

    name: str


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


def _show(desk: Desk, caller: Caller, asked: Asked) -> Traffic:  # noqa: ARG001 - everybody is shown the same
    active, now = loaded(desk), desk.clock()
    there = processes(desk.store, now)
    told = _told(desk, now, there)
    names = {*active.channels, *told.backlog, *told.taken, *told.seen}
    flows = [flow_of(name, active.channels.get(name), told) for name in sorted(names)]
    flows = [one for one in flows if asked.criticality in ("", one.criticality)]
    flows.sort(key=urgency)
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


def _told(desk: Desk, now: float, there: Sequence[Process]) -> Told:
    store = desk.store
    hour, day = now - _HOUR, now - _DAY
    return Told(
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


def _carried(desk: Desk, told: Told, channels: Iterable[LoadedChannel]) -> Iterator[Carried]:
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
