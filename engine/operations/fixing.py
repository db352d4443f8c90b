"""Dead letters sent on their way again, or settled without effect; and what either would come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from engine.accounts.words import Caller, Permission
from engine.auditing import Act, Entry
from engine.errors import Misconfigured
from engine.operations.operation import Desk, Operation, entry
from engine.operations.which import Which, letters_of, portions
from engine.sending_again import overtaken
from engine.store.contracts.fixing import Letter
from engine.store.contracts.views import Query

__all__ = [
    "LETTERS",
    "OPERATIONS",
    "REDELIVER",
    "SKIP",
    "WOULD_REDELIVER",
    "WOULD_SKIP",
    "Again",
    "Done",
    "Would",
]

_EXAMPLES: Final = 5


class Again(Which, frozen=True, kw_only=True, omit_defaults=True):
    """The same; `skipped` means those that were settled by skipping instead: they are taken up again."""

    skipped: bool = False


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Letters that stopped for the same reason, and the newest few messages of them."""

    channel: str
    destination: str
    code: str
    place: str
    text: str
    owner: str
    letters: int
    examples: tuple[int, ...]


class Would(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done: so many `messages` and `letters` (dead letters, of a message perhaps several) by
    cause. Left as they are would be those `followed` by a later version of their resource, and refused again
    those `overtaken`: a later message has said otherwise since, and `later` are such letters' messages, each
    with the one that stands."""

    messages: int
    letters: int
    causes: tuple[Cause, ...]
    followed: int = 0
    overtaken: int = 0
    later: dict[int, int] = {}


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """The messages that were moved, by id, for so many `letters` of theirs; and how many letters were left
    because a later version of their resource is here."""

    messages: tuple[int, ...]
    letters: int
    followed: int = 0


def _letters(desk: Desk, _: Caller, asked: Again) -> list[Letter]:
    every = msgspec.structs.replace(asked, all=True)
    return letters_of(desk, every, _state(asked))


def _would_redeliver(desk: Desk, _: Caller, asked: Again) -> Would:
    found = letters_of(desk, asked, _state(asked))
    letters = [one for one in found if not one.followed]
    later = _overtaken(desk, letters)
    shown = {one.message_id: later[one.delivery_id] for one in letters if one.delivery_id in later}
    return _would(letters, followed=len(found) - len(letters), overtaken=len(later), later=shown)


def _would_skip(desk: Desk, _: Caller, asked: Which) -> Would:
    return _would(letters_of(desk, asked))


def _redeliver(desk: Desk, caller: Caller, asked: Again) -> Done:
    found = letters_of(desk, asked, _state(asked))
    letters = [one for one in found if not one.followed]
    told = told_of(desk, caller, Act.REDELIVER, asked)
    moved = [
        number
        for some in portions(letters)
        for number in desk.store.resend(some, now=desk.clock(), told=told)
    ]
    return Done(
        messages=tuple(dict.fromkeys(moved)), letters=len(letters), followed=len(found) - len(letters)
    )


def _skip(desk: Desk, caller: Caller, asked: Which) -> Done:
    told = told_of(desk, caller, Act.SKIP, asked)
    found = letters_of(desk, asked)
    moved = [number for some in portions(found) for number in desk.store.skip(some, told=told)]
    return Done(messages=tuple(dict.fromkeys(moved)), letters=len(found))


def _state(asked: Again) -> Literal["dead", "skipped"]:
    return "skipped" if asked.skipped else "dead"


def told_of(desk: Desk, caller: Caller, act: Act, asked: Which) -> Entry:
    """The entry, with what was asked for: codes, places and names of ours."""
    words = ("code", "place", "owner", "destination", "since", "until")
    detail = {word: text for word in words if (text := str(getattr(asked, word)))}
    if long := next((word for word, text in detail.items() if len(text) > 200 or not text.isprintable()), ""):
        raise Misconfigured(f"is no {long}", where=long)
    object_ = f"channel:{asked.channel}" if asked.channel else "messages"
    return entry(desk, caller, act, object_, why=asked.why, ticket=asked.ticket, detail=detail)


def _overtaken(desk: Desk, letters: Sequence[Letter]) -> dict[int, int]:
    """Those of these letters (by delivery id) that would be refused again, and what stands instead."""
    reasons = {one.delivery_id: one.reason for one in letters if one.delivery_id}
    found: dict[int, int] = {}
    for some in portions(sorted(reasons)):
        views = desk.store.deliveries(Query(ids=tuple(some), limit=len(some)))
        batch = [
            msgspec.structs.replace(view.delivery, again=reason.code.value if reason else "internal")
            for view in views
            for reason in (reasons[view.delivery.id],)
        ]
        found |= overtaken(desk.store, batch, lambda _: False)
    return found


def _would(letters: Sequence[Letter], **more: Any) -> Would:
    return Would(
        messages=len({one.message_id for one in letters}),
        letters=len(letters),
        causes=_causes(letters),
        **more,
    )


def _causes(letters: Sequence[Letter]) -> tuple[Cause, ...]:
    """What most of them stopped for first."""
    of: dict[tuple[str, ...], list[int]] = {}
    for one in letters:
        reason = one.reason
        said = (reason.code.value, reason.place, reason.text, reason.owner.value) if reason else ("",) * 4
        of.setdefault((one.channel, one.destination, *said), []).append(one.message_id)
    counts = Counter({name: len(ids) for name, ids in of.items()})
    return tuple(
        Cause(
            channel=name[0], destination=name[1], code=name[2], place=name[3], text=name[4], owner=name[5],
            letters=count, examples=tuple(of[name][-_EXAMPLES:]),
        )
        for name, count in counts.most_common()
    )  # fmt: skip


LETTERS: Final[Operation[Again, list[Letter]]] = Operation(
    "letters.list", "GET", "/letters", "Dead letters with their reasons; or those that were skipped.",
    Permission.SEE, Again, list[Letter], _letters,
)  # fmt: skip
WOULD_REDELIVER: Final[Operation[Again, Would]] = Operation(
    "redeliver.preview", "GET", "/fixes/redeliver", "What sending dead letters again would come to.",
    Permission.SEE, Again, Would, _would_redeliver,
)  # fmt: skip
REDELIVER: Final[Operation[Again, Done]] = Operation(
    "redeliver", "POST", "/fixes/redeliver",
    "Send dead letters on their way again: the same effects, or routing where it failed there.",
    Permission.FIX, Again, Done, _redeliver, reasoned=True,
)  # fmt: skip
WOULD_SKIP: Final[Operation[Which, Would]] = Operation(
    "skip.preview", "GET", "/fixes/skip", "Which dead letters would be settled without effect.",
    Permission.SEE, Which, Would, _would_skip,
)  # fmt: skip
SKIP: Final[Operation[Which, Done]] = Operation(
    "skip", "POST", "/fixes/skip", "Settle dead letters without effect.",
    Permission.FIX, Which, Done, _skip, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (LETTERS, WOULD_REDELIVER, REDELIVER, WOULD_SKIP, SKIP)
