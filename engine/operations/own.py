"""What everybody does for the own account: sessions and tokens of the API."""

from __future__ import annotations

import os
from typing import Any, Final

import msgspec

from engine.accounts.changing import checked_roles, roles_of
from engine.accounts.secrets import api_token, digest_of
from engine.accounts.words import Caller, Permission, Role
from engine.auditing import Act, Entry
from engine.errors import Misconfigured
from engine.operations.account_views import (
    AccountShown,
    SessionView,
    TokenView,
    account_of,
    session_view,
    token_view,
    user_of,
)
from engine.operations.operation import Desk, Forbidden, NotThere, Operation, entry
from engine.store.contracts.accounts import ApiToken

__all__ = [
    "END", "LONGEST", "MAKE", "OPERATIONS", "REVOKE", "SHOW", "AskMake", "AskNothing", "AskOwn", "Made",
]  # fmt: skip

LONGEST: Final = 365
"""Days that a token of the API is good for, at most."""

MOST: Final = 20
"""Good tokens that one account has, at most."""

_DAY: Final = 86400.0


class AskNothing(msgspec.Struct, frozen=True):
    """Nothing more is asked."""


class AskOwn(msgspec.Struct, frozen=True):
    """Which session or token, by its id."""

    id: str


class AskMake(msgspec.Struct, frozen=True, kw_only=True):
    """A token: what it is for, which of your roles it may use, and for how many days it is good."""

    name: str
    roles: list[Role]
    days: int = 90


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A token that was made. `secret` is shown here and nowhere else."""

    secret: str
    token: TokenView

    def __repr__(self) -> str:
        return f"Made({self.token.id!r})"


def _show(desk: Desk, caller: Caller, _: AskNothing) -> AccountShown:
    return account_of(desk, caller.name, caller.key)


def _end(desk: Desk, caller: Caller, asked: AskOwn) -> SessionView:
    found = next((one for one in desk.store.sessions(caller.name) if one.id == asked.id), None)
    told = _told(desk, caller, "session", "ended", asked.id)
    if found is None or not desk.store.end_session(found.digest, [told]):
        raise NotThere("you have no such session, or it is over")
    return session_view(found, caller.key)


def _make(desk: Desk, caller: Caller, asked: AskMake) -> Made:
    """Raises `Forbidden` for a caller who has shown a token only: one that leaked must not make others."""
    if caller.via != "session":
        raise Forbidden("a token is made at the console, by somebody who is logged in")
    user, now = user_of(desk, caller.name), desk.clock()
    _check(desk, asked, user.name, roles_of(user.roles))
    text = api_token(os.urandom(32))
    token = ApiToken(
        id=os.urandom(6).hex(), digest=digest_of(text), user=user.name, name=asked.name.strip(),
        roles=checked_roles(asked.roles), made_at=now, until=now + asked.days * _DAY,
    )  # fmt: skip
    detail = {"token roles": " ".join(token.roles), "days": str(asked.days)}
    desk.store.add_api_token(token, _told(desk, caller, "token", "made", token.id, **detail))
    return Made(secret=text, token=token_view(token, now))


def _check(desk: Desk, asked: AskMake, name: str, owned: frozenset[Role]) -> None:
    if not 1 <= asked.days <= LONGEST:
        raise Misconfigured(f"is not between 1 and {LONGEST}", where="days")
    if not 1 <= len(asked.name.strip()) <= 100 or not asked.name.isprintable():
        raise Misconfigured("say what it is for, in 100 characters at most", where="name")
    good = [one for one in desk.store.api_tokens(name) if token_view(one, desk.clock()).state == "good"]
    if len(good) >= MOST:
        raise Misconfigured(f"you have {MOST} tokens", hint="revoke one that is not used")
    if strange := sorted(set(asked.roles) - owned):
        raise Misconfigured(f"you are no {strange[0]}", where="roles", hint="a token has roles of its owner")


def _revoke(desk: Desk, caller: Caller, asked: AskOwn) -> TokenView:
    found = next((one for one in desk.store.api_tokens(caller.name) if one.id == asked.id), None)
    now, told = desk.clock(), _told(desk, caller, "token", "revoked", asked.id)
    if found is None or not desk.store.revoke_api_token(found.id, now, told):
        raise NotThere("you have no such token, or it is revoked")
    return token_view(msgspec.structs.replace(found, revoked_at=now), now)


def _told(desk: Desk, caller: Caller, what: str, became: str, id_: str, **more: str) -> Entry:
    detail = {what: became, "id": id_, **more}
    return entry(desk, caller, Act.ACCOUNT, f"user:{caller.name}", detail=detail)


SHOW: Final[Operation[AskNothing, AccountShown]] = Operation(
    "own.show", "GET", "/own", "Your account, your sessions, your tokens.",
    Permission.OWN, AskNothing, AccountShown, _show,
)  # fmt: skip
END: Final[Operation[AskOwn, SessionView]] = Operation(
    "own.end", "POST", "/own/sessions/{id}/end", "Log one of your browsers out.",
    Permission.OWN, AskOwn, SessionView, _end,
)  # fmt: skip
MAKE: Final[Operation[AskMake, Made]] = Operation(
    "own.make", "POST", "/own/tokens", "Make a token of the API. Only for somebody who is logged in.",
    Permission.OWN, AskMake, Made, _make,
)  # fmt: skip
REVOKE: Final[Operation[AskOwn, TokenView]] = Operation(
    "own.revoke", "POST", "/own/tokens/{id}/revoke", "End one of your tokens.",
    Permission.OWN, AskOwn, TokenView, _revoke,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (SHOW, END, MAKE, REVOKE)
