"""What a request is, where it stands, and what the desk needs around it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Protocol

import msgspec

from engine.reidentify.limits import HOUR
from engine.reidentify.words import Purpose, Why

__all__ = [
    "APPROVE_WITHIN", "COLLECT_WITHIN", "ENDED", "MISSES", "REMEMBERED", "Alarm", "Request", "Row", "Shown",
    "State", "Vault",
]  # fmt: skip

APPROVE_WITHIN: Final = 4 * HOUR
COLLECT_WITHIN: Final = HOUR / 4
REMEMBERED: Final = HOUR
"""Seconds after its end in which a request is still known, so that a late comer is told what became of it."""

MISSES: Final = 5
"""Tokens that are none, within an hour: from here on it looks like guessing, and every request of this person
waits for another one's approval."""


class Row(Protocol):
    """A row of the vault, as far as it is looked at here (`engine.tokens.TokenRow`)."""

    @property
    def sealed(self) -> bytes | None: ...
    @property
    def merged_into(self) -> str | None: ...


class Vault(Protocol):
    """Where tokens are looked up, and sealed identifiers opened."""

    def row(self, token: str) -> Row | None:
        """The row of a token; None when there is none. Raises `Unavailable`."""
        ...

    def open(self, row: Row) -> str:
        """The canonical identifier. Raises `Unacceptable` when it does not open, `Unavailable`."""
        ...


class Alarm(Protocol):
    """Told when something must be looked at: `why` is `enumeration`, `own` or `limit`."""

    def __call__(self, who: str, why: str) -> None: ...


class State(StrEnum):
    """Where a request stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    DECLINED = "declined"
    SHOWN = "shown"
    LAPSED = "lapsed"


ENDED: Final[dict[State, Why]] = {
    State.WAITING: "waiting", State.DECLINED: "declined", State.SHOWN: "shown", State.LAPSED: "lapsed",
}  # fmt: skip


class Request(msgspec.Struct, frozen=True):
    """What was asked for, by whom. `since` and `until` are on the steady clock: when it came into this
    state, and when that ends by itself. `at` is when it was asked, for people."""

    id: str
    asker: str
    token: str
    purpose: Purpose
    ticket: str
    at: float
    state: State
    until: float
    approver: str = ""


class Shown(msgspec.Struct, frozen=True):
    """An answer on its way out: the canonical identifier behind the token, and the token that stands for it
    today when that was merged away. Has no `repr`."""

    request: str
    token: str
    identifier: str
    merged_into: str = ""

    def __repr__(self) -> str:
        return f"Shown({self.request!r})"
