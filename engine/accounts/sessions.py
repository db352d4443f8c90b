"""Who a request comes from: by the session of a browser, or by a token of the API. Blocking."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from engine.accounts.changing import roles_of
from engine.accounts.coming import Came, Entered, KeptOut, Terms, Who, login
from engine.accounts.secrets import browser_mark, digest_of, form_token, is_api_token, marked, secret
from engine.accounts.words import Caller
from engine.store.base import Store
from engine.store.contracts.accounts import Session, User
from engine.telemetry import CameIn, KeptAway, signal

__all__ = ["Sessions"]

SEEN: Final = 60.0
"""Seconds after which it is written down again that a session or a token is in use."""


class Sessions:
    """`dice` gives random bytes; `clock` seconds since the epoch."""

    def __init__(
        self,
        store: Store,
        terms: Terms,
        clock: Callable[[], float],
        dice: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._store, self.terms, self._clock, self._dice = store, terms, clock, dice

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

    def enter(self, user: User, came: Came, how: str) -> Entered:
        """Begin a session for somebody who has proved who it is. Raises `KeptOut` for an account that is not
        active."""
        if user.state != "active":
            told = login(self._clock(), user.name, came.address, "refused", how=how, state=user.state)
            self._store.record([told])
            signal(KeptAway(how, user.state))
            raise KeptOut("directory", "This account is disabled. Ask an administrator.")
        text, now = secret(self._dice(32)), self._clock()
        kept = Session(
            digest=digest_of(text), user=user.name, since=now, seen_at=now, until=now + self.terms.longest,
            address=came.address, how=how,
        )  # fmt: skip
        told = login(now, user.name, came.address, "done", how=how, roles=" ".join(user.roles))
        self._store.open_session(kept, [told], instead=digest_of(came.session))
        signal(CameIn(how))
        nonce = marked(came.mark, user.name, user.password) or secret(self._dice(32))
        mark = browser_mark(user.name, user.password, nonce) if user.password else ""
        return Entered(user.name, text, mark)

    def log_out(self, who: Who, came: Came) -> str:
        """End the session; how it had begun."""
        found = self._store.session(digest_of(came.session))
        told = login(self._clock(), who.user.name, came.address, "done", ended="by its owner")
        self._store.end_session(digest_of(came.session), [told])
        return found[0].how if found else ""
