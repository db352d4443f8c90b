"""The worklist: what stopped, by cause and by whom it waits for; and the codes that messages wait for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from engine.accounts.words import Caller, Permission
from engine.config.loading import LoadedChannel
from engine.config.table_text import TableText
from engine.model import MessageState, Owner, ReasonCode
from engine.operations.loading import channel_of, loaded
from engine.operations.operation import Desk, Operation
from engine.store.contracts.overview import Stopped
from engine.workbench.suggesting import Suggestion
from engine.workbench.worklist import Wanted, worklist

__all__ = ["CODES", "LIST", "OPERATIONS", "Cause", "Code", "Filter", "Worklist"]


class Filter(msgspec.Struct, frozen=True, omit_defaults=True):
    """Of which channel, and of which owner: `business`, `technical`, `privacy`; empty: all."""

    channel: str = ""
    owner: str = ""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that stopped for one reason at one place: `messages` counts them, `first_at` and `last_at` are
    when the first and the last of them were received, `newest` is the last one's id. `destination` refused
    them (empty: they stopped before any). `whose` it is to settle, with the `contact` that the channel names.
    `quarantined` ones were answered with an error: their sender knows, and nothing of them is in work."""

    channel: str
    destination: str
    code: ReasonCode
    place: str
    text: str
    whose: Owner
    contact: str
    quarantined: bool
    messages: int
    first_at: float
    last_at: float
    newest: int


class Worklist(msgspec.Struct, frozen=True, kw_only=True):
    """All causes, what weighs most first. `messages` counts by owner what waits for them; a message that
    stopped for two causes is counted for each. `dead` counts dead letters once."""

    causes: tuple[Cause, ...]
    messages: dict[str, int]
    dead: int


class Code(msgspec.Struct, frozen=True, kw_only=True):
    """A code that a table lacks, and the messages that wait for it: they flow by themselves when an edition
    has it. `file` is the table in the active edition and `columns` what a row of it has (none: no channel of
    it has the table any more); `suggestions` are codes that may be meant, `listed` cells that lists out of
    Odoo suggest (`item=GLV-M`)."""

    table: str
    code: str
    channels: tuple[str, ...]
    place: str
    messages: int
    first_at: float
    last_at: float
    file: str
    columns: tuple[str, ...]
    suggestions: tuple[Suggestion, ...]
    listed: tuple[str, ...]
    there: bool


def _list(desk: Desk, caller: Caller, asked: Filter) -> Worklist:  # noqa: ARG001 - everybody is shown the same
    found = [
        _cause(one, channel_of(desk, one.channel))
        for one in desk.store.stopped()
        if asked.channel in ("", one.channel) and asked.owner in ("", one.reason.owner)
    ]
    found.sort(key=lambda cause: (-cause.messages, -cause.last_at, cause.channel, cause.place))
    counts = {owner.value: sum(one.messages for one in found if one.whose is owner) for owner in Owner}
    waits = desk.store.backlog(desk.clock())
    dead = sum(int(waits[name].get("dead", 0)) for name in waits if asked.channel in ("", name))
    return Worklist(causes=tuple(found), messages=counts, dead=dead)


def _cause(one: Stopped, channel: LoadedChannel | None) -> Cause:
    reason = one.reason
    return Cause(
        channel=one.channel,
        destination=one.destination,
        code=reason.code,
        place=reason.place,
        text=reason.text,
        whose=reason.owner,
        contact=_contact(channel, reason.owner),
        quarantined=one.state is MessageState.QUARANTINED,
        messages=one.messages,
        first_at=one.first_at,
        last_at=one.last_at,
        newest=one.newest,
    )


def _contact(channel: LoadedChannel | None, whose: Owner) -> str:
    if channel is None or whose is Owner.PRIVACY:
        return ""
    owner = channel.spec.owner
    return owner.business if whose is Owner.BUSINESS else owner.technical


def _codes(desk: Desk, caller: Caller, asked: Filter) -> tuple[Code, ...]:  # noqa: ARG001
    active = loaded(desk)
    parked = [one for one in desk.store.parked() if asked.channel in ("", one.channel)]
    return tuple(_code(one, active.folder) for one in worklist(parked, list(active.channels.values())))


def _code(one: Wanted, folder: Path) -> Code:
    file = Path(one.file) if one.file else None
    return Code(
        table=one.table,
        code=one.code,
        channels=one.channels,
        place=one.place,
        messages=one.messages,
        first_at=one.first_at,
        last_at=one.last_at,
        file=file.relative_to(folder).as_posix() if file else "",
        columns=TableText(file.read_bytes().decode()).columns[1:] if file else (),
        suggestions=one.suggestions,
        listed=one.listed,
        there=one.there,
    )


LIST: Final = Operation(
    "worklist.list", "GET", "/worklist", "What stopped, by cause, with whose it is to settle.",
    Permission.SEE, Filter, Worklist, _list,
)  # fmt: skip
CODES: Final = Operation(
    "codes.list", "GET", "/codes", "Codes that tables lack, and the messages that wait for them.",
    Permission.SEE, Filter, tuple[Code, ...], _codes,
)  # fmt: skip

OPERATIONS: Final = (LIST, CODES)
