"""Our own access tokens: signed, short-lived, for this server only, and nowhere stored.

HS256 with keys of the key ring's, so that they outlive a restart and no other server can make them. A
token names client, scopes and, when it was asked for over mutual TLS, the certificate that it works with
(RFC 8705, section 3). What a client is allowed is looked up again with every token.
"""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.jwk import OctKey

from engine.access.certificate import Certificate
from engine.access.jwt import Unverified, verify
from engine.access.scopes import Scopes
from engine.access.untrusted import Untrusted

__all__ = ["LIFETIME", "Tokens", "bound_to"]

LIFETIME: Final = 300
"""Seconds (SMART Backend Services recommends at most 300)."""

_ALGORITHM: Final = "HS256"
_TYPE: Final = "at+jwt"  # RFC 9068


class Tokens:
    """Makes and verifies them. `keys` are 32 bytes each by id, the current one first; `audience` is the URL
    of this server, as clients write it."""

    def __init__(self, keys: Mapping[str, bytes], audience: str) -> None:
        self._keys = {key_id: OctKey.import_key(key) for key_id, key in keys.items()}
        self._current = next(iter(keys))
        self._audience = audience

    def issue(self, client: str, scopes: Scopes, certificate: Certificate | None, now: float) -> str:
        """A token for `LIFETIME` seconds."""
        claims: dict[str, Any] = {
            "iss": self._audience,
            "sub": client,
            "aud": self._audience,
            "iat": int(now),
            "exp": int(now) + LIFETIME,
            "jti": urlsafe_b64encode(os.urandom(12)).decode(),
            "scope": str(scopes),
        }
        if certificate is not None:
            claims["cnf"] = {"x5t#S256": certificate.thumbprint}
        header = {"alg": _ALGORITHM, "kid": self._current}
        return jwt.encode(header, claims, self._keys[self._current], [_ALGORITHM], default_type=_TYPE)

    def mine(self, token: Unverified) -> bool:
        """Whether it says that it is one of these."""
        return token.header.get("alg") == _ALGORITHM

    def read(self, token: Unverified) -> dict[str, Any]:
        """Its claims, when it is one of these, for this server. Its end is the caller's to check. Raises
        `Untrusted`."""
        if token.header.get("typ") != _TYPE:
            raise Untrusted("header")
        key = self._keys.get(token.header.get("kid", ""))
        if key is None:
            raise Untrusted("key")
        claims = verify(token, key, _ALGORITHM)
        if claims.get("aud") != self._audience or claims.get("iss") != self._audience:
            raise Untrusted("audience")
        return claims


def bound_to(claims: Mapping[str, Any]) -> str:
    """The thumbprint of the only certificate that a token works with, or empty. Raises `Untrusted` when it
    is bound to anything else (RFC 7800)."""
    binding = claims.get("cnf")
    if binding is None:
        return ""
    if not isinstance(binding, dict) or binding.keys() != {"x5t#S256"}:
        raise Untrusted("certificate")
    thumbprint = binding["x5t#S256"]
    if not isinstance(thumbprint, str) or not thumbprint:
        raise Untrusted("certificate")
    return thumbprint
