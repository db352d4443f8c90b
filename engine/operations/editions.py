"""Editions of the channels, looked at: what each is now, and what it would change of what came lately."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Final, Literal

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, spread
from engine.editions.differing import FileChange, changes
from engine.editions.impact import Impact, differing, impact
from engine.editions.opening import packed_of
from engine.editions.packing import Packed
from engine.editions.wording import headline, pairs, sentence
from engine.errors import Misconfigured
from engine.operations.loading import loaded
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.store.contracts.editions import Activation, Edition, Running

__all__ = [
    "IMPACT", "LIST", "OPERATIONS", "SHOW", "Compared", "EditionShown", "EditionsShown", "Impacted",
    "Listing", "Number", "Numbered", "edition_of", "state_of",
]  # fmt: skip

State = Literal["active", "replaced", "approved", "proposed", "withdrawn"]

_MOST: Final = 200
"""Messages of each channel that an impact goes through: a page is waited for."""

Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Listing(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many."""

    limit: int = 50


class Numbered(msgspec.Struct, frozen=True):
    """Which edition."""

    number: Number


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Which edition is compared with the active one, over how many of the newest messages of each channel."""

    number: Number
    last: int = 100


class EditionShown(msgspec.Struct, frozen=True, kw_only=True):
    """An edition as it stands: what it is now, who put it forward and decided, when it was active, which
    files it has other than the active one (`against`, 0: there is none). `mine` says that the caller put it
    forward; `seen` is the activation that it was compared with."""

    edition: Edition
    state: State
    activations: tuple[Activation, ...]
    files: dict[str, int]
    against: int
    seen: int
    changes: tuple[FileChange, ...]
    mine: bool
    code: bool
    """Whether code changes, which runs when it is compared or approved."""


class EditionsShown(msgspec.Struct, frozen=True, kw_only=True):
    """Editions, newest first, each with its state; and what each process of the engine runs."""

    editions: tuple[tuple[Edition, State], ...]
    running: tuple[Running, ...]


class Impacted(msgspec.Struct, frozen=True, kw_only=True):
    """What an edition would change of the newest messages, in words: by channel a headline, and for each
    thing that would be otherwise a sentence, values that take the place of others, and messages to look
    at."""

    number: Number
    against: int
    channels: tuple[Changed, ...]
    same: tuple[str, ...]


class Changed(msgspec.Struct, frozen=True, kw_only=True):
    """What would change in a channel."""

    name: str
    headline: str
    groups: tuple[tuple[str, tuple[str, ...], tuple[int, ...]], ...]


def _list(desk: Desk, caller: Caller, asked: Listing) -> EditionsShown:  # noqa: ARG001
    activations = desk.store.activations()
    found = desk.store.editions(max(1, min(asked.limit, 1000)))
    return EditionsShown(
        editions=tuple((one, state_of(one, activations)) for one in found),
        running=tuple(desk.store.running()),
    )


def state_of(edition: Edition, activations: Sequence[Activation]) -> State:
    """What an edition is now, given the activations, newest first."""
    if activations and activations[0].edition == edition.number:
        return "active"
    if edition.state == "approved" and any(one.edition == edition.number for one in activations):
        return "replaced"
    return edition.state


def _show(desk: Desk, caller: Caller, asked: Numbered) -> EditionShown:
    edition = edition_of(desk, asked.number)
    activations, packed = desk.store.activations(), packed_of(desk.store, asked.number)
    active = activations[0] if activations else None
    before = Packed({})
    if active is not None and active.edition != asked.number:
        with suppress(Misconfigured):  # what cannot be read any more is nothing to compare with
            before = packed_of(desk.store, active.edition)
    compared = active is not None and active.edition != asked.number
    found = changes(before, packed) if compared else []
    return EditionShown(
        edition=edition,
        state=state_of(edition, activations),
        activations=tuple(one for one in activations if one.edition == asked.number),
        files={name: len(content) for name, content in sorted(packed.files.items())},
        against=active.edition if active and compared else 0,
        seen=active.id if active else 0,
        changes=tuple(found),
        mine=edition.who == caller.name,
        code=any(one.file.endswith(".py") for one in found),
    )


def _impact(desk: Desk, caller: Caller, asked: Compared) -> Impacted:
    edition, old = edition_of(desk, asked.number), loaded(desk)
    new = loaded(desk, asked.number)
    for one in (old, new):
        if one.wrong or not one.number:
            raise Misconfigured(one.wrong or "there is no active edition to compare with", where="number")
    before, after = list(old.channels.values()), list(new.channels.values())
    last = max(1, min(asked.last, _MOST))
    courses = {one.spec.channel for one in (*before, *after) if one.program.course is not None}
    every = {
        name: desk.store.newest(name, last * (1 + (name in courses))) for name in differing(before, after)[0]
    }
    ids = {name: some[-last:] for name, some in every.items()}
    shown = sorted(one for some in ids.values() for one in some)
    if shown:
        detail = {"compared": str(len(shown)), "against": f"edition:{old.number}"}
        told = entry(desk, caller, Act.LOOK, "impact", detail=detail)
        desk.store.record(spread(told, "shown", shown))
    earlier = [one for some in every.values() for one in some[:-last]]
    found = impact(desk.store, before, after, ids, os.urandom(32), earlier=earlier)
    return _worded(found, edition.number, old.number)


def _worded(found: Impact, number: int, against: int) -> Impacted:
    channels = tuple(
        Changed(
            name=one.name,
            headline=headline(one),
            groups=tuple((sentence(group), tuple(pairs(group)), group.examples) for group in one.groups),
        )
        for one in found.channels
    )
    return Impacted(number=number, against=against, channels=channels, same=found.same)


def edition_of(desk: Desk, number: int) -> Edition:
    """One edition. Raises `NotThere`."""
    edition = desk.store.edition(number)
    if edition is None:
        raise NotThere(f"there is no edition {number}")
    return edition


LIST: Final = Operation(
    "editions.list", "GET", "/editions", "Sets of channels that are, were or may be run, newest first.",
    Permission.SEE, Listing, EditionsShown, _list,
)  # fmt: skip
SHOW: Final = Operation(
    "editions.show", "GET", "/editions/{number}",
    "One edition, and what its files have other than the active one.",
    Permission.SEE, Numbered, EditionShown, _show,
)  # fmt: skip
IMPACT: Final = Operation(
    "editions.impact", "GET", "/editions/{number}/impact",
    "What an edition would make of the newest messages other than the active one does; goes into the audit.",
    Permission.SEE, Compared, Impacted, _impact,
)  # fmt: skip

OPERATIONS: Final = (LIST, SHOW, IMPACT)
