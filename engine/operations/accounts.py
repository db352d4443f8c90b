"""What administrators do: accounts, and the sessions and tokens of others."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, Final

import msgspec

from engine.accounts.changing import (
    checked_name,
    checked_roles,
    checked_who,
    disabled,
    enabled,
    invited,
    roles_set,
)
from engine.accounts.coming import Terms
from engine.accounts.secrets import digest_of, secret
from engine.accounts.words import Caller, Permission, Role
from engine.auditing import Act, Entry
from engine.errors import Misconfigured
from engine.operations.account_views import (
    AccountShown,
    AccountView,
    SessionView,
    TokenView,
    account_of,
    account_view,
    session_view,
    token_view,
    user_of,
)
from engine.operations.operation import Desk, NotThere, Operation, entry
from engine.store.contracts.accounts import Change, User

__all__ = [
    "ACCOUNT", "ACCOUNTS", "DISABLE", "ENABLE", "END", "INVITE", "OPERATIONS", "RESET", "REVOKE", "ROLES",
    "SESSIONS", "TOKENS", "AskAccount", "AskAccounts", "AskChange", "AskEnd", "AskInvite", "AskRoles",
    "Invitation",
]  # fmt: skip

INVITED_FOR: Final = Terms().invitation


class AskAccounts(msgspec.Struct, frozen=True):
    """Nothing more is asked."""


class AskAccount(msgspec.Struct, frozen=True):
    """Which account."""

    name: str


class AskInvite(msgspec.Struct, frozen=True, kw_only=True):
    """A new account: its name (what the audit says), which human being it is, and what it may."""

    name: str
    who: str
    roles: list[Role]
    why: str


class AskRoles(msgspec.Struct, frozen=True, kw_only=True):
    """All the roles that an account is to have."""

    name: str
    roles: list[Role]
    why: str


class AskChange(msgspec.Struct, frozen=True, kw_only=True):
    """Which account, and why."""

    name: str
    why: str


class AskEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Which session or token, by its id, and why."""

    id: str
    why: str


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """A link by which somebody sets a password: it is shown here and nowhere else. `link` begins with the
    console's address where `WARDLINE_CONSOLE_URL` says it."""

    name: str
    link: str
    until: float


def _accounts(desk: Desk, _: Caller, __: AskAccounts) -> list[AccountView]:
    now = desk.clock()
    sessions = Counter(one.user for one in desk.store.sessions() if one.until > now)
    tokens = Counter(one.user for one in desk.store.api_tokens() if token_view(one, now).state == "good")
    return [account_view(user, sessions[user.name], tokens[user.name]) for user in desk.store.users()]


def _account(desk: Desk, caller: Caller, asked: AskAccount) -> AccountShown:
    return account_of(desk, asked.name, caller.key)


def _invite(desk: Desk, caller: Caller, asked: AskInvite) -> Invitation:
    roles = checked_roles(asked.roles)
    key, now = secret(os.urandom(32)), desk.clock()
    user = User(
        name=checked_name(asked.name), who=checked_who(asked.who), roles=roles, state="invited",
        invitation=digest_of(key), invited_until=now + INVITED_FOR, made_at=now, changed_at=now,
    )  # fmt: skip
    detail = {"state": "invited", "roles given": " ".join(roles)}
    desk.store.add_user(user, _told(desk, caller, asked.name, asked.why, **detail))
    return _invitation(desk, user, key)


def _reset(desk: Desk, caller: Caller, asked: AskChange) -> Invitation:
    key, now = secret(os.urandom(32)), desk.clock()
    told = _told(desk, caller, asked.name, asked.why, password="reset", state="invited")  # noqa: S106
    change = invited(told, now, digest_of(key), now + INVITED_FOR)
    user = _changed(desk, caller, asked.name, change)
    for one in desk.store.api_tokens(user.name):  # whoever was in with the old password may have made one
        revoked = _told(desk, caller, user.name, asked.why, token="revoked", id=one.id)  # noqa: S106
        desk.store.revoke_api_token(one.id, now, revoked)
    return _invitation(desk, user, key)


def _roles(desk: Desk, caller: Caller, asked: AskRoles) -> AccountShown:
    told = _told(desk, caller, asked.name, asked.why)
    _changed(desk, caller, asked.name, roles_set(told, desk.clock(), frozenset(asked.roles)))
    return account_of(desk, asked.name, caller.key)


def _disable(desk: Desk, caller: Caller, asked: AskChange) -> AccountShown:
    told = _told(desk, caller, asked.name, asked.why, state="disabled")
    _changed(desk, caller, asked.name, disabled(told, desk.clock()))
    return account_of(desk, asked.name, caller.key)


def _enable(desk: Desk, caller: Caller, asked: AskChange) -> AccountShown:
    told = _told(desk, caller, asked.name, asked.why, state="enabled")
    _changed(desk, caller, asked.name, enabled(told, desk.clock()))
    return account_of(desk, asked.name, caller.key)


def _sessions(desk: Desk, caller: Caller, _: AskAccounts) -> list[SessionView]:
    now = desk.clock()
    return [session_view(one, caller.key) for one in desk.store.sessions() if one.until > now]


def _end(desk: Desk, caller: Caller, asked: AskEnd) -> SessionView:
    found = next((one for one in desk.store.sessions() if one.id == asked.id), None)
    if found is not None:
        told = _told(desk, caller, found.user, asked.why, session="ended", id=asked.id)
        if desk.store.end_session(found.digest, [told]):
            return session_view(found, caller.key)
    raise NotThere("there is no such session, or it is over")


def _tokens(desk: Desk, _: Caller, __: AskAccounts) -> list[TokenView]:
    now = desk.clock()
    return [token_view(one, now) for one in desk.store.api_tokens()]


def _revoke(desk: Desk, caller: Caller, asked: AskEnd) -> TokenView:
    found, now = next((one for one in desk.store.api_tokens() if one.id == asked.id), None), desk.clock()
    if found is not None:
        told = _told(desk, caller, found.user, asked.why, token="revoked", id=asked.id)  # noqa: S106
        if desk.store.revoke_api_token(found.id, now, told):
            return token_view(msgspec.structs.replace(found, revoked_at=now), now)
    raise NotThere("there is no such token, or it is revoked")


def _told(desk: Desk, caller: Caller, name: str, why: str, **detail: str) -> Entry:
    return entry(desk, caller, Act.ACCOUNT, f"user:{name}", why=why, detail=detail)


def _changed(desk: Desk, caller: Caller, name: str, change: Change) -> User:
    """The account, changed; it has to log in again. Raises `Misconfigured` for one's own: what an
    administrator is allowed, another one says."""
    user_of(desk, name)
    if caller.via != "command" and name == caller.name:
        raise Misconfigured("this is your own account", where=name, hint="another administrator does that")
    return desk.store.change_user(name, change, end_sessions=True)


def _invitation(desk: Desk, user: User, key: str) -> Invitation:
    link = f"{desk.settings.console_url.rstrip('/')}/invitation?key={key}"
    return Invitation(name=user.name, link=link, until=user.invited_until)


ACCOUNTS: Final[Operation[AskAccounts, list[AccountView]]] = Operation(
    "accounts.list", "GET", "/accounts", "All accounts.",
    Permission.MANAGE, AskAccounts, list[AccountView], _accounts,
)  # fmt: skip
ACCOUNT: Final[Operation[AskAccount, AccountShown]] = Operation(
    "accounts.show", "GET", "/accounts/{name}", "An account with its sessions and tokens.",
    Permission.MANAGE, AskAccount, AccountShown, _account,
)  # fmt: skip
INVITE: Final[Operation[AskInvite, Invitation]] = Operation(
    "accounts.invite", "POST", "/accounts", "Make an account; its owner sets a password by the link given.",
    Permission.MANAGE, AskInvite, Invitation, _invite, reasoned=True,
)  # fmt: skip
RESET: Final[Operation[AskChange, Invitation]] = Operation(
    "accounts.reset", "POST", "/accounts/{name}/reset",
    "Take password, sessions and tokens away; a new password is set by the link given.",
    Permission.MANAGE, AskChange, Invitation, _reset, reasoned=True,
)  # fmt: skip
ROLES: Final[Operation[AskRoles, AccountShown]] = Operation(
    "accounts.roles", "POST", "/accounts/{name}/roles", "Give an account other roles; its sessions end.",
    Permission.MANAGE, AskRoles, AccountShown, _roles, reasoned=True,
)  # fmt: skip
DISABLE: Final[Operation[AskChange, AccountShown]] = Operation(
    "accounts.disable", "POST", "/accounts/{name}/disable",
    "Nobody comes in with this account any more; its sessions end, its tokens are dead.",
    Permission.MANAGE, AskChange, AccountShown, _disable, reasoned=True,
)  # fmt: skip
ENABLE: Final[Operation[AskChange, AccountShown]] = Operation(
    "accounts.enable", "POST", "/accounts/{name}/enable", "Undo that it was disabled.",
    Permission.MANAGE, AskChange, AccountShown, _enable, reasoned=True,
)  # fmt: skip
SESSIONS: Final[Operation[AskAccounts, list[SessionView]]] = Operation(
    "sessions.list", "GET", "/sessions", "Who is logged in, from where.",
    Permission.MANAGE, AskAccounts, list[SessionView], _sessions,
)  # fmt: skip
END: Final[Operation[AskEnd, SessionView]] = Operation(
    "sessions.end", "POST", "/sessions/{id}/end", "Log a browser out.",
    Permission.MANAGE, AskEnd, SessionView, _end, reasoned=True,
)  # fmt: skip
TOKENS: Final[Operation[AskAccounts, list[TokenView]]] = Operation(
    "tokens.list", "GET", "/tokens", "Tokens of the API, of everybody.",
    Permission.MANAGE, AskAccounts, list[TokenView], _tokens,
)  # fmt: skip
REVOKE: Final[Operation[AskEnd, TokenView]] = Operation(
    "tokens.revoke", "POST", "/tokens/{id}/revoke", "End a token of somebody.",
    Permission.MANAGE, AskEnd, TokenView, _revoke, reasoned=True,
)  # fmt: skip

OPERATIONS: Final[tuple[Operation[Any, Any], ...]] = (
    ACCOUNTS, ACCOUNT, INVITE, RESET, ROLES, DISABLE, ENABLE, SESSIONS, END, TOKENS, REVOKE,
)  # fmt: skip
