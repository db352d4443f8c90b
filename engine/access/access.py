"""The door's keeper: who calls, what they may do, and the tokens that they come with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from engine.access.assertions import ASSERTION_ALGORITHMS, Assertions, FirstUse
from engine.access.bearer import Bearers
from engine.access.certificate import Certificate
from engine.access.clients import Caller, Client, Clients
from engine.access.endpoint import Answer, TokenEndpoint
from engine.access.keys import Fetch, key_source
from engine.access.tokens import Tokens
from engine.access.untrusted import Untrusted
from engine.errors import Misconfigured
from engine.telemetry import CallerRefused, signal

__all__ = ["DEV_KEYS", "TOKEN_PATH", "Access", "static_keys"]

TOKEN_PATH: Final = "/auth/token"  # noqa: S105 - a path
DEV_KEYS: Final = "WARDLINE_DEV_KEYS"
SHORTEST_KEY: Final = 32
"""Characters of a static key, at least."""


class Access:
    """One address's keeper.

    `base` is the address as clients write it, without a slash at its end (`https://wardline.example:8480`):
    the audience of what they sign and of what they get. `keys` sign access tokens (32 bytes each by id, the
    current one first); `static` are static keys by client id; `fetch` asks for published keys; `first_use`
    remembers assertions."""

    def __init__(
        self,
        clients: Clients,
        *,
        base: str,
        keys: Mapping[str, bytes],
        fetch: Fetch,
        first_use: FirstUse,
        static: Mapping[str, str] | None = None,
    ) -> None:
        self.base, self._clients = base, clients
        tokens = Tokens(keys, base)
        own = {id_: key_source(client.keys, fetch) for id_, client in clients.clients.items() if client.keys}
        theirs = {url: key_source(issuer.keys, fetch) for url, issuer in clients.issuers.items()}
        self._bearers = Bearers(clients, tokens, theirs, static or {})
        self._endpoint = TokenEndpoint(Assertions(clients.clients, own, base + TOKEN_PATH, first_use), tokens)

    def known(self, headers: Mapping[str, str], peer: Certificate | None, now: float) -> Caller | None:
        """Who calls, when that can be told without waiting; else None: then ask `authenticate`, in a thread.
        `headers` have names in lower case. Raises `Rejected` (401)."""
        try:
            return self._bearers.known(headers.get("authorization"), peer, now)
        except Untrusted as untrusted:
            signal(CallerRefused(untrusted.client, untrusted.why))
            raise untrusted.rejected() from None

    def authenticate(self, headers: Mapping[str, str], peer: Certificate | None, now: float) -> Caller:
        """Who calls. `now` is seconds since the epoch; `peer` is the certificate of the connection. May wait
        for keys that another server publishes. Raises `Rejected` (401)."""
        caller = self.known(headers, peer, now)
        if caller is not None:
            return caller
        try:
            return self._bearers.judge(headers["authorization"], peer, now)
        except Untrusted as untrusted:
            signal(CallerRefused(untrusted.client, untrusted.why))
            raise untrusted.rejected() from None

    def token_response(self, body: bytes, peer: Certificate | None, now: float) -> Answer:
        """HTTP status and JSON for a form posted to `TOKEN_PATH` as `application/x-www-form-urlencoded`; the
        answer goes with `Cache-Control: no-store`. Blocks. Raises `Unavailable` while the use of an assertion
        cannot be remembered."""
        return self._endpoint.answer(body, peer, now)

    def smart_configuration(self) -> dict[str, Any]:
        """`.well-known/smart-configuration` (SMART App Launch 2, Conformance)."""
        scopes = {word for client in self._clients.clients.values() for word in str(client.scopes).split()}
        return {
            "issuer": self.base,
            "token_endpoint": self._token_url(),
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": list(ASSERTION_ALGORITHMS),
            "scopes_supported": sorted(scopes),
            "capabilities": ["client-confidential-asymmetric", "permission-v1", "permission-v2"],
        }

    def _token_url(self) -> str:
        """Where tokens are had: here, unless one other server gives them to everybody."""
        others = {issuer.token_url for issuer in self._clients.issuers.values()}
        here = any(client.keys for client in self._clients.clients.values())
        return others.pop() if len(others) == 1 and not here and "" not in others else self.base + TOKEN_PATH


def static_keys(clients: Clients, environment: Mapping[str, str], *, allowed: bool) -> dict[str, str]:
    """The static keys of clients that have one, by client id. Raises `Misconfigured` when they are not
    `allowed` here, or when the environment does not hold them."""
    found: dict[str, str] = {}
    for client in clients.clients.values():
        if client.key_variable:
            found[client.id] = _static_key(client, environment, allowed=allowed)
    if len(set(found.values())) < len(found):
        raise Misconfigured("two clients have the same static key", hint="one each")
    return found


def _static_key(client: Client, environment: Mapping[str, str], *, allowed: bool) -> str:
    if not allowed:
        raise Misconfigured(
            "a static key is for development only",
            where=f"client {client.id}",
            hint=f"register its public keys with `jwks:`, or set {DEV_KEYS}=true where no patients are",
        )
    key = environment.get(client.key_variable, "")
    if len(key) < SHORTEST_KEY or not key.isascii() or not key.isprintable() or " " in key:
        raise Misconfigured(
            f"a static key has at least {SHORTEST_KEY} characters of ASCII without spaces",
            where=client.key_variable,
            hint="openssl rand -base64 32",
        )
    return key
