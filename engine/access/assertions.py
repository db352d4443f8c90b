"""A client's signed assertion that it is itself: `private_key_jwt` (RFC 7523; SMART Backend Services).

Each may be used once. What was used is remembered in the store until it would have expired anyway: a
restart, or another process, does not make it new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final, cast

from engine.access.clients import Client
from engine.access.jwk import Algorithm
from engine.access.jwt import LEEWAY, Unverified, check_times, take_apart, text_of, verify
from engine.access.keys import KeySource
from engine.access.untrusted import Untrusted

__all__ = ["ASSERTION_ALGORITHMS", "Assertions", "FirstUse"]

ASSERTION_ALGORITHMS: Final[tuple[Algorithm, ...]] = ("RS384", "ES384")

AHEAD: Final = 300.0
"""Seconds: an assertion ends at most five minutes from now (SMART)."""

FirstUse = Callable[[bytes, float, float], bool]
"""Durably remembers 16 bytes until a time, and says whether they are new: `first_use(digest, until, now)`.
Raises `Unavailable`."""


class Assertions:
    """Judges them. `keys` are where the clients' keys are, by client id."""

    def __init__(
        self,
        clients: Mapping[str, Client],
        keys: Mapping[str, KeySource],
        token_url: str,
        first_use: FirstUse,
    ) -> None:
        self._clients, self._keys, self._token_url, self._first_use = clients, keys, token_url, first_use

    def judge(self, text: str, now: float) -> Client:
        """Whose assertion this is. Raises `Untrusted`, and `Unavailable` when its use cannot be
        remembered."""
        token = take_apart(text, header=("jku",))
        client = self._client(token)
        try:
            self._judge(token, client, now)
        except Untrusted as untrusted:
            raise Untrusted(untrusted.why, client.id) from None
        return client

    def _client(self, token: Unverified) -> Client:
        """The registered client that it names; both issuer and subject are the client."""
        name = text_of(token.claims, "iss", "client")
        client = self._clients.get(name)
        if client is None or not client.keys or token.claims.get("sub") != name:
            raise Untrusted("client")
        return client

    def _judge(self, token: Unverified, client: Client, now: float) -> None:
        algorithm = token.header.get("alg")
        if algorithm not in ASSERTION_ALGORITHMS:
            raise Untrusted("algorithm")
        if (
            token.header.get("typ", "JWT").upper() != "JWT"
            or token.header.get("jku", client.jku) != client.jku
        ):
            raise Untrusted("header")
        known = cast(Algorithm, algorithm)
        key = self._keys[client.id].find(token.header.get("kid", ""), known, now)
        claims = verify(token, key.key, known)
        if claims.get("aud") != self._token_url:
            raise Untrusted("audience")
        end = check_times(claims, now, ahead=AHEAD)
        if not self._first_use(_digest(client, claims), end + LEEWAY, now):
            raise Untrusted("replayed")


def _digest(client: Client, claims: Mapping[str, Any]) -> bytes:
    """16 bytes that stand for this assertion of this client."""
    name = f"{client.id}\x1f{text_of(claims, 'jti', 'identifier')}"
    return sha256(name.encode("utf-8", "surrogatepass")).digest()[:16]
