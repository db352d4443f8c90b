"""Who sends a request: by access token, by certificate, or by a static key (development only).

A token that was seen before costs one digest and one look into a table; nothing that is remembered
outlives its token, nor five minutes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from math import inf
from threading import Lock
from typing import Any, Final, NamedTuple, cast

from engine.access.certificate import Certificate
from engine.access.clients import Caller, Client, Clients, Issuer
from engine.access.jwk import Algorithm
from engine.access.jwt import MAX_TOKEN, Unverified, check_times, take_apart, text_of, verify
from engine.access.keys import KeySource
from engine.access.scopes import Scopes
from engine.access.tokens import LIFETIME, Tokens, bound_to
from engine.access.untrusted import Untrusted

__all__ = ["Bearers"]

REMEMBERED: Final = 10_000
"""Tokens, at most; the oldest goes first."""

LONGEST: Final = 24 * 3600.0
"""Seconds that a token of another issuer may live."""


class _Proven(NamedTuple):
    """What a token proves until then, shown together with one of these certificates (empty: any or none),
    and with the one that it is bound to (a thumbprint; empty: none)."""

    caller: Caller
    until: float  # seconds since the epoch
    certificates: frozenset[str]
    bound_to: str = ""

    def by(self, peer: Certificate | None) -> Caller:
        """The caller, when it showed what it had to. Raises `Untrusted`."""
        if self.certificates and (peer is None or not self.certificates & peer.words):
            raise Untrusted("certificate", self.caller.id)
        if self.bound_to and (peer is None or self.bound_to != peer.thumbprint):
            raise Untrusted("certificate", self.caller.id)
        return self.caller


class Bearers:
    """Tells callers. `issuers` are where the keys of other issuers are; `static` are static keys by
    client id."""

    def __init__(
        self, clients: Clients, tokens: Tokens, issuers: Mapping[str, KeySource], static: Mapping[str, str]
    ) -> None:
        self._clients, self._tokens, self._issuers = clients, tokens, issuers
        self._static = {
            sha256(key.encode()).digest(): _proven(clients.clients[id_], inf) for id_, key in static.items()
        }
        self._certified = {
            word: Caller(client.id, client.scopes, client.rate)
            for client in clients.clients.values()
            if client.by_certificate
            for word in client.certificates
        }
        self._seen: OrderedDict[bytes, _Proven] = OrderedDict()
        self._turn = Lock()

    def known(self, authorization: str | None, peer: Certificate | None, now: float) -> Caller | None:
        """The caller, when that can be told at once; else None, and `judge` tells. Raises `Untrusted` when
        nobody can be meant."""
        if authorization is None:
            return self._by_certificate(peer)
        digest = sha256(_token(authorization).encode()).digest()
        found = self._static.get(digest) or self._seen.get(digest)
        return found.by(peer) if found and now < found.until else None

    def judge(self, authorization: str, peer: Certificate | None, now: float) -> Caller:
        """Whose token this is. May wait for keys that have to be fetched. Raises `Untrusted`."""
        text = _token(authorization)
        token = take_apart(text)
        found = self._own(token, now) if self._tokens.mine(token) else self._foreign(token, now)
        caller = found.by(peer)
        with self._turn:
            self._seen[sha256(text.encode()).digest()] = found
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return caller

    def _by_certificate(self, peer: Certificate | None) -> Caller:
        """The one client that the certificate stands for."""
        words = peer.words if peer else ()
        found = {caller.id: caller for word in words if (caller := self._certified.get(word))}
        if len(found) != 1:
            raise Untrusted("certificate" if found else "nothing")
        return next(iter(found.values()))

    def _own(self, token: Unverified, now: float) -> _Proven:
        claims = self._tokens.read(token)
        client = self._clients.clients.get(text_of(claims, "sub", "client"))
        if client is None or not client.keys:
            raise Untrusted("client")
        end = check_times(claims, now, ahead=LIFETIME)
        if end <= now:  # our own clock: no leeway
            raise Untrusted("expired", client.id)
        return _proven(client, end, claims)

    def _foreign(self, token: Unverified, now: float) -> _Proven:
        issuer = self._clients.issuers.get(text_of(token.claims, "iss", "issuer"))
        if issuer is None:
            raise Untrusted("issuer")
        claims = self._verified(token, issuer, now)
        name = "client_id" if "client_id" in claims else "azp"
        client = self._clients.clients.get(text_of(claims, name, "client"))
        if client is None or client.issuer != issuer.url:
            raise Untrusted("client")
        end = check_times(claims, now, ahead=LONGEST)
        return _proven(client, min(end, now + LIFETIME), claims)

    def _verified(self, token: Unverified, issuer: Issuer, now: float) -> dict[str, Any]:
        """The claims of another issuer's token for us."""
        algorithm = token.header.get("alg")
        if algorithm not in issuer.algorithms:
            raise Untrusted("algorithm")
        if token.header.get("typ", "JWT").lower().removeprefix("application/") not in ("jwt", "at+jwt"):
            raise Untrusted("header")
        known = cast(Algorithm, algorithm)
        key = self._issuers[issuer.url].find(token.header.get("kid", ""), known, now)
        claims = verify(token, key.key, known)
        if claims.get("aud") not in (issuer.audience, [issuer.audience]):
            raise Untrusted("audience")
        return claims


def _token(authorization: str) -> str:
    """The token of `Authorization: Bearer …`. Raises `Untrusted`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Untrusted("nothing")
    if len(token) > MAX_TOKEN:
        raise Untrusted("too-long")
    if not token or not token.isascii() or not token.isprintable():
        raise Untrusted("malformed")
    return token


def _proven(client: Client, until: float, claims: Mapping[str, Any] | None = None) -> _Proven:
    """A client with what its token says that it may, and never more than is registered. Raises
    `Untrusted`."""
    scopes, bound = client.scopes, ""
    if claims is not None:
        bound = bound_to(claims)
        try:
            scopes = Scopes.parse(text_of(claims, "scope", "scope", 4096)).both(client.scopes)
        except ValueError:
            raise Untrusted("scope", client.id) from None
    return _Proven(Caller(client.id, scopes, client.rate), until, client.certificates, bound)
