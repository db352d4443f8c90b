"""The nouns of coming in: from where, with what, and why not."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from engine.accounts.words import Caller
from engine.auditing import Act, Entry, Result
from engine.errors import WardlineError
from engine.store.contracts.accounts import User

__all__ = ["Came", "Entered", "KeptOut", "Terms", "Who", "login"]

Why = Literal["wrong", "wait", "link", "password", "directory", "closed"]


class KeptOut(WardlineError):
    """Whoever wants in does not come in. Its words are for the person; they never tell whether an account
    exists. `wait` is the seconds until it makes sense to try again, 0 when there is nothing to wait for."""

    def __init__(self, why: Why, text: str, *, wait: float = 0.0) -> None:
        super().__init__(text)
        self.why: Why = why
        self.wait = wait


class Came(NamedTuple):
    """From where somebody comes: the address, the mark that the browser kept of this account's last use, and
    the secret of the session that it has now, each empty where there is none."""

    address: str
    mark: str = ""
    session: str = ""


class Entered(NamedTuple):
    """Somebody came in: the secret for the browser's cookie, and the mark that it keeps. Has no `repr`."""

    name: str
    session: str
    mark: str = ""

    def __repr__(self) -> str:
        return f"Entered({self.name!r})"


class Who(NamedTuple):
    """Who sends a request: as what they act, what their forms carry (empty with a token of the API), and the
    account."""

    caller: Caller
    form: str
    user: User

    def __repr__(self) -> str:
        return f"Who({self.caller.name!r})"


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On what terms people come in, in seconds: how long a session may rest and last, how long links of
    invitations and of the set-up work. `local` is whether passwords are taken at all."""

    local: bool = True
    idle: float = 30 * 60.0
    longest: float = 12 * 3600.0
    invitation: float = 72 * 3600.0
    set_up: float = 3600.0


def login(at: float, who: str, address: str, outcome: Result, **detail: str) -> Entry:
    """An entry of the audit about somebody at the door."""
    return Entry(
        at=at, who=who, role="user", act=Act.LOGIN, object="console", outcome=outcome,
        detail={**({"address": address} if address else {}), **detail},
    )  # fmt: skip
