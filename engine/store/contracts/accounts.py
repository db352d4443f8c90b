"""The contract of accounts: who may come to the console and its API, their sessions, their tokens.

Of every secret a digest is kept (of a password a slow hash), so that whoever reads the store can use none.
What an act changes and the entry of the audit about it are one commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from engine.auditing import Entry

__all__ = ["AccountStore", "ApiToken", "Change", "Changed", "Session", "User", "UserState"]

UserState = Literal["invited", "active", "disabled"]


class User(msgspec.Struct, frozen=True, kw_only=True):
    """An account. `who` is which human being it is; `roles` words of `engine.accounts.words.Role`; `password`
    a slow hash, empty where there is none; `issuer` and `subject` of OpenID Connect; `invitation` the digest
    of a link that works once, until `invited_until`; `failures` in a row, from devices that are not known,
    the last of which keeps such devices out until `locked_until`. Times in seconds since the epoch."""

    name: str
    who: str
    roles: tuple[str, ...]
    state: UserState
    password: str = ""
    issuer: str = ""
    subject: str = ""
    invitation: bytes | None = None
    invited_until: float = 0.0
    failures: int = 0
    locked_until: float = 0.0
    made_at: float = 0.0
    changed_at: float = 0.0
    seen_at: float = 0.0

    def __repr__(self) -> str:
        return f"User({self.name!r})"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A browser that somebody logged in with: `digest` (SHA-256) of what its cookie holds."""

    digest: bytes
    user: str
    since: float
    seen_at: float
    until: float
    address: str
    how: str

    @property
    def id(self) -> str:
        """By which people name it."""
        return self.digest.hex()[:16]


class ApiToken(msgspec.Struct, frozen=True, kw_only=True):
    """A token for the API: `digest` (SHA-256) of it, a name for people, the roles that it may use."""

    id: str
    digest: bytes
    user: str
    name: str
    roles: tuple[str, ...]
    made_at: float
    until: float
    used_at: float = 0.0
    revoked_at: float = 0.0


class Changed(NamedTuple):
    """What an account becomes, and what the audit says of it."""

    user: User
    told: Sequence[Entry] = ()


Change = Callable[[User, Sequence[User]], Changed]
"""Makes of an account, beside all there are, what it becomes. Pure; may raise, then nothing happens."""


class AccountStore(Protocol):
    """The verbs of accounts."""

    def add_user(self, user: User, told: Entry, *, first: bool = False) -> None:
        """Keep a new account; with `first` only if it is the first of all. Raises `Misconfigured` when the
        name, or the subject of its issuer, is taken, or when it is not the first."""
        ...

    def change_user(
        self, name: str, change: Change, *, end_sessions: bool = False, keep: bytes = b""
    ) -> User:
        """Change an account in one step, while nobody else changes any; `end_sessions` ends all that it has,
        but for the one with the digest `keep`. Raises `KeyError`, and what `change` raises."""
        ...

    def user(self, name: str) -> User | None:
        """The account with this name."""
        ...

    def user_of(self, issuer: str, subject: str) -> User | None:
        """The account of a subject of OpenID Connect."""
        ...

    def user_invited(self, invitation: bytes) -> User | None:
        """The account that a link with this digest is for."""
        ...

    def users(self) -> list[User]:
        """All accounts, by name."""
        ...

    def open_session(self, session: Session, told: Sequence[Entry], *, instead: bytes = b"") -> None:
        """Keep a session in place of the one with the digest `instead`. Those that are over are forgotten."""
        ...

    def session(self, digest: bytes) -> tuple[Session, User] | None:
        """The session with this digest, and its account."""
        ...

    def sessions(self, user: str = "") -> list[Session]:
        """Sessions of one account, or all, newest first."""
        ...

    def saw_session(self, digest: bytes, at: float) -> None:
        """Somebody works with it."""
        ...

    def end_session(self, digest: bytes, told: Sequence[Entry]) -> bool:
        """End one; False when there is none (then nothing is told)."""
        ...

    def add_api_token(self, token: ApiToken, told: Entry) -> None:
        """Keep a token."""
        ...

    def api_token(self, digest: bytes) -> tuple[ApiToken, User] | None:
        """The token with this digest, and whose it is."""
        ...

    def api_tokens(self, user: str = "") -> list[ApiToken]:
        """Tokens of one account, or all, newest first."""
        ...

    def saw_api_token(self, id_: str, at: float) -> None:
        """Somebody used it."""
        ...

    def revoke_api_token(self, id_: str, at: float, told: Entry) -> bool:
        """End one; False when it is none that could be used (then nothing is told)."""
        ...
