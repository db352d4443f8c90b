"""Editions of the channels put forward, approved by somebody else, taken back, declined, gone back to."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from msgspec.structs import replace

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, Entry
from engine.config.loading import load_channels
from engine.editions import deploying
from engine.editions.opening import packed_of
from engine.editions.packing import Packed, pack, unpack
from engine.errors import Misconfigured
from engine.operations.editions import Number, edition_of
from engine.operations.operation import Desk, Operation, entry
from engine.store.contracts.editions import Activation, Edition

__all__ = ["APPROVE", "BACK", "DECLINE", "OPERATIONS", "PROPOSE", "WITHDRAW", "Deciding", "Proposing"]


class Deciding(msgspec.Struct, frozen=True, kw_only=True):
    """Which edition, why; `seen` is the activation that it was compared with when it was looked at (0: not
    asked): when another came since, nothing happens."""

    number: Number
    why: str
    ticket: str = ""
    seen: int = 0


class Proposing(msgspec.Struct, frozen=True, kw_only=True):
    """All files of a set of channels by their names below its folder (`charges.yaml`, `tables/items.csv`),
    with the sites that apply, in their order."""

    files: dict[str, str]
    why: str
    ticket: str = ""
    sites: tuple[str, ...] = ()


def _propose(desk: Desk, caller: Caller, asked: Proposing) -> Edition:
    """What cannot run is refused with its findings; code is looked at and loaded, so that the files of a
    function are taken only when they are those of the active edition."""
    active = desk.store.active()
    known = packed_of(desk.store, active.edition).files if active else {}
    for name, text in asked.files.items():
        if name.endswith(".py") and known.get(name) != text.encode():
            hint = "wardline deploy, at a command line with your key"
            raise Misconfigured("code is not put forward here", where=name, hint=hint)
    told = _told(desk, caller, asked)
    with TemporaryDirectory(prefix="wardline-proposed-") as name:
        folder = Path(name) / "edition"
        unpack(Packed({name: text.encode() for name, text in asked.files.items()}), folder)
        try:
            load_channels(folder, asked.sites)
            packed = pack(folder, asked.sites)
        except Misconfigured as error:
            raise Misconfigured(str(error).replace(f"{folder}/", "")) from None
        return deploying.propose(desk.store, packed, told)


def _approve(desk: Desk, caller: Caller, asked: Deciding) -> Activation:
    edition_of(desk, asked.number)
    told = _told(desk, caller, asked)
    try:
        return deploying.approve(desk.store, asked.number, told, asked.seen or None)
    except Misconfigured as refusal:
        detail = {**told.detail, "reason": refusal.text}
        desk.store.record([replace(told, object=f"edition:{asked.number}", outcome="refused", detail=detail)])
        raise


def _withdraw(desk: Desk, caller: Caller, asked: Deciding) -> Edition:
    edition = edition_of(desk, asked.number)
    if edition.who != caller.name:
        raise Misconfigured("somebody else put it forward", where="number", hint="an approver declines it")
    return deploying.withdraw(desk.store, asked.number, _told(desk, caller, asked))


def _decline(desk: Desk, caller: Caller, asked: Deciding) -> Edition:
    edition_of(desk, asked.number)
    return deploying.withdraw(desk.store, asked.number, _told(desk, caller, asked))


def _back(desk: Desk, caller: Caller, asked: Deciding) -> Activation:
    edition = edition_of(desk, asked.number)
    if all(one.edition != asked.number for one in desk.store.activations()):
        raise Misconfigured("it was never active", where="number", hint="it is approved first")
    if desk.settings.mode == "production" and not deploying.approved_by_another(edition):
        raise Misconfigured("no second person approved it", where="number")
    return deploying.activate(desk.store, asked.number, _told(desk, caller, asked), asked.seen or None)


def _told(desk: Desk, caller: Caller, asked: Deciding | Proposing) -> Entry:
    return entry(desk, caller, Act.DEPLOY, "edition", why=asked.why.strip(), ticket=asked.ticket)


PROPOSE: Final = Operation(
    "editions.propose", "POST", "/editions", "Put a set of channels forward; another person approves it.",
    Permission.AUTHOR, Proposing, Edition, _propose, reasoned=True,
)  # fmt: skip
WITHDRAW: Final = Operation(
    "editions.withdraw", "POST", "/editions/{number}/withdraw", "Take back what one put forward oneself.",
    Permission.AUTHOR, Deciding, Edition, _withdraw, reasoned=True,
)  # fmt: skip
APPROVE: Final = Operation(
    "editions.approve", "POST", "/editions/{number}/approve",
    "Approve an edition that somebody else put forward: it becomes the active one.",
    Permission.APPROVE, Deciding, Activation, _approve, reasoned=True,
)  # fmt: skip
DECLINE: Final = Operation(
    "editions.decline", "POST", "/editions/{number}/decline", "Refuse an edition that was put forward.",
    Permission.APPROVE, Deciding, Edition, _decline, reasoned=True,
)  # fmt: skip
BACK: Final = Operation(
    "editions.back", "POST", "/editions/{number}/back",
    "Go back to an edition that was active before, at once.",
    Permission.APPROVE, Deciding, Activation, _back, reasoned=True,
)  # fmt: skip

OPERATIONS: Final = (PROPOSE, WITHDRAW, APPROVE, DECLINE, BACK)
