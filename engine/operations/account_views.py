"""What is shown of accounts, sessions and tokens: nothing that anybody could come in with."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.operations.operation import Desk, NotThere
from engine.store.contracts.accounts import ApiToken, Session, User

__all__ = [
    "AccountShown", "AccountView", "SessionView", "TokenView", "account_of", "account_view", "session_view",
    "token_view", "user_of",
]  # fmt: skip


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `single`: it comes in by single sign-on, and the directory says its roles. `locked_until`:
    until then browsers that it was never used in are kept waiting. Times in seconds since the epoch."""

    name: str
    who: str
    roles: tuple[str, ...]
    state: str
    single: bool
    made_at: float
    seen_at: float
    invited_until: float
    failures: int
    locked_until: float
    sessions: int
    tokens: int


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that somebody is logged in with; `own`: the one that asks."""

    id: str
    user: str
    since: float
    seen_at: float
    until: float
    address: str
    how: str
    own: bool


class TokenView(msgspec.Struct, frozen=True, kw_only=True):
    """A token of the API."""

    id: str
    user: str
    name: str
    roles: tuple[str, ...]
    made_at: float
    until: float
    used_at: float
    state: Literal["good", "over", "revoked"]


class AccountShown(msgspec.Struct, frozen=True, kw_only=True):
    """An account with its sessions and tokens, newest first."""

    account: AccountView
    sessions: list[SessionView]
    tokens: list[TokenView]


def user_of(desk: Desk, name: str) -> User:
    """The account with this name. Raises `NotThere`."""
    user = desk.store.user(name)
    if user is None:
        raise NotThere("there is no such account")
    return user


def account_of(desk: Desk, name: str, key: str) -> AccountShown:
    """An account with all it has; `key` is the session that asks. Raises `NotThere`."""
    user, now = user_of(desk, name), desk.clock()
    sessions = [one for one in desk.store.sessions(user.name) if one.until > now]
    tokens = [token_view(one, now) for one in desk.store.api_tokens(user.name)]
    return AccountShown(
        account=account_view(user, len(sessions), sum(one.state == "good" for one in tokens)),
        sessions=[session_view(one, key) for one in sessions],
        tokens=tokens,
    )


def account_view(user: User, sessions: int, tokens: int) -> AccountView:
    """An account, with how many of what it has."""
    return AccountView(
        name=user.name, who=user.who, roles=user.roles, state=user.state, single=bool(user.issuer),
        made_at=user.made_at, seen_at=user.seen_at, invited_until=user.invited_until, failures=user.failures,
        locked_until=user.locked_until, sessions=sessions, tokens=tokens,
    )  # fmt: skip


def session_view(session: Session, key: str) -> SessionView:
    """A session; `key` is the one that asks."""
    return SessionView(
        id=session.id, user=session.user, since=session.since, seen_at=session.seen_at, until=session.until,
        address=session.address, how=session.how, own=session.id == key,
    )  # fmt: skip


def token_view(token: ApiToken, now: float) -> TokenView:
    """A token, and whether it is good still."""
    state: Literal["good", "over", "revoked"] = (
        "revoked" if token.revoked_at else "over" if now >= token.until else "good"
    )
    return TokenView(
        id=token.id, user=token.user, name=token.name, roles=token.roles, made_at=token.made_at,
        until=token.until, used_at=token.used_at, state=state,
    )  # fmt: skip
