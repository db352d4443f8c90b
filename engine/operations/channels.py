"""Channels as the active edition has them: what they are, whose, and how they stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.config.loading import LoadedChannel
from engine.measuring.reading import lines
from engine.operations import traffic
from engine.operations.flows import Flow
from engine.operations.loading import Loaded, channel_of, loaded
from engine.operations.moments import moment
from engine.operations.operation import Desk, NotThere, Operation
from engine.operations.traffic import Named
from engine.operations.worklist import CODES, Code, Filter
from engine.store.contracts.views import DeliveryView, MessageView, Query
from engine.workbench.catalogue import Entry, entry_of
from engine.workbench.shadow import report, told

__all__ = [
    "LIST",
    "OPERATIONS",
    "SHADOW",
    "SHOW",
    "ChannelShown",
    "Channels",
    "ShadowTold",
    "Shadowing",
    "Whole",
]

_PAGE: Final = 1000
_MOST: Final = 50_000
"""Messages that a report on a page goes through."""

_known: dict[Path, tuple[Entry, ...]] = {}


class Whole(msgspec.Struct, frozen=True):
    """Nothing more is asked."""


class Channels(msgspec.Struct, frozen=True, kw_only=True):
    """All channels of the active `edition` (0: none was ever deployed), which is active since `at`; `wrong`
    says why it cannot be read here."""

    edition: int
    at: float
    channels: tuple[Entry, ...]
    wrong: str = ""


class Counted(msgspec.Struct, frozen=True):
    """A span that began at `at` (seconds since the epoch): messages taken in it, refused at the door, and
    those that became dead letters when they were mapped."""

    at: int
    taken: int
    refused: int
    dead: int


class ChannelShown(msgspec.Struct, frozen=True, kw_only=True):
    """One channel: what the catalogue has of it, how it stands, its file, what came in each of the last 48
    `hours` and of the last 60 `days` (UTC; the last one is not over), and the codes that it waits for, with
    when each was first seen."""

    edition: int
    entry: Entry
    flow: Flow
    text: str
    hours: tuple[Counted, ...]
    days: tuple[Counted, ...]
    codes: tuple[Code, ...]


class Shadowing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Of which channel, since when (an age, or a date and time)."""

    name: str
    since: str = "7d"


class ShadowTold(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel that writes nothing would have done, in lines; `whole` says whether all messages since
    then were gone through."""

    lines: tuple[str, ...]
    whole: bool


def _list(desk: Desk, caller: Caller, asked: Whole) -> Channels:  # noqa: ARG001
    active, activation = loaded(desk), desk.store.active()
    return Channels(
        edition=active.number,
        at=activation.at if activation else 0.0,
        channels=_entries(active),
        wrong=active.wrong,
    )


def _entries(active: Loaded) -> tuple[Entry, ...]:
    """Made once: the files below a folder of what was loaded never change."""
    found = _known.get(active.folder)
    if found is None:
        found = tuple(entry_of(one, active.folder) for _, one in sorted(active.channels.items()))
        _known.clear()
        _known[active.folder] = found
    return found


def _show(desk: Desk, caller: Caller, asked: Named) -> ChannelShown:
    active = loaded(desk)
    channel = _there(active, asked.name)
    return ChannelShown(
        edition=active.number,
        entry=entry_of(channel, active.folder),
        flow=traffic.CHANNEL.call(desk, caller, asked),
        text=channel.raw.decode("utf-8", "replace"),
        hours=_counted(desk, asked.name, 3600, 48),
        days=_counted(desk, asked.name, 86400, 60),
        codes=CODES.call(desk, caller, Filter(channel=asked.name)),
    )


def _counted(desk: Desk, name: str, step: int, count: int) -> tuple[Counted, ...]:
    """What came to a channel in each of so many spans, the one that is not over last."""
    until = (int(desk.clock()) // step + 1) * step
    since = until - step * count

    def line(metric: str, **where: str) -> Sequence[float]:
        asked = {"channel": name, **where}
        found = lines(desk.store, metric, since=since, until=until, step=step, where=asked)
        return found[name].values if name in found else (0.0,) * count

    taken, refused = line("wardline_messages_accepted"), line("wardline_messages_refused")
    dead = line("wardline_messages_routed", result="dead")
    return tuple(
        Counted(since + at * step, int(taken[at]), int(refused[at]), int(dead[at])) for at in range(count)
    )


def _shadow(desk: Desk, caller: Caller, asked: Shadowing) -> ShadowTold:  # noqa: ARG001
    if channel_of(desk, asked.name) is None:
        raise NotThere("there is no channel of this name")
    query = Query(channel=asked.name, since=moment(asked.since, desk.clock(), "since"), limit=_PAGE)
    messages = list(_messages(desk, query))
    made = report(asked.name, messages, _deliveries(desk, query))
    return ShadowTold(lines=tuple(told(made)), whole=len(messages) < _MOST)


def _messages(desk: Desk, query: Query) -> Iterator[MessageView]:
    for _ in range(_MOST // _PAGE):
        page = desk.store.messages(query)
        yield from page
        if len(page) < _PAGE:
            return
        query = msgspec.structs.replace(query, after=page[-1].id)


def _deliveries(desk: Desk, query: Query) -> Iterator[DeliveryView]:
    for _ in range(_MOST // _PAGE):
        page = desk.store.deliveries(query)
        yield from page
        if len(page) < _PAGE:
            return
        query = msgspec.structs.replace(query, after=page[-1].delivery.id)


def _there(active: Loaded, name: str) -> LoadedChannel:
    channel = active.channels.get(name)
    if channel is None:
        raise NotThere(active.wrong or "the active edition has no channel of this name")
    return channel


LIST: Final = Operation(
    "channels.list", "GET", "/channels", "The channels of the active edition: what each is, and whose.",
    Permission.SEE, Whole, Channels, _list,
)  # fmt: skip
SHOW: Final = Operation(
    "channels.show", "GET", "/channels/{name}", "One channel: what it is, how it stands, and its file.",
    Permission.SEE, Named, ChannelShown, _show,
)  # fmt: skip
SHADOW: Final = Operation(
    "channels.shadow", "GET", "/channels/{name}/shadow",
    "What a channel that writes nothing would have done.",
    Permission.SEE, Shadowing, ShadowTold, _shadow,
)  # fmt: skip

OPERATIONS: Final = (LIST, SHOW, SHADOW)
