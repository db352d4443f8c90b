"""Public keys when they are needed: registered ones at once, others from where they are published.

What is fetched is used no longer than its server allows, and never asked for in a storm: whoever sends
tokens with made-up keys cannot make us knock at somebody's door more than once in a while.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from engine.access.clients import Keys
from engine.access.jwk import Algorithm, JwkSet, PublicKey, read_jwks
from engine.access.jwt import read_json
from engine.access.untrusted import Untrusted
from engine.errors import Unavailable

__all__ = ["MAX_SET", "Fetch", "FetchedKeys", "KeySource", "Published", "RegisteredKeys", "key_source"]

MAX_SET: Final = 64 * 1024
"""Bytes of a published key set, at most."""

DEFAULT_AGE: Final = 300.0
LONGEST_AGE: Final = 3600.0
"""Seconds that a set is used when its server says nothing, and at most: a withdrawn key must go soon."""

PATIENCE: Final = 30.0
"""Seconds until an address is asked again before its set has aged, for a key that is not in it."""

PAUSE: Final = 1.0
"""Seconds between two requests to one address, whatever happens."""

REST: Final = 10.0
"""Seconds until an address that gave no keys is asked again."""

TURN: Final = 2.0
"""Seconds that one thread waits for another that is asking: a server that hangs must not hold them all."""


class Published(NamedTuple):
    """What an address gave: the body, and how long it may be kept (seconds; None: it does not say)."""

    body: bytes
    max_age: float | None


Fetch = Callable[[str], Published]
"""Asks an https address; raises `Unavailable`."""


class KeySource(Protocol):
    """Where the keys of one client or issuer are."""

    def find(self, kid: str, algorithm: Algorithm, now: float) -> PublicKey:
        """The one key that fits. Raises `Untrusted`."""
        ...


class RegisteredKeys:
    """Keys that stand in the clients file, or beside it."""

    def __init__(self, keys: JwkSet) -> None:
        self._keys = keys

    def find(self, kid: str, algorithm: Algorithm, now: float) -> PublicKey:  # noqa: ARG002 - they do not age
        """`KeySource.find`."""
        return _found(self._keys, kid, algorithm)


class FetchedKeys:
    """Keys that an address publishes. One thread asks, the others wait a moment for what it gets."""

    def __init__(self, url: str, fetch: Fetch) -> None:
        self._url, self._fetch = url, fetch
        self._turn = threading.Lock()
        self._keys = JwkSet(())
        self._fresh_until = self._asked_at = self._ask_after = float("-inf")

    def find(self, kid: str, algorithm: Algorithm, now: float) -> PublicKey:
        """`KeySource.find`."""
        if not self._turn.acquire(timeout=TURN):
            raise Untrusted("keys-away")
        try:
            if now < self._asked_at:  # a clock that was set back starts anew
                self._fresh_until = self._ask_after = now
            new = self._keys.find(kid, algorithm) is None and now >= self._asked_at + PATIENCE
            if new or now >= self._fresh_until:
                self._ask(now)
            return _found(self._keys, kid, algorithm)
        finally:
            self._turn.release()

    def _ask(self, now: float) -> None:
        if now < self._ask_after:
            raise Untrusted("keys-away")
        self._asked_at, self._ask_after = now, now + REST
        try:
            published = self._fetch(self._url)
            if len(published.body) > MAX_SET:
                raise Untrusted("keys-away")
            keys, _ = read_jwks(read_json(published.body))
        except (Unavailable, ValueError):
            raise Untrusted("keys-away") from None
        age = DEFAULT_AGE if published.max_age is None else min(published.max_age, LONGEST_AGE)
        self._keys, self._fresh_until, self._ask_after = keys, now + age, now + PAUSE


def key_source(keys: Keys, fetch: Fetch) -> KeySource:
    """The source that was registered."""
    return FetchedKeys(keys.url, fetch) if keys.url else RegisteredKeys(keys.registered or JwkSet(()))


def _found(keys: JwkSet, kid: str, algorithm: Algorithm) -> PublicKey:
    key = keys.find(kid, algorithm)
    if key is None:
        raise Untrusted("key")
    return key
