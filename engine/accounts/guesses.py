"""Attempts that were not right, counted before anything is compared (`engine.accounts.lockout` says how)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from engine.accounts.coming import Came, KeptOut, login
from engine.accounts.lockout import Attempts, Standing, failed
from engine.store.base import Store
from engine.store.contracts.accounts import Changed, User
from engine.telemetry import KeptAway, signal

__all__ = ["FROM_ONE_ADDRESS", "Guesses"]

FROM_ONE_ADDRESS: Final = 50
"""Failures of an address that cost nothing: a whole hospital may come from one."""


class Guesses:
    """The standing of accounts lies in the store, that of browsers, addresses and names that nobody has
    here."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._browsers, self._strangers = Attempts(), Attempts()
        self._addresses = Attempts(FROM_ONE_ADDRESS)
        self._turn = threading.Lock()

    def count(self, user: User | None, name: str, nonce: str, came: Came) -> None:
        """Count an attempt as a failure, so that many at once are not more guesses; `forgive` takes it back.
        `nonce` is of a browser in which the account was used. Raises `KeptOut` for whoever has to wait."""
        with self._turn:
            now = self._clock()
            if nonce:
                self._once_more(self._browsers, nonce)
            else:
                self._check(self._addresses.standing(came.address))
                if user is None:
                    self._once_more(self._strangers, name)
                else:
                    self._store.change_user(user.name, self._of_account)
            self._addresses.fail(came.address, now)

    def forgive(self, user: User, nonce: str, came: Came) -> None:
        """It was right after all."""
        with self._turn:
            self._addresses.take_back(came.address)
            if nonce:
                self._browsers.forget(nonce)
        if not nonce:
            self._store.change_user(user.name, _cleared)

    def count_change(self, name: str) -> None:
        """The same of somebody who is in, and says the old password. Raises `KeptOut`."""
        with self._turn:
            self._once_more(self._browsers, f"change {name}")

    def forgive_change(self, name: str) -> None:
        """It was the old one."""
        with self._turn:
            self._browsers.forget(f"change {name}")

    def tell(self, user: User | None, came: Came) -> None:
        """Write a failure down: each of an account, for those that wait are few. What was typed as a name is
        written down only if it is one of ours, and otherwise told once for an address."""
        signal(KeptAway("password", "wrong"))
        now = self._clock()
        if user is not None:
            told = login(now, user.name, came.address, "refused", how="password", state=user.state)
            self._store.record([told])
        elif self._addresses.standing(came.address).failures in (1, FROM_ONE_ADDRESS):
            self._store.record([login(now, "nobody", came.address, "refused", how="password")])

    def _once_more(self, attempts: Attempts, name: str) -> None:
        self._check(attempts.standing(name))
        attempts.fail(name, self._clock())

    def _of_account(self, user: User, _: object) -> Changed:
        before = Standing(user.failures, user.locked_until)
        self._check(before)
        after = failed(before, self._clock())
        return Changed(replace(user, failures=after.failures, locked_until=after.until))

    def _check(self, standing: Standing) -> None:
        if wait := standing.wait(self._clock()):
            signal(KeptAway("password", "wait"))
            raise KeptOut("wait", "Too many attempts that were not right. Wait, then try again.", wait=wait)


def _cleared(user: User, _: object) -> Changed:
    return Changed(replace(user, failures=0, locked_until=0.0))
