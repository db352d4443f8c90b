"""Stopping and letting go: a channel's door, its routing, its effects; a destination."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, Entry
from engine.config.loading import LoadedChannel
from engine.errors import Misconfigured
from engine.measuring.reading import last_seen
from engine.operations.loading import loaded
from engine.operations.operation import Desk, Operation, entry
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.contracts.overview import Sought

__all__ = ["HOLD", "HOLDS", "LET_GO", "OPERATIONS", "AskHold", "AskHolds", "Held"]


class AskHolds(msgspec.Struct, frozen=True):
    """Nothing more is asked."""


class AskHold(msgspec.Struct, frozen=True, kw_only=True):
    """What to stop or to let go. `kind`: `door` (the channel takes nothing, its senders keep what they have),
    `routing` (it takes and answers; its messages wait), `delivery` (its effects wait), `destination` (nothing
    is carried out there). `name` is the channel's or the destination's."""

    kind: HoldKind
    name: str
    why: str
    ticket: str = ""


class Held(msgspec.Struct, frozen=True):
    """Whether this call did it: false where it was so already."""

    done: bool


def _holds(desk: Desk, _: Caller, __: AskHolds) -> list[Hold]:
    return desk.store.holds()


def _hold(desk: Desk, caller: Caller, asked: AskHold) -> Held:
    _check_known(desk, asked)
    told = _told(desk, caller, asked, {})
    hold = Hold(asked.kind, asked.name, told.at, caller.name, asked.why)
    return Held(desk.store.hold(hold, told=told))


def _let_go(desk: Desk, caller: Caller, asked: AskHold) -> Held:
    told = _told(desk, caller, asked, {"let go": "yes"})
    return Held(desk.store.let_go(asked.kind, asked.name, told=told))


def _told(desk: Desk, caller: Caller, asked: AskHold, more: dict[str, str]) -> Entry:
    object_ = f"{_what(asked)}:{asked.name}"
    detail = {"kind": asked.kind.value, **more}
    return entry(desk, caller, Act.HOLD, object_, why=asked.why, ticket=asked.ticket, detail=detail)


def _what(asked: AskHold) -> str:
    return "destination" if asked.kind is HoldKind.DESTINATION else "channel"


def _check_known(desk: Desk, asked: AskHold) -> None:
    """Raises `Misconfigured` for a name that nothing here has: a typing error would stop nothing."""
    channels = _channels(desk)
    if asked.kind is HoldKind.DESTINATION:
        known = {name for channel in channels for name in channel.program.destinations}
    else:
        known = {channel.spec.channel for channel in channels} | set(last_seen(desk.store))
    if asked.name not in known and not _has_messages(desk, asked):
        hint = f"there are: {', '.join(sorted(known)) or 'none'}"
        raise Misconfigured(f"there is no such {_what(asked)}", where="name", hint=hint)


def _has_messages(desk: Desk, asked: AskHold) -> bool:
    """Whether a channel, that no edition has any more, ever took something."""
    one_of_it = Sought(channel=asked.name, limit=1)
    return asked.kind is not HoldKind.DESTINATION and bool(desk.store.seek(one_of_it))


def _channels(desk: Desk) -> list[LoadedChannel]:
    """Those of the active edition, and of editions that have work left."""
    every = [loaded(desk), *(loaded(desk, number) for number in desk.store.working_editions() if number)]
    return [channel for one in every for channel in one.channels.values()]


HOLDS: Final[Operation[AskHolds, list[Hold]]] = Operation(
    "holds.list", "GET", "/holds", "What people stopped, since when, who and why.",
    Permission.SEE, AskHolds, list[Hold], _holds,
)  # fmt: skip
HOLD: Final[Operation[AskHold, Held]] = Operation(
    "holds.hold", "POST", "/holds", "Stop a channel's door, its routing or its effects, or a destination.",
    Permission.HOLD, AskHold, Held, _hold, reasoned=True,
)  # fmt: skip
LET_GO: Final[Operation[AskHold, Held]] = Operation(
    "holds.let_go", "POST", "/holds/let-go", "Let go on what was stopped.",
    Permission.HOLD, AskHold, Held, _let_go, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (HOLDS, HOLD, LET_GO)
