"""Accounts, their sessions and their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.auditing import Entry
from engine.errors import Misconfigured
from engine.store.contracts.accounts import ApiToken, Change, Session, User
from engine.store.database import Work
from engine.store.part import Part
from engine.store.trail import TURN, append

__all__ = ["Accounts"]

_TAKES_TURNS: Final = "accounts"

_USER: Final = tuple(field.name for field in msgspec.structs.fields(User))
_USER_COLUMNS: Final = ", ".join(f"u.{name}" for name in _USER)
_SESSION: Final = "s.digest, s.user_name, s.since, s.seen_at, s.until, s.address, s.how"
_OF_API: Final = "t.id, t.digest, t.user_name, t.name, t.roles, t.made_at, t.until, t.used_at, t.revoked_at"

_ADD: Final = f"INSERT INTO users ({', '.join(_USER)}) VALUES ({', '.join('?' * len(_USER))})"
_CHANGE: Final = f"UPDATE users SET {', '.join(f'{name} = ?' for name in _USER[1:])} WHERE name = ?"
_OPEN: Final = (
    "INSERT INTO sessions (digest, user_name, since, seen_at, until, address, how)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_KEEP: Final = (
    "INSERT INTO api_tokens (id, digest, user_name, name, roles, made_at, until, used_at, revoked_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Accounts(Part):
    """The verbs of the console's door, and of those who manage accounts."""

    def add_user(self, user: User, told: Entry, *, first: bool = False) -> None:
        """`AccountStore.add_user`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            known = _users(work)
            if first and known:
                raise Misconfigured("there are accounts already", hint="ask an administrator")
            _check_new(user, known)
            work.run(_ADD, _row(user))
            append(work, self._audit, [told])

    def change_user(
        self, name: str, change: Change, *, end_sessions: bool = False, keep: bytes = b""
    ) -> User:
        """`AccountStore.change_user`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            known = _users(work)
            before = next((one for one in known if one.name == name), None)
            if before is None:
                raise KeyError(name)
            after, told = change(before, known)
            if after != before:
                work.run(_CHANGE, (*_row(after)[1:], name))
            if end_sessions:
                work.run("DELETE FROM sessions WHERE user_name = ? AND digest <> ?", (name, keep))
            append(work, self._audit, told)
            return after

    def user(self, name: str) -> User | None:
        """`AccountStore.user`."""
        return self._one("u.name = ?", name)

    def user_of(self, issuer: str, subject: str) -> User | None:
        """`AccountStore.user_of`."""
        return self._one("u.issuer <> '' AND u.issuer = ? AND u.subject = ?", issuer, subject)

    def user_invited(self, invitation: bytes) -> User | None:
        """`AccountStore.user_invited`."""
        return self._one("u.invitation = ?", invitation)

    def users(self) -> list[User]:
        """`AccountStore.users`."""
        with self._database.read() as work:
            return _users(work)

    def open_session(self, session: Session, told: Sequence[Entry], *, instead: bytes = b"") -> None:
        """`AccountStore.open_session`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            work.run("DELETE FROM sessions WHERE until <= ? OR digest = ?", (session.since, instead))
            work.run(_OPEN, msgspec.structs.astuple(session))
            work.run("UPDATE users SET seen_at = ? WHERE name = ?", (session.since, session.user))
            append(work, self._audit, told)

    def session(self, digest: bytes) -> tuple[Session, User] | None:
        """`AccountStore.session`."""
        query = (
            f"SELECT {_SESSION}, {_USER_COLUMNS} FROM sessions s JOIN users u ON u.name = s.user_name"
            " WHERE s.digest = ?"
        )
        with self._database.read() as work:
            rows = work.rows(query, (digest,))
        return (_session(rows[0][:7]), _user(rows[0][7:])) if rows else None

    def sessions(self, user: str = "") -> list[Session]:
        """`AccountStore.sessions`."""
        query = f"SELECT {_SESSION} FROM sessions s WHERE ? IN ('', s.user_name) ORDER BY s.since DESC"
        with self._database.read() as work:
            return [_session(row) for row in work.rows(query, (user,))]

    def saw_session(self, digest: bytes, at: float) -> None:
        """`AccountStore.saw_session`."""
        with self._database.write() as work:
            work.run("UPDATE sessions SET seen_at = ? WHERE digest = ? AND seen_at < ?", (at, digest, at))
            work.run(
                "UPDATE users SET seen_at = ? WHERE name = (SELECT user_name FROM sessions WHERE digest = ?)",
                (at, digest),
            )

    def end_session(self, digest: bytes, told: Sequence[Entry]) -> bool:
        """`AccountStore.end_session`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            ended = work.run("DELETE FROM sessions WHERE digest = ?", (digest,)) > 0
            if ended:
                append(work, self._audit, told)
            return ended

    def add_api_token(self, token: ApiToken, told: Entry) -> None:
        """`AccountStore.add_api_token`."""
        row = list(msgspec.structs.astuple(token))
        row[4] = " ".join(token.roles)
        with self._database.write(TURN, _TAKES_TURNS) as work:
            work.run(_KEEP, row)
            append(work, self._audit, [told])

    def api_token(self, digest: bytes) -> tuple[ApiToken, User] | None:
        """`AccountStore.api_token`."""
        query = (
            f"SELECT {_OF_API}, {_USER_COLUMNS} FROM api_tokens t JOIN users u ON u.name = t.user_name"
            " WHERE t.digest = ?"
        )
        with self._database.read() as work:
            rows = work.rows(query, (digest,))
        return (_token(rows[0][:9]), _user(rows[0][9:])) if rows else None

    def api_tokens(self, user: str = "") -> list[ApiToken]:
        """`AccountStore.api_tokens`."""
        query = (
            f"SELECT {_OF_API} FROM api_tokens t WHERE ? IN ('', t.user_name) ORDER BY t.made_at DESC, t.id"
        )
        with self._database.read() as work:
            return [_token(row) for row in work.rows(query, (user,))]

    def saw_api_token(self, id_: str, at: float) -> None:
        """`AccountStore.saw_api_token`."""
        with self._database.write() as work:
            work.run("UPDATE api_tokens SET used_at = ? WHERE id = ? AND used_at < ?", (at, id_, at))

    def revoke_api_token(self, id_: str, at: float, told: Entry) -> bool:
        """`AccountStore.revoke_api_token`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            query = "UPDATE api_tokens SET revoked_at = ? WHERE id = ? AND revoked_at = 0"
            ended = work.run(query, (at, id_)) > 0
            if ended:
                append(work, self._audit, [told])
            return ended

    def _one(self, where: str, *parameters: Any) -> User | None:
        with self._database.read() as work:
            rows = work.rows(f"SELECT {_USER_COLUMNS} FROM users u WHERE {where}", parameters)
        return _user(rows[0]) if rows else None


def _users(work: Work) -> list[User]:
    return [_user(row) for row in work.rows(f"SELECT {_USER_COLUMNS} FROM users u ORDER BY u.name")]


def _check_new(user: User, known: Sequence[User]) -> None:
    for one in known:
        if one.name == user.name:
            raise Misconfigured("this name is taken", where=user.name)
        if user.issuer and (one.issuer, one.subject) == (user.issuer, user.subject):
            raise Misconfigured("this person has an account already", where=one.name)


def _row(user: User) -> tuple[Any, ...]:
    row = list(msgspec.structs.astuple(user))
    row[2] = " ".join(user.roles)
    return tuple(row)


def _user(row: Sequence[Any]) -> User:
    found = dict(zip(_USER, row, strict=True))
    found["roles"] = tuple(found["roles"].split())
    found["invitation"] = None if found["invitation"] is None else bytes(found["invitation"])
    return User(**found)


def _session(row: Sequence[Any]) -> Session:
    digest, user, since, seen_at, until, address, how = row
    return Session(
        digest=bytes(digest), user=user, since=since, seen_at=seen_at, until=until, address=address, how=how
    )


def _token(row: Sequence[Any]) -> ApiToken:
    id_, digest, user, name, roles, *times = row
    made_at, until, used_at, revoked_at = times
    return ApiToken(
        id=id_, digest=bytes(digest), user=user, name=name, roles=tuple(roles.split()), made_at=made_at,
        until=until, used_at=used_at, revoked_at=revoked_at,
    )  # fmt: skip
