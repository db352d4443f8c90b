"""A keeper with a few clients, and whatever is needed to sign, mis-sign and forge what they send."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from functools import cache
from itertools import count
from typing import Any, Literal
from urllib.parse import urlencode

from joserfc import jwk, jws
from joserfc.jwk import ECKey, Key, RSAKey

from engine.access import Access, Certificate, Client, Clients, Issuer, Keys, Published, Scopes
from engine.access.assertions import FirstUse
from engine.access.jwk import read_jwks
from engine.errors import Unavailable

NOW = 1_790_000_000.0
BASE = "https://wardline.example:8480"
TOKEN_URL = f"{BASE}/auth/token"
ISSUER = "https://login.hospital.example/realms/fhir"
RING = {"new": b"n" * 32, "old": b"o" * 32}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_number = count()
STATIC = "a-static-key-of-some-length-0123456789"


@cache
def key(kind: Literal["RS384", "ES384", "ES256"], name: str = "k1") -> RSAKey | ECKey:
    """A private key; made once in a run."""
    parameters: Any = {"kid": name}
    if kind == "RS384":
        return jwk.generate_key("RSA", 2048, parameters)
    return jwk.generate_key("EC", "P-384" if kind == "ES384" else "P-256", parameters)


def public(*keys: Key) -> dict[str, Any]:
    """Their JWK Set, as a client would publish it."""
    return {"keys": [{**one.as_dict(private=False), "kid": one.kid} for one in keys]}


def part(value: object) -> str:
    """A part of a token; bytes as they are."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(signer: Key, claims: object, **header: Any) -> str:
    """A token; `header` beside `alg`, `typ` and `kid` (None takes one away)."""
    alg = header.get("alg") or ("RS384" if isinstance(signer, RSAKey) else "ES384")
    full = {"alg": alg, "typ": "JWT", "kid": signer.kid, **header}
    full = {name: value for name, value in full.items() if value is not None}
    text = f"{part(full)}.{part(claims)}"
    model = jws.JWSRegistry.algorithms[alg]
    return f"{text}.{part(model.sign(text.encode(), signer))}"


def mac(secret: bytes, header: dict[str, Any], claims: object) -> str:
    """A token with HMAC-SHA-256 over it, whatever its header says."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{part(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def assertion_claims(**changes: Any) -> dict[str, Any]:
    """What the client `ehr` says in an assertion; None takes a claim away."""
    claims = {
        "iss": "ehr",
        "sub": "ehr",
        "aud": TOKEN_URL,
        "exp": NOW + 240,
        "iat": NOW,
        "jti": f"j-{next(_number)}",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def foreign_claims(**changes: Any) -> dict[str, Any]:
    """What the issuer says of the client `lab`."""
    claims = {
        "iss": ISSUER, "sub": "svc-lab", "azp": "lab", "aud": "wardline", "exp": NOW + 600, "iat": NOW,
        "scope": "openid system/ChargeItem.cr", **changes,
    }  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def form(token: str, scope: str | None = "system/SupplyRequest.cr", **changes: Any) -> bytes:
    """A token request."""
    fields = {
        "grant_type": "client_credentials", "scope": scope, "client_assertion_type": ASSERTION,
        "client_assertion": token, **changes,
    }  # fmt: skip
    return urlencode({name: value for name, value in fields.items() if value is not None}).encode()


def certificate(*names: str, digest: str = "ab" * 32) -> Certificate:
    """What is left of a certificate with these names."""
    thumbprint = urlsafe_b64encode(bytes.fromhex(digest)).rstrip(b"=").decode()
    return Certificate(frozenset((*names, f"sha256:{digest}")), thumbprint)


class Web:
    """Addresses that publish key sets, and who asked for what."""

    def __init__(self, **sets: Any) -> None:
        self.sets = sets
        self.asked: list[str] = []
        self.max_age: float | None = None

    def fetch(self, url: str) -> Published:
        self.asked.append(url)
        found = self.sets.get(url.rpartition("/")[2])
        if found is None:
            raise Unavailable("no answer")
        return Published(found if isinstance(found, bytes) else json.dumps(found).encode(), self.max_age)


def registered(*keys: Key) -> Keys:
    """Keys that stand in the clients file."""
    found, problems = read_jwks(public(*keys))
    assert not problems
    return Keys(registered=found)


def clients() -> Clients:
    """One client of every kind."""
    scopes = Scopes.of(["system/SupplyRequest.cruds", "system/ChargeItem.rs"])
    listed = [
        Client("ehr", scopes, keys=registered(key("RS384"), key("ES384", "k2"))),
        Client("web", scopes, keys=Keys(url="https://ehr.example/jwks"), jku="https://ehr.example/jwks"),
        Client("both", scopes, keys=registered(key("ES384", "k2")), certificates=frozenset({"both.example"})),
        Client("lab", Scopes.of(["system/*.cr"]), issuer=ISSUER),
        Client(
            "ward",
            Scopes.of(["system/Task.r"]),
            certificates=frozenset({"ward.example", "sha256:" + "cd" * 32}),
        ),
        Client("pump", Scopes.of(["system/Task.r"]), certificates=frozenset({"pump.example"})),
        Client("dev", scopes, key_variable="DEV_KEY", rate=5.0),
    ]
    issuer = Issuer(ISSUER, "wardline", Keys(url="https://login.hospital.example/keys"))
    return Clients({one.id: one for one in listed}, {ISSUER: issuer})


def never(*_: object) -> bool:
    """For where no assertion may get as far as being remembered."""
    raise AssertionError("an assertion was believed")


def access(first_use: FirstUse = never, *, web: Web | None = None, **changes: Any) -> Access:
    """The keeper."""
    given: dict[str, Any] = {
        "base": BASE,
        "keys": RING,
        "fetch": (web or Web()).fetch,
        "first_use": first_use,
        "static": {"dev": STATIC},
        **changes,
    }
    return Access(given.pop("clients", None) or clients(), **given)


def bearer(token: str) -> dict[str, str]:
    """The header of a request."""
    return {"authorization": f"Bearer {token}"}
