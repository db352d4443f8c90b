"""Messages put through today's channels again, one, many or by what they are; after a look at what would
come of it, effect by effect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, spread
from engine.editions.impact import Aliases, Channel, Counted
from engine.editions.rehearsing import Rehearsed, rehearse
from engine.model import MessageState, StoredMessage
from engine.operations.fixing import told_of
from engine.operations.loading import loaded
from engine.operations.moments import moment
from engine.operations.operation import Desk, Operation, entry
from engine.operations.which import Which, check, known, letters_of, portions
from engine.privacy.vault import Vault
from engine.store.contracts.views import Query

__all__ = [
    "OPERATIONS",
    "REPLAY",
    "WOULD_REPLAY",
    "Replay",
    "Replayed",
    "WouldReplay",
    "rehearsal",
    "summary",
]

MOST: Final = 500
"""Messages that are gone through for a preview: the newest of them."""

_PAGE: Final = 1000


class Replay(Which, frozen=True, kw_only=True, omit_defaults=True):
    """The same, of messages in whichever `state` (delivered, filtered, dead …); with a reason or a
    destination only dead letters."""

    state: str = ""


class WouldReplay(msgspec.Struct, frozen=True, kw_only=True):
    """What replaying so many `messages` would come to, by the newest of them, which were `compared`.

    `unchanged`: all that they make stands, or they stop as before; `dead` would be dead letters. Effects:
    `stand` as they are (of them `left` are not made any more), `carried` out again or for the first time, of
    those `overtaken`: a later message has said otherwise since, and they would be refused. `channels` says
    what would be otherwise, field by field. `not_replayed`: how many cannot be, by why."""

    messages: int
    compared: int
    unchanged: int = 0
    dead: int = 0
    stand: int = 0
    left: int = 0
    carried: int = 0
    overtaken: int = 0
    channels: tuple[Channel, ...] = ()
    not_replayed: dict[str, int] = {}


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The messages that are on their way again; how many cannot be replayed, by why."""

    messages: tuple[int, ...]
    not_replayed: dict[str, int]


def _would(desk: Desk, caller: Caller, asked: Replay) -> WouldReplay:
    ids = _ids(desk, asked)
    fit, why_not = _fit(desk, ids)
    some = fit[-MOST:]
    told = entry(desk, caller, Act.LOOK, "replay", why=asked.why, ticket=asked.ticket)
    desk.store.record(spread(told, "shown", some))
    found = [one for part in portions(some) if part for one in rehearsal(desk, desk.store.stored(list(part)))]
    return summary(found, len(ids), why_not)


def _replay(desk: Desk, caller: Caller, asked: Replay) -> Replayed:
    ids = _ids(desk, asked)
    told = told_of(desk, caller, Act.REPLAY, asked)
    why_not = _fit(desk, ids)[1]
    moved = [number for some in portions(ids) for number in desk.store.replay(some, told=told)]
    return Replayed(messages=tuple(moved), not_replayed=why_not)


def rehearsal(desk: Desk, messages: Sequence[StoredMessage]) -> list[Rehearsed]:
    """What messages would come to in the active edition."""
    ring = desk.ring.following(desk.store.uses())
    vault = Vault.of(ring, desk.settings.tenant)
    return list(rehearse(desk.store, vault, loaded(desk).channels, messages, desk.clock()))


def summary(found: Sequence[Rehearsed], messages: int, why_not: dict[str, int]) -> WouldReplay:
    """What was rehearsed, in numbers and by channel."""
    counted: dict[str, Counted] = {}
    names = Counter(one.view.channel for one in found)
    for one in found:
        counted.setdefault(one.view.channel, Counted()).add(one.view.id, one.was, one.becomes)
    alias = Aliases()
    channels = [
        counted[name].channel(name, "changed", names[name], alias)
        for name in sorted(counted)
        if counted[name].other
    ]
    return WouldReplay(
        messages=messages,
        compared=len(found),
        unchanged=sum(one.was == one.becomes and not one.renewal.rows for one in found),
        dead=sum(one.becomes.state == "dead" for one in found),
        stand=sum(len(one.renewal.stand) for one in found),
        left=sum(len(one.renewal.left) for one in found),
        carried=sum(len(one.renewal.rows) for one in found),
        overtaken=sum(one.overtaken for one in found),
        channels=tuple(channels),
        not_replayed=why_not,
    )


def _ids(desk: Desk, asked: Replay) -> list[int]:
    """Which messages are meant, oldest first. Raises `Misconfigured`."""
    state = known("state", asked.state, MessageState)
    if asked.code or asked.place or asked.owner or asked.destination:
        found = {one.message_id for one in letters_of(desk, asked)}
        return sorted(found) if state in ("", MessageState.DEAD) else []
    check(asked, asked.state)
    now = desk.clock()
    query = Query(
        channel=asked.channel,
        state=state,
        ids=asked.ids,
        since=moment(asked.since, now, "since"),
        until=moment(asked.until, now, "until"),
        limit=_PAGE,
    )
    return [number for page in _pages(desk, query) for number in page]


def _pages(desk: Desk, query: Query) -> Iterator[list[int]]:
    while views := desk.store.messages(query):
        yield [view.id for view in views]
        query = msgspec.structs.replace(query, after=views[-1].id)


def _fit(desk: Desk, ids: Sequence[int]) -> tuple[list[int], dict[str, int]]:
    """Those that can be replayed, and how many cannot, by why."""
    fit: list[int] = []
    why_not = Counter[str]()
    for some in portions(ids):
        for number, left in desk.store.replayable(list(some)).items():
            if left is None:
                fit.append(number)
            else:
                why_not[left] += 1
    return sorted(fit), dict(why_not)


WOULD_REPLAY: Final[Operation[Replay, WouldReplay]] = Operation(
    "replay.preview", "GET", "/fixes/replay", "What putting messages through today's channels would come to.",
    Permission.FIX, Replay, WouldReplay, _would,
)  # fmt: skip
REPLAY: Final[Operation[Replay, Replayed]] = Operation(
    "replay", "POST", "/fixes/replay",
    "Put messages through today's channels again: what stands stays, what differs is carried out.",
    Permission.FIX, Replay, Replayed, _replay, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (WOULD_REPLAY, REPLAY)
