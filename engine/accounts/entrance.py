"""The door: who comes in, by password or by a link, and who a request comes from.

Blocking, called from threads of the console. What is decided lies in the store, so that several consoles are
one door; only the standing of addresses, browsers and names that nobody has is kept here."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from msgspec.structs import replace

from engine.accounts.changing import checked_name, checked_who, directed, password_set, roles_of
from engine.accounts.coming import Came, Entered, KeptOut, Terms, Who, login
from engine.accounts.identity import Identity
from engine.accounts.lockout import Attempts, Standing, failed
from engine.accounts.passwords import check_password, normal
from engine.accounts.secrets import (
    browser_mark,
    digest_of,
    form_token,
    is_api_token,
    marked,
    secret,
)
from engine.accounts.words import Caller, Role
from engine.auditing import Act, Entry
from engine.errors import Misconfigured, Unavailable
from engine.slow_hashes import hash_of, holds
from engine.store.base import Store
from engine.store.contracts.accounts import Changed, Session, User
from engine.telemetry import CameIn, KeptAway, signal

__all__ = ["Entrance"]

AT_ONCE: Final = 2
"""Passwords compared at the same time: each takes 64 MiB for a moment."""

BUSY: Final = 10.0
"""Seconds that somebody waits for that."""

FROM_ONE_ADDRESS: Final = 50
"""Failures of an address that cost nothing: a whole hospital may come from one."""

SEEN: Final = 60.0
"""Seconds after which it is written down again that a session or a token is in use."""

_WRONG: Final = "The name or the password is not right."
_LINK: Final = "This link was used, or is over. Ask an administrator for another one."


class Entrance:
    """`dice` gives random bytes; `clock` seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        clock: Callable[[], float],
        dice: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._store, self.terms, self._clock, self._dice = store, terms, clock, dice
        self._comparing = threading.BoundedSemaphore(AT_ONCE)
        self._browsers, self._strangers = Attempts(), Attempts()
        self._addresses = Attempts(FROM_ONE_ADDRESS)
        self._turn = threading.Lock()
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
            raise KeptOut("link", "This link was used, or is over. Start the console again for another one.")
        checked_name(name)
        check_password(password, name, who, "wardline")
        now = self._clock()
        roles = tuple(sorted((Role.ADMINISTRATOR.value, Role.VIEWER.value)))
        user = User(
            name=name, who=checked_who(who), roles=roles, state="active", password=self._hash(password),
            made_at=now, changed_at=now,
        )  # fmt: skip
        told = Entry(
            at=now, who=name, role="user", act=Act.ACCOUNT, object=f"user:{name}",
            detail={"roles": " ".join(roles), "by": "set-up link", "address": came.address},
        )  # fmt: skip
        self._store.add_user(user, told, first=True)
        self._set_up = None
        return self._enter(user, came, "set-up")

    # Passwords

    def log_in(self, name: str, password: str, came: Came) -> Entered:
        """Come in with a password. Takes as long for a name that nobody has. Raises `KeptOut`,
        `Unavailable`."""
        if not self.terms.local:
            raise KeptOut("closed", "Passwords are not taken here: use single sign-on.")
        user = self._store.user(name)
        nonce = marked(came.mark, name, user.password) if user else ""
        with self._compared():
            self._count(user, name, nonce, came)
            right = holds(normal(password), user.password if user and user.password else _nobody())
        if user is None or not right or user.state != "active":
            self._tell_failure(user, came)
            raise KeptOut("wrong", _WRONG)
        self._forgive(user, nonce, came)
        return self._enter(user, came, "password")

    def change_password(self, who: Who, old: str, new: str, came: Came) -> Entered:
        """Another password for somebody who is in and knows the old one: all other sessions end. Raises
        `KeptOut`, `Misconfigured`."""
        user = who.user
        name = f"change {user.name}"
        with self._turn:
            self._check(self._browsers.standing(name))
            self._browsers.fail(name, self._clock())
        with self._compared():
            right = bool(user.password) and holds(normal(old), user.password)
        if not right:
            raise KeptOut("wrong", "The old password is not right.")
        check_password(new, user.name, user.who, "wardline")
        self._browsers.forget(name)
        now = self._clock()
        told = Entry(
            at=now, who=user.name, role="user", act=Act.ACCOUNT, object=f"user:{user.name}",
            detail={"password": "changed", "address": came.address},
        )  # fmt: skip
        change = password_set(told, now, self._hash(new))
        after = self._store.change_user(user.name, change, end_sessions=True, keep=digest_of(came.session))
        return self._enter(after, came, "password")

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
        change = password_set(told, now, self._hash(password), digest_of(key))
        return self._enter(self._store.change_user(user.name, change, end_sessions=True), came, "invitation")

    # Who it is

    def who(self, session: str, address: str, *, awake: bool = True) -> Who | None:
        """Who has this session; None when it is none, or over. `awake` is whether somebody did something, and
        not the page by itself."""
        digest, now = digest_of(session), self._clock()
        found = self._store.session(digest)
        if found is None:
            return None
        kept, user = found
        if user.state != "active" or now >= min(kept.until, kept.seen_at + self.terms.idle):
            return None
        if awake and now - kept.seen_at >= SEEN:
            self._store.saw_session(digest, now)
        caller = Caller(name=user.name, roles=roles_of(user.roles), address=address, key=kept.id)
        return Who(caller, form_token(session), user)

    def by_token(self, token: str, address: str) -> Who | None:
        """Whose token of the API this is; None when it is none that is good."""
        found = self._store.api_token(digest_of(token)) if is_api_token(token) else None
        now = self._clock()
        if found is None or found[0].revoked_at or now >= found[0].until or found[1].state != "active":
            signal(KeptAway("token", "wrong"))
            return None
        kept, user = found
        roles = roles_of(kept.roles) & roles_of(user.roles)
        if now - kept.used_at >= SEEN:
            self._store.saw_api_token(kept.id, now)
        return Who(Caller(name=user.name, roles=roles, via="token", address=address, key=kept.id), "", user)

    def log_out(self, who: Who, came: Came) -> str:
        """End the session; how it had begun."""
        found = self._store.session(digest_of(came.session))
        told = login(self._clock(), who.user.name, came.address, "done", ended="by its owner")
        self._store.end_session(digest_of(came.session), [told])
        return found[0].how if found else ""

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
            issuer=identity.issuer,
            subject=identity.subject, made_at=told.at, changed_at=told.at,
        )  # fmt: skip
        try:
            self._store.add_user(user, told)
        except Misconfigured:
            self.turn_away(came, "the name is taken")
            text = (
                "An account with your name exists, and is not yours by the directory. Ask an administrator."
            )
            raise KeptOut("directory", text) from None
        return user

    def enter(self, user: User, came: Came, how: str) -> Entered:
        """Let somebody in whom another door has proved. Raises `KeptOut` for an account that is not
        active."""
        if user.state != "active":
            self._store.record(
                [login(self._clock(), user.name, came.address, "refused", how=how, state=user.state)]
            )
            signal(KeptAway(how, user.state))
            raise KeptOut("directory", "This account is disabled. Ask an administrator.")
        return self._enter(user, came, how)

    # What is counted

    def _count(self, user: User | None, name: str, nonce: str, came: Came) -> None:
        """Count an attempt as a failure before anything is compared, so that many at once are not more
        guesses; `_forgive` takes it back. Raises `KeptOut` for whoever has to wait."""
        with self._turn:
            now = self._clock()
            if nonce:
                self._check(self._browsers.standing(nonce))
                self._browsers.fail(nonce, now)
                self._addresses.fail(came.address, now)
                return
            self._check(self._addresses.standing(came.address))
            if user is None:
                self._check(self._strangers.standing(name))
                self._strangers.fail(name, now)
            else:
                self._store.change_user(user.name, self._one_more)
            self._addresses.fail(came.address, now)

    def _one_more(self, user: User, _: object) -> Changed:
        now, before = self._clock(), Standing(user.failures, user.locked_until)
        self._check(before)
        after = failed(before, now)
        return Changed(replace(user, failures=after.failures, locked_until=after.until))

    def _check(self, standing: Standing) -> None:
        if wait := standing.wait(self._clock()):
            signal(KeptAway("password", "wait"))
            raise KeptOut("wait", "Too many attempts that were not right. Wait, then try again.", wait=wait)

    def _forgive(self, user: User, nonce: str, came: Came) -> None:
        with self._turn:
            self._addresses.take_back(came.address)
        if nonce:
            self._browsers.forget(nonce)
        else:
            self._store.change_user(user.name, _cleared)

    def _tell_failure(self, user: User | None, came: Came) -> None:
        """One entry for each failure of an account: those that wait are few. What was typed as a name is
        written down only if it is one of ours, and otherwise told once for an address."""
        signal(KeptAway("password", "wrong"))
        now = self._clock()
        if user is not None:
            told = login(now, user.name, came.address, "refused", how="password", state=user.state)
            self._store.record([told])
        elif self._addresses.standing(came.address).failures in (1, FROM_ONE_ADDRESS):
            self._store.record([login(now, "nobody", came.address, "refused", how="password")])

    # Coming in

    def _enter(self, user: User, came: Came, how: str) -> Entered:
        text, now = secret(self._dice(32)), self._clock()
        kept = Session(
            digest=digest_of(text), user=user.name, since=now, seen_at=now, until=now + self.terms.longest,
            address=came.address, how=how,
        )  # fmt: skip
        told = login(now, user.name, came.address, "done", how=how, roles=" ".join(user.roles))
        self._store.open_session(kept, [told], instead=digest_of(came.session))
        signal(CameIn(how))
        nonce = marked(came.mark, user.name, user.password) or secret(self._dice(32))
        return Entered(
            user.name, text, browser_mark(user.name, user.password, nonce) if user.password else ""
        )

    def _hash(self, password: str) -> str:
        with self._compared():
            return hash_of(normal(password))

    @contextmanager
    def _compared(self) -> Iterator[None]:
        """A place among those whose passwords are compared. Raises `Unavailable` when it takes too long."""
        if not self._comparing.acquire(timeout=BUSY):
            raise Unavailable("too many people log in at the same moment: try again")
        try:
            yield
        finally:
            self._comparing.release()


@cache
def _nobody() -> str:
    """What passwords for a name that nobody has are compared with."""
    return hash_of(secret(os.urandom(32)))


def _cleared(user: User, _: object) -> Changed:
    return Changed(replace(user, failures=0, locked_until=0.0))
