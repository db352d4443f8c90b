"""The token endpoint: client credentials against an access token (RFC 6749, 4.4; SMART Backend Services).

Whatever is wrong with a client's proof, the answer is `invalid_client` and nothing more; the operator sees
why.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl

from engine.access.assertions import Assertions
from engine.access.certificate import Certificate
from engine.access.clients import Client
from engine.access.scopes import Scopes
from engine.access.tokens import LIFETIME, Tokens
from engine.access.untrusted import Untrusted
from engine.telemetry import TokenIssued, TokenRefused, signal

__all__ = ["MAX_FORM", "TokenEndpoint"]

MAX_FORM: Final = 16 * 1024
"""Bytes of a token request, at most."""

_FIELDS: Final = 20
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Answer = tuple[int, dict[str, str | int]]


class TokenEndpoint:
    """Answers token requests."""

    def __init__(self, assertions: Assertions, tokens: Tokens) -> None:
        self._assertions, self._tokens = assertions, tokens

    def answer(self, body: bytes, peer: Certificate | None, now: float) -> Answer:
        """HTTP status and JSON for a form as it was posted (`application/x-www-form-urlencoded`).

        Blocks: keys may have to be fetched, and the assertion's use is written down. Raises `Unavailable`
        when that is not possible."""
        form = _form(body)
        if form is None or "grant_type" not in form:
            return _refused(400, "invalid_request")
        if form["grant_type"] != "client_credentials":
            return _refused(400, "unsupported_grant_type")
        try:
            client = self._client(form, peer, now)
        except Untrusted as untrusted:
            signal(TokenRefused(untrusted.client, untrusted.why))
            return _refused(401, "invalid_client")
        return self._grant(client, form.get("scope", ""), peer, now)

    def _client(self, form: dict[str, str], peer: Certificate | None, now: float) -> Client:
        if form.get("client_assertion_type") != _ASSERTION:
            raise Untrusted("nothing")
        client = self._assertions.judge(form.get("client_assertion", ""), now)
        if form.get("client_id", client.id) != client.id:
            raise Untrusted("client", client.id)
        if client.certificates and (peer is None or not client.certificates & peer.words):
            raise Untrusted("certificate", client.id)
        return client

    def _grant(self, client: Client, asked: str, peer: Certificate | None, now: float) -> Answer:
        try:
            scopes = Scopes.parse(asked).both(client.scopes)
        except ValueError:
            scopes = Scopes()
        if not scopes:
            signal(TokenRefused(client.id, "scope"))
            return _refused(400, "invalid_scope")
        signal(TokenIssued(client.id))
        return 200, {
            "access_token": self._tokens.issue(client.id, scopes, peer, now),
            "token_type": "bearer",
            "expires_in": LIFETIME,
            "scope": str(scopes),
        }


def _form(body: bytes) -> dict[str, str] | None:
    """The fields of a form; None when it is none, or says a thing twice (RFC 6749, 3.2)."""
    if len(body) > MAX_FORM:
        return None
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_FIELDS,
        )
    except ValueError:
        return None
    form = dict(pairs)
    return form if len(form) == len(pairs) else None


def _refused(status: int, error: str) -> Answer:
    return status, {"error": error}
