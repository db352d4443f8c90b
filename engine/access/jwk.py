"""Public keys as JSON Web Keys (RFC 7517): which of a set can be used, and which one fits a token.

Only what the accepted ways of signing need: RSA from 2048 bits, and the curves P-256 and P-384.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple, get_args

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

__all__ = ["ALGORITHMS", "Algorithm", "JwkSet", "Problem", "PublicKey", "read_jwks"]

Algorithm = Literal["RS256", "RS384", "ES256", "ES384"]

ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)

_FITS: Final[dict[str, tuple[str, str]]] = {
    "RS256": ("RSA", ""), "RS384": ("RSA", ""), "ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"),
}  # fmt: skip
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS: Final = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_BITS: Final = range(2048, 8193)
MAX_KEYS: Final = 50
MAX_KID: Final = 256


class PublicKey(NamedTuple):
    """A key that signatures are verified with. `alg` is the only way it may be used, or empty."""

    kid: str
    kty: str
    curve: str
    alg: str
    key: RSAKey | ECKey

    def fits(self, kid: str, algorithm: Algorithm) -> bool:
        """Whether it is the one that a header with these words means."""
        return self.kid == kid and self.alg in ("", algorithm) and _FITS[algorithm] == (self.kty, self.curve)


class Problem(NamedTuple):
    """What is wrong with a key set, and where: `("keys", 0, "kid")`."""

    place: tuple[str | int, ...]
    text: str


class JwkSet(NamedTuple):
    """The usable keys of a set."""

    keys: tuple[PublicKey, ...]

    def find(self, kid: str, algorithm: Algorithm) -> PublicKey | None:
        """The one key that fits; None when there is none, or more than one."""
        found = [key for key in self.keys if key.fits(kid, algorithm)]
        return found[0] if len(found) == 1 else None


def read_jwks(data: object) -> tuple[JwkSet, list[Problem]]:
    """The usable keys of a JWK Set as parsed, and what is wrong with the others."""
    listed = data.get("keys") if isinstance(data, dict) else None
    if not isinstance(listed, list) or not listed:
        return JwkSet(()), [Problem(("keys",), "not a JWK Set: `keys` must be a list with a key")]
    if len(listed) > MAX_KEYS:
        return JwkSet(()), [Problem(("keys",), f"more than {MAX_KEYS} keys")]
    keys: list[PublicKey] = []
    problems: list[Problem] = []
    for number, one in enumerate(listed):
        found = _read(one)
        if isinstance(found, Problem):
            problems.append(Problem(("keys", number, *found.place), found.text))
        elif any((known.kid, known.kty) == (found.kid, found.kty) for known in keys):
            problems.append(Problem(("keys", number, "kid"), "another key has this kid"))
        else:
            keys.append(found)
    return JwkSet(tuple(keys)), problems


def _read(one: object) -> PublicKey | Problem:
    if not isinstance(one, dict):
        return Problem((), "a key must hold members")
    for problem in _complaints(one):
        return problem
    kty, alg = one["kty"], one.get("alg", "")
    try:
        key = _import(kty, {name: one[name] for name in _MEMBERS[kty]})
    except (JoseError, ValueError, TypeError, OverflowError):
        return Problem((), "its numbers make no key")
    curve = one["crv"] if kty == "EC" else ""
    if alg and _FITS[alg] != (kty, curve):
        return Problem(("alg",), "alg does not fit the kind of key")
    if isinstance(key, RSAKey) and key.raw_value.key_size not in _BITS:
        return Problem(("n",), "an RSA key has 2048 to 8192 bits")
    return PublicKey(one["kid"], kty, curve, alg, key)


def _import(kty: str, members: dict[str, str]) -> RSAKey | ECKey:
    plain: Any = {"kty": kty, **members}
    return RSAKey.import_key(plain) if kty == "RSA" else ECKey.import_key(plain)


def _complaints(one: dict[str, Any]) -> Iterator[Problem]:
    """What can be said of a key without calculating."""
    if private := sorted(_PRIVATE & one.keys()):
        yield Problem((private[0],), "this is a secret key: register the public one, and replace this one")
    kid, kty = one.get("kid"), one.get("kty")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID:
        yield Problem(("kid",), "kid is missing, or no text")
    if not isinstance(kty, str) or kty not in _MEMBERS:
        yield Problem(("kty",), "kty is neither RSA nor EC")
        return
    for name in _MEMBERS[kty]:
        if not isinstance(one.get(name), str):
            yield Problem((name,), f"{name} is missing, or no text")
    if kty == "EC" and one.get("crv") not in ("P-256", "P-384"):
        yield Problem(("crv",), "crv is neither P-384 nor P-256")
    yield from _purpose(one)


def _purpose(one: dict[str, Any]) -> Iterator[Problem]:
    """What a key may be used for: signatures, and to verify them."""
    if one.get("use", "sig") != "sig":
        yield Problem(("use",), "not a key for signatures (use: sig)")
    operations = one.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        yield Problem(("key_ops",), "not a key to verify with (key_ops: [verify])")
    if one.get("alg", "") not in ("", *ALGORITHMS):
        yield Problem(("alg",), f"alg is none of {', '.join(ALGORITHMS)}")
