"""JSON Web Tokens, read with suspicion (RFC 7519, RFC 8725).

First the token is taken apart without believing it; then a key that was registered before is chosen by
`kid` and kind; then the signature is verified with the one algorithm that was agreed. Nothing in a token
ever says which key or address to use.
"""

from __future__ import annotations

import json
import math
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key

from engine.access.untrusted import Untrusted, Why

__all__ = ["LEEWAY", "MAX_TOKEN", "Unverified", "check_times", "read_json", "take_apart", "text_of", "verify"]

MAX_TOKEN: Final = 8192
"""Characters of a token, at most."""

LEEWAY: Final = 30.0
"""Seconds by which others' clocks may be off."""

_COMPACT = re.compile(r"([\w-]+)\.([\w-]+)\.([\w-]+)", re.ASCII)
_HEADER: Final = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256"})
"""What a header may say. Not `jwk`, `x5u`, `x5c` (keys from the sender), `crit`, `b64`, `zip`."""


class _Registry(jws.JWSRegistry):
    """The library's limits, as wide as ours: what is longer was refused before."""

    max_header_length = max_payload_length = max_signature_length = MAX_TOKEN


class Unverified(NamedTuple):
    """A token taken apart: what it says about itself, none of it proven."""

    header: dict[str, Any]
    claims: dict[str, Any]
    token: str

    def __repr__(self) -> str:
        return f"Unverified({len(self.token)} characters)"


def take_apart(token: str, *, header: Collection[str] = ()) -> Unverified:
    """The parts of a compact token. `header` are further members that its header may have. Raises
    `Untrusted`."""
    if len(token) > MAX_TOKEN:
        raise Untrusted("too-long")
    parts = _COMPACT.fullmatch(token)
    if parts is None:
        raise Untrusted("malformed")
    head, claims = _object(parts[1]), _object(parts[2])
    _decoded(parts[3])
    if not head.keys() <= {*_HEADER, *header}:
        raise Untrusted("header")
    if not all(isinstance(value, str) for value in head.values()):
        raise Untrusted("header")
    return Unverified(head, claims, token)


def verify(unverified: Unverified, key: Key, algorithm: str) -> dict[str, Any]:
    """The claims, when the signature holds. Raises `Untrusted`."""
    if unverified.header.get("alg") != algorithm:
        raise Untrusted("algorithm")
    try:
        jws.deserialize_compact(unverified.token, key, registry=_Registry(algorithms=[algorithm]))
    except (JoseError, ValueError, TypeError):
        raise Untrusted("signature") from None
    return unverified.claims


def check_times(claims: Mapping[str, Any], now: float, *, ahead: float) -> float:
    """When a token ends (`exp`), which must be after `now` and at most `ahead` seconds after it; `nbf` and
    `iat` must not be in the future. Raises `Untrusted`."""
    end = _moment(claims, "exp", "lifetime")
    if end is None:
        raise Untrusted("lifetime")
    if end <= now - LEEWAY:
        raise Untrusted("expired")
    if end > now + ahead + LEEWAY:
        raise Untrusted("lifetime")
    for name in ("nbf", "iat"):
        moment = _moment(claims, name, "early")
        if moment is not None and moment > now + LEEWAY:
            raise Untrusted("early")
    return end


def text_of(claims: Mapping[str, Any], name: str, why: Why, longest: int = 1024) -> str:
    """A claim that must be a text. Raises `Untrusted(why)`."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise Untrusted(why)
    return value


def read_json(raw: bytes) -> Any:
    """JSON in which nothing is said twice. Raises `ValueError`."""
    try:
        return json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _object(part: str) -> dict[str, Any]:
    try:
        found = read_json(_decoded(part))
    except ValueError:
        raise Untrusted("malformed") from None
    if not isinstance(found, dict):
        raise Untrusted("malformed")
    return found


def _decoded(part: str) -> bytes:
    """The bytes of a part, when it is the one way to write them (RFC 4648, 3.5)."""
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        raise Untrusted("malformed") from None
    if urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise Untrusted("malformed")
    return raw


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is there twice")
    return found


def _no_number(_: str) -> NoReturn:
    raise ValueError("not a number of JSON")


def _moment(claims: Mapping[str, Any], name: str, why: Why) -> float | None:
    """A claim that is a time: seconds since the epoch; None when it is absent."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Untrusted(why)
    try:
        seconds = float(value)
    except OverflowError:
        raise Untrusted(why) from None
    if not math.isfinite(seconds):
        raise Untrusted(why)
    return seconds
