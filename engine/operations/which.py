"""Which messages a person wants to put right: asked alike of everything that does so, and of its previews."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Final, Literal, TypeVar

import msgspec

from engine.errors import Misconfigured
from engine.model import Owner, ReasonCode
from engine.operations.moments import moment
from engine.operations.operation import Desk
from engine.store.contracts.fixing import Letter, Letters

__all__ = ["PORTION", "Which", "check", "known", "letters_of", "portions"]

PORTION: Final = 500
"""Messages that are moved in one commit: intake waits for no more."""

T = TypeVar("T")


class Which(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which messages: everything given must hold, and something must be given; `all` stands for every one.

    `ids` are of messages; `code`, `place` and `owner` are those of the reason, `destination` who refused
    (`-`: what stopped before any); `since` and `until` an age (`2h`, `7d`) or a date and time of when they
    were received. `why` and `ticket` go into the audit."""

    channel: str = ""
    code: str = ""
    place: str = ""
    owner: str = ""
    destination: str = ""
    since: str = ""
    until: str = ""
    ids: tuple[int, ...] = ()
    all: bool = False
    why: str = ""
    ticket: str = ""


def letters_of(desk: Desk, asked: Which, state: Literal["dead", "skipped"] = "dead") -> list[Letter]:
    """The dead letters that are meant, oldest first. Raises `Misconfigured` when nothing says which, or a
    word is none."""
    check(asked)
    now = desk.clock()
    return desk.store.letters(
        Letters(
            channel=asked.channel,
            code=known("code", asked.code, ReasonCode),
            place=asked.place,
            owner=known("owner", asked.owner, Owner),
            destination=asked.destination,
            ids=asked.ids,
            since=moment(asked.since, now, "since"),
            until=moment(asked.until, now, "until"),
            state=state,
        )
    )


def check(asked: Which, *more: str) -> None:
    """Raises `Misconfigured` when nothing says which are meant."""
    words = (asked.channel, asked.code, asked.place, asked.owner, asked.destination, asked.since, asked.until)
    if not (any(words) or any(more) or asked.ids or asked.all):
        raise Misconfigured("say which: ids, a channel, a reason, a time, or all", where="ids")


def portions(some: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many as are moved in one commit; of none one that is empty: that it was asked for is recorded."""
    for at in range(0, max(len(some), 1), PORTION):
        yield some[at : at + PORTION]


def known(name: str, text: str, words: type[StrEnum]) -> str:
    """A word of ours as it was asked for, or none. Raises `Misconfigured`."""
    if text and text not in set(words):
        raise Misconfigured(f"is none of {', '.join(words)}", where=name)
    return text
