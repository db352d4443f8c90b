"""The door: who comes in, by a link, by password, or from the directory.

Blocking, called from threads of the console. What is decided lies in the store, so that several consoles are
one door.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from engine.accounts.changing import checked_name, checked_who, directed, password_set
from engine.accounts.coming import Came, Entered, KeptOut, Terms, Who, login
from engine.accounts.comparing import Comparing
from engine.accounts.guesses import Guesses
from engine.accounts.identity import Identity
from engine.accounts.passwords import check_password
from engine.accounts.secrets import digest_of, marked, secret
from engine.accounts.sessions import Sessions
from engine.accounts.words import Role
from engine.auditing import Act, Entry
from engine.errors import Misconfigured
from engine.store.base import Store
from engine.store.contracts.accounts import User
from engine.telemetry import KeptAway, signal

__all__ = ["Entrance"]

_WRONG: Final = "The name or the password is not right."
_LINK: Final = "This link was used, or is over. Ask an administrator for another one."
_START: Final = "This link was used, or is over. Start the console again for another one."
_TAKEN: Final = "An account with your name exists, and is not yours by the directory. Ask an administrator."


class Entrance(Sessions):
    """`dice` gives random bytes; `clock` seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        clock: Callable[[], float],
        dice: Callable[[int], bytes] = os.urandom,
    ) -> None:
        super().__init__(store, terms, clock, dice)
        self._guesses, self._comparing = Guesses(store, clock), Comparing()
        self._set_up: tuple[bytes, float] | None = None

    # The first account

    def set_up_key(self) -> str:
        """The key of a link with which the first account is made, once, within the hour; empty when there are
        accounts. One that was given before ends."""
        if self._store.users():
            return ""
        key = secret(self._dice(32))
        self._set_up = digest_of(key), self._clock() + self.terms.set_up
        return key

    def may_set_up(self, key: str) -> bool:
        """Whether this is that key."""
        known, now = self._set_up, self._clock()
        return known is not None and digest_of(key) == known[0] and now < known[1] and not self._store.users()

    def set_up(self, key: str, name: str, who: str, password: str, came: Came) -> Entered:
        """Make the first account, an administrator. Raises `KeptOut`, and `Misconfigured` for words that will
        not do."""
        if not self.may_set_up(key):
            raise KeptOut("link", _START)
        checked_name(name)
        check_password(password, name, who, "wardline")
        now = self._clock()
        roles = tuple(sorted((Role.ADMINISTRATOR.value, Role.VIEWER.value)))
        user = User(
            name=name, who=checked_who(who), roles=roles, state="active",
            password=self._comparing.hash(password), made_at=now, changed_at=now,
        )  # fmt: skip
        told = Entry(
            at=now, who=name, role="user", act=Act.ACCOUNT, object=f"user:{name}",
            detail={"roles": " ".join(roles), "by": "set-up link", "address": came.address},
        )  # fmt: skip
        self._store.add_user(user, told, first=True)
        self._set_up = None
        return self.enter(user, came, "set-up")

    # Passwords

    def log_in(self, name: str, password: str, came: Came) -> Entered:
        """Come in with a password. Takes as long for a name that nobody has. Raises `KeptOut`,
        `Unavailable`."""
        if not self.terms.local:
            raise KeptOut("closed", "Passwords are not taken here: use single sign-on.")
        user = self._store.user(name)
        nonce = marked(came.mark, name, user.password) if user else ""
        self._guesses.count(user, name, nonce, came)
        right = self._comparing.holds(password, user.password if user else "", known=bool(nonce))
        if user is None or not right or user.state != "active":
            self._guesses.tell(user, came)
            raise KeptOut("wrong", _WRONG)
        self._guesses.forgive(user, nonce, came)
        return self.enter(user, came, "password")

    def change_password(self, who: Who, old: str, new: str, came: Came) -> Entered:
        """Another password for somebody who is in and knows the old one: all other sessions end. Raises
        `KeptOut`, `Misconfigured`."""
        user = who.user
        self._guesses.count_change(user.name)
        if not self._comparing.holds(old, user.password, known=True):
            raise KeptOut("wrong", "The old password is not right.")
        check_password(new, user.name, user.who, "wardline")
        self._guesses.forgive_change(user.name)
        now = self._clock()
        told = Entry(
            at=now, who=user.name, role="user", act=Act.ACCOUNT, object=f"user:{user.name}",
            detail={"password": "changed", "address": came.address},
        )  # fmt: skip
        change = password_set(told, now, self._comparing.hash(new))
        after = self._store.change_user(user.name, change, end_sessions=True, keep=digest_of(came.session))
        return self.enter(after, came, "password")

    # Invitations

    def invited(self, key: str) -> User:
        """Whom an invitation is for. Raises `KeptOut`."""
        user = self._store.user_invited(digest_of(key))
        if user is None or user.state == "disabled" or self._clock() >= user.invited_until:
            raise KeptOut("link", _LINK)
        return user

    def accept(self, key: str, password: str, came: Came) -> Entered:
        """Set the own password by an invitation. Raises `KeptOut`, `Misconfigured`."""
        user = self.invited(key)
        check_password(password, user.name, user.who, "wardline")
        now = self._clock()
        told = Entry(
            at=now, who=user.name, role="user", act=Act.ACCOUNT, object=f"user:{user.name}",
            detail={"password": "set", "by": "invitation", "address": came.address},
        )  # fmt: skip
        change = password_set(told, now, self._comparing.hash(password), digest_of(key))
        return self.enter(self._store.change_user(user.name, change, end_sessions=True), came, "invitation")

    # The directory

    def enter_from_directory(self, identity: Identity, came: Came) -> Entered:
        """Let somebody in whom the directory has proved, with the roles that it gives today; an account is
        made when there is none. Raises `KeptOut`."""
        now = self._clock()
        told = Entry(
            at=now, who=identity.name, role="user", act=Act.ACCOUNT, object=f"user:{identity.name}",
            detail={"by": "directory", "roles": " ".join(identity.roles), "address": came.address},
        )  # fmt: skip
        user = self._store.user_of(identity.issuer, identity.subject)
        if user is None:
            return self.enter(self._made(identity, told, came), came, "oidc")
        told = replace(told, who=user.name, object=f"user:{user.name}")
        change = directed(told, now, identity.roles, identity.who)
        user = self._store.change_user(user.name, change, end_sessions=user.roles != identity.roles)
        return self.enter(user, came, "oidc")

    def turn_away(self, came: Came, why: str) -> None:
        """Write down that somebody came from the directory and was not let in; `why` in words of ours."""
        signal(KeptAway("oidc", "wrong"))
        self._store.record([login(self._clock(), "nobody", came.address, "refused", how="oidc", why=why)])

    def _made(self, identity: Identity, told: Entry, came: Came) -> User:
        user = User(
            name=identity.name, who=identity.who, roles=identity.roles, state="active",
            issuer=identity.issuer, subject=identity.subject, made_at=told.at, changed_at=told.at,
        )  # fmt: skip
        try:
            self._store.add_user(user, told)
        except Misconfigured:
            self.turn_away(came, "the name is taken")
            raise KeptOut("directory", _TAKEN) from None
        return user
