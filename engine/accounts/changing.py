"""What an account may become: pure changes, run by the store while nobody else changes any.

Two things hold whatever anybody asks: no account has two roles that are kept apart, and the hospital is never
left without somebody who can manage accounts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from msgspec.structs import replace

from engine.accounts.matrix import apart
from engine.accounts.words import Role
from engine.auditing import Entry
from engine.errors import Misconfigured
from engine.store.contracts.accounts import Change, Changed, User

__all__ = [
    "checked_name", "checked_roles", "checked_who", "directed", "disabled", "enabled", "invited",
    "password_set", "roles_of", "roles_set",
]  # fmt: skip

NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


def checked_name(name: str) -> str:
    """A name, if it is one that the audit can say. Raises `Misconfigured`."""
    if not NAME.fullmatch(name):
        raise Misconfigured(
            "a name has small letters, digits, and . _ - between them, 64 at most",
            where="name",
            hint="m.weber",
        )
    return name


def checked_who(who: str) -> str:
    """Which human being it is, in words. Raises `Misconfigured`."""
    text = " ".join(who.split())
    if not 3 <= len(text) <= 200 or not text.isprintable():
        raise Misconfigured("say which human being this is, in 3 to 200 characters", where="who")
    return text


def checked_roles(roles: Collection[Role]) -> tuple[str, ...]:
    """Roles as an account keeps them. Raises `Misconfigured` without any, and for two that are kept apart."""
    if not roles:
        raise Misconfigured("an account has a role at least", where="roles", hint=", ".join(Role))
    if pair := apart(roles):
        first, second = sorted(role.value for role in pair)
        raise Misconfigured(
            f"nobody is both {first} and {second}", where="roles", hint="two persons, two accounts"
        )
    return tuple(sorted(role.value for role in set(roles)))


def roles_of(words: Collection[str]) -> frozenset[Role]:
    """The roles that these words name; a word of another version names none."""
    known = {role.value for role in Role}
    return frozenset(Role(word) for word in words if word in known)


def invited(told: Entry, now: float, digest: bytes, until: float) -> Change:
    """Somebody sets a password by a link: what they had before ends."""

    def change(user: User, all_: Sequence[User]) -> Changed:
        if user.issuer:
            raise Misconfigured("this account comes in by single sign-on", where=user.name)
        if user.state == "disabled":
            raise Misconfigured("this account is disabled", where=user.name, hint="enable it first")
        _somebody_stays(user, all_)
        after = replace(
            user, state="invited", password="", invitation=digest, invited_until=until, failures=0,
            locked_until=0.0, changed_at=now,
        )  # fmt: skip
        return Changed(after, [told])

    return change


def password_set(told: Entry, now: float, hashed: str, invitation: bytes = b"") -> Change:
    """A new password; with an `invitation` (a digest) by its link, which ends by that. Raises `Misconfigured`
    when the link was used meanwhile."""

    def change(user: User, _: Sequence[User]) -> Changed:
        if user.state == "disabled" or (invitation and user.invitation != invitation):
            raise Misconfigured("this link was used, or is over", hint="ask an administrator for another one")
        after = replace(
            user, state="active", password=hashed, invitation=None, invited_until=0.0, failures=0,
            locked_until=0.0, changed_at=now,
        )  # fmt: skip
        return Changed(after, [told])

    return change


def roles_set(told: Entry, now: float, roles: Collection[Role]) -> Change:
    """Other roles."""
    words = checked_roles(roles)

    def change(user: User, all_: Sequence[User]) -> Changed:
        if user.issuer:
            raise Misconfigured("the roles of this account come from the directory", where=user.name)
        if Role.ADMINISTRATOR not in roles:
            _somebody_stays(user, all_)
        detail = {**told.detail, "before": " ".join(user.roles), "after": " ".join(words)}
        return Changed(replace(user, roles=words, changed_at=now), [replace(told, detail=detail)])

    return change


def directed(told: Entry, now: float, roles: tuple[str, ...], who: str) -> Change:
    """Roles and name as the directory has them now: it decides, also about the last administrator."""

    def change(user: User, _: Sequence[User]) -> Changed:
        if (user.roles, user.who) == (roles, who):
            return Changed(user)
        detail = {**told.detail, "before": " ".join(user.roles), "after": " ".join(roles)}
        after = replace(user, roles=roles, who=who, changed_at=now)
        return Changed(after, [replace(told, detail=detail)])

    return change


def disabled(told: Entry, now: float) -> Change:
    """Nobody comes in with it any more; links and tokens are dead with it."""

    def change(user: User, all_: Sequence[User]) -> Changed:
        if user.state == "disabled":
            raise Misconfigured("it is disabled already", where=user.name)
        _somebody_stays(user, all_)
        after = replace(user, state="disabled", invitation=None, invited_until=0.0, changed_at=now)
        return Changed(after, [told])

    return change


def enabled(told: Entry, now: float) -> Change:
    """As before it was disabled; without a password it waits to be invited."""

    def change(user: User, _: Sequence[User]) -> Changed:
        if user.state != "disabled":
            raise Misconfigured("it is not disabled", where=user.name)
        state = "active" if user.password or user.issuer else "invited"
        return Changed(replace(user, state=state, failures=0, locked_until=0.0, changed_at=now), [told])

    return change


def _somebody_stays(user: User, all_: Sequence[User]) -> None:
    """Raises `Misconfigured` when, without this account, nobody can manage accounts."""
    manages = Role.ADMINISTRATOR.value
    if user.state != "active" or manages not in user.roles:
        return
    if not any(one.state == "active" and manages in one.roles for one in all_ if one.name != user.name):
        raise Misconfigured(
            "this is the last administrator",
            where=user.name,
            hint="make another one first: wardline user add",
        )
