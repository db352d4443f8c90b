"""The client's side, for those who set one up or try it: keys, their public half, signed assertions."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from engine.access.jwk import read_jwks
from engine.access.jwt import read_json

__all__ = ["SigningKey", "make_key", "public_set", "read_key", "secret_text", "sign_assertion"]

_CURVE: Final = "P-384"
_BITS: Final = 3072

SigningKey = RSAKey | ECKey


def make_key(*, rsa: bool = False) -> SigningKey:
    """A new key for ES384, or for RS384."""
    return RSAKey.generate_key(_BITS) if rsa else ECKey.generate_key(_CURVE)


def read_key(raw: bytes) -> SigningKey:
    """A key from a JWK or from PEM (PKCS 8 or a public key, not encrypted). Raises `ValueError`."""
    try:
        return _from_jwk(raw) if raw.lstrip().startswith(b"{") else _from_pem(raw)
    except (JoseError, TypeError, KeyError) as error:
        raise ValueError("not a key that can be used") from error


def secret_text(key: SigningKey, kid: str) -> str:
    """The whole key as a JWK: for its owner alone."""
    return json.dumps(_named(key, kid, private=True), indent=2) + "\n"


def public_set(keys: Sequence[tuple[SigningKey, str]]) -> dict[str, Any]:
    """The public halves as a JWK Set; an empty name is the key's own, or its thumbprint (RFC 7638). Raises
    `ValueError` for keys that this server would not take."""
    found = {"keys": [_named(key, kid, private=False) for key, kid in keys]}
    if problems := read_jwks(found)[1]:
        raise ValueError(problems[0].text)
    return found


def sign_assertion(
    key: SigningKey, kid: str, *, client: str, token_url: str, now: float, lifetime: int, nonce: bytes
) -> str:
    """An assertion of `client` for the token endpoint at `token_url`. Raises `ValueError` without the secret
    half of the key."""
    if not key.is_private:
        raise ValueError("this is a public key")
    alg = "RS384" if isinstance(key, RSAKey) else "ES384"
    claims: dict[str, Any] = {
        "iss": client,
        "sub": client,
        "aud": token_url,
        "iat": int(now),
        "exp": int(now) + lifetime,
        "jti": urlsafe_b64encode(nonce).rstrip(b"=").decode(),
    }
    try:
        return jwt.encode({"alg": alg, "kid": kid or _name_of(key)}, claims, key, [alg])
    except JoseError:
        raise ValueError("an assertion needs an RSA key, or one of the curve P-384") from None


def _named(key: SigningKey, kid: str, *, private: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {**key.as_dict(private=private)}
    members = ("kty", "crv", "x", "y", "n", "e", "d", "p", "q", "dp", "dq", "qi")
    operation = "sign" if private else "verify"
    return {
        **{name: plain[name] for name in members if name in plain},
        "kid": kid or _name_of(key),
        "use": "sig",
        "key_ops": [operation],
    }


def _name_of(key: SigningKey) -> str:
    """Its `kid`, else its thumbprint."""
    return key.kid or key.thumbprint()


def _from_jwk(raw: bytes) -> SigningKey:
    found = read_json(raw)
    kty = found.get("kty")
    if kty not in ("RSA", "EC"):
        raise ValueError("kty is neither RSA nor EC")
    return RSAKey.import_key(found) if kty == "RSA" else ECKey.import_key(found)


def _from_pem(raw: bytes) -> SigningKey:
    private = b"PRIVATE KEY" in raw
    found = load_pem_private_key(raw, None) if private else load_pem_public_key(raw)
    if isinstance(found, RSAPrivateKey | RSAPublicKey):
        return RSAKey(found, found)
    if isinstance(found, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        return ECKey(found, found)
    raise ValueError("neither an RSA nor an EC key")
