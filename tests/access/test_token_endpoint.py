"""The token endpoint: what is granted, and that every attack of T22 gets `invalid_client`."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from access.access_kit import (
    BASE,
    NOW,
    RING,
    TOKEN_URL,
    Web,
    access,
    assertion_claims,
    bearer,
    certificate,
    form,
    key,
    mac,
    part,
    public,
    signed,
)  # fmt: skip
from hypothesis import given
from hypothesis import strategies as st
from patience import costing_less_than

from engine.access import Certificate
from engine.access.assertions import FirstUse
from engine.errors import Unavailable
from engine.fhir.issues import Rejected
from engine.store.keys import KeyRing
from engine.store.sql import open_store


def good(**changes: Any) -> str:
    """An assertion of `ehr` as it should be, but for these claims."""
    return signed(key("RS384"), assertion_claims(**changes))


@pytest.mark.parametrize("token", [good(), signed(key("ES384", "k2"), assertion_claims())])
def test_a_client_gets_what_it_asked_for_and_may_have(first_use: FirstUse, token: str) -> None:
    keeper = access(first_use)
    status, answer = keeper.token_response(
        form(token, "system/SupplyRequest.cr system/ChargeItem.* openid"), None, NOW
    )
    assert status == 200
    assert answer["token_type"] == "bearer"
    assert answer["expires_in"] == 300
    assert answer["scope"] == "system/ChargeItem.rs system/SupplyRequest.cr"
    caller = keeper.authenticate(bearer(str(answer["access_token"])), None, NOW)
    assert caller.id == "ehr"
    assert caller.may("SupplyRequest", "create")
    assert not caller.may("SupplyRequest", "search")
    assert not caller.may("ChargeItem", "create")


@pytest.mark.parametrize(
    "claims",
    [
        {"iat": None}, {"nbf": NOW - 5}, {"exp": NOW + 300}, {"exp": NOW + 329}, {"exp": NOW - 29},
        {"iat": NOW + 29}, {"exp": NOW + 100.5}, {"more": {"of": ["anything"]}},
    ],
)  # fmt: skip
def test_clocks_may_be_off_a_little_and_claims_be_absent(first_use: FirstUse, claims: dict[str, Any]) -> None:
    assert access(first_use).token_response(form(good(**claims)), None, NOW)[0] == 200


@pytest.mark.parametrize("changes", [{"typ": None}, {"typ": "jwt"}, {"x5t": "abc"}])
def test_headers_that_say_nothing_wrong(first_use: FirstUse, changes: dict[str, Any]) -> None:
    assert (
        access(first_use).token_response(
            form(signed(key("RS384"), assertion_claims(), **changes)), None, NOW
        )[0]
        == 200
    )


def _public_pem() -> bytes:
    return key("RS384").as_pem(private=False)


def _swapped(token: str, **header: Any) -> str:
    """A token whose header was changed after signing."""
    _, claims, signature = token.split(".")
    return f"{part({'alg': 'RS384', 'kid': 'k1', 'typ': 'JWT', **header})}.{claims}.{signature}"


def _embedded(**header: Any) -> str:
    """Signed with the attacker's key, and told where to find it."""
    return signed(key("RS384", "evil"), assertion_claims(), kid="k1", **header)


_CLAIMS = part(assertion_claims())
_ALG_TWICE = b'{"alg":"none","alg":"RS384","kid":"k1"}'
ATTACKS: dict[str, Callable[[], str]] = {
    "empty": lambda: "",
    "words": lambda: "not a token",
    "two parts": lambda: f"{part({'alg': 'RS384'})}.{_CLAIMS}",
    "four parts": lambda: good() + ".x",
    "five parts": lambda: "a.b.c.d.e",
    "padding": lambda: good() + "==",
    "line break": lambda: good() + "\n",
    "1 MiB": lambda: "a" * 1_048_576,
    "over 8 KiB": lambda: signed(key("RS384"), assertion_claims(x="x" * 8000)),
    "no base64": lambda: "!!!." + _CLAIMS + ".AAAA",
    "header no JSON": lambda: f"{part(b'{')}.{_CLAIMS}.AAAA",
    "header a list": lambda: f"{part([])}.{_CLAIMS}.AAAA",
    "header of numbers": lambda: f"{part({'alg': 1, 'kid': 2})}.{_CLAIMS}.AAAA",
    "header not UTF-8": lambda: f"{part(bytes([123, 255, 125]))}.{_CLAIMS}.AAAA",
    "deep header": lambda: f"{part(b'[' * 5000)}.{_CLAIMS}.AAAA",
    "deep claims": lambda: signed(key("RS384"), b"[" * 5000),
    "claims no JSON": lambda: signed(key("RS384"), b"{"),
    "claims a list": lambda: signed(key("RS384"), [1]),
    "claims twice": lambda: signed(
        key("RS384"), json.dumps(assertion_claims())[:-1].encode() + b', "sub": "ehr"}'
    ),
    "alg twice": lambda: f"{part(_ALG_TWICE)}.{_CLAIMS}.AAAA",
    "alg none": lambda: f"{part({'alg': 'none', 'kid': 'k1'})}.{_CLAIMS}.AAAA",
    "alg none, no signature": lambda: f"{part({'alg': 'none', 'kid': 'k1'})}.{_CLAIMS}.",
    "alg NONE": lambda: f"{part({'alg': 'NONE', 'kid': 'k1'})}.{_CLAIMS}.AAAA",
    "no alg": lambda: signed(key("RS384"), assertion_claims()).replace(
        part({"alg": "RS384", "typ": "JWT", "kid": "k1"}), part({"kid": "k1"})
    ),
    "alg rs384": lambda: _swapped(good(), alg="rs384"),
    "alg RS256": lambda: signed(key("RS384"), assertion_claims(), alg="RS256"),
    "alg PS384": lambda: signed(key("RS384"), assertion_claims(), alg="PS384"),
    "alg ES256": lambda: signed(key("ES256", "k2"), assertion_claims(), alg="ES256"),
    "ES256 as ES384": lambda: _swapped(
        signed(key("ES256", "k2"), assertion_claims(), alg="ES256"), alg="ES384", kid="k2"
    ),
    "RS384 key for ES384": lambda: _swapped(good(), alg="ES384"),
    "ES384 key for RS384": lambda: _swapped(
        signed(key("ES384", "k2"), assertion_claims()), alg="RS384", kid="k2"
    ),
    "HS256 with the public key": lambda: mac(
        _public_pem(), {"alg": "HS256", "kid": "k1"}, assertion_claims()
    ),
    "HS384 with the public key": lambda: mac(
        _public_pem(), {"alg": "HS384", "kid": "k1"}, assertion_claims()
    ),
    "public key's MAC as RS384": lambda: mac(
        _public_pem(), {"alg": "RS384", "kid": "k1"}, assertion_claims()
    ),
    "JWK as the HMAC secret": lambda: mac(
        json.dumps(public(key("RS384"))["keys"][0]).encode(),
        {"alg": "HS256", "kid": "k1"},
        assertion_claims(),
    ),
    "empty secret": lambda: mac(b"", {"alg": "HS256", "kid": "k1"}, assertion_claims()),
    "our own key ring's id": lambda: mac(RING["new"][:1], {"alg": "HS256", "kid": "new"}, assertion_claims()),
    "unknown kid": lambda: signed(key("RS384"), assertion_claims(), kid="k9"),
    "no kid": lambda: signed(key("RS384"), assertion_claims(), kid=None),
    "empty kid": lambda: signed(key("RS384"), assertion_claims(), kid=""),
    "kid a path": lambda: signed(key("RS384"), assertion_claims(), kid="../../../../dev/null"),
    "kid a URL": lambda: signed(key("RS384"), assertion_claims(), kid="http://169.254.169.254/k"),
    "kid of SQL": lambda: signed(key("RS384"), assertion_claims(), kid="k1' OR '1'='1"),
    "kid of a command": lambda: signed(key("RS384"), assertion_claims(), kid="k1|/bin/true"),
    "kid with NUL": lambda: signed(key("RS384"), assertion_claims(), kid="k1\0"),
    "kid of the other key": lambda: signed(key("RS384"), assertion_claims(), kid="k2"),
    "attacker's key": lambda: _embedded(),
    "jwk": lambda: _embedded(jwk=json.dumps(public(key("RS384", "evil"))["keys"][0])),
    "jwk as an object": lambda: _embedded(jwk=public(key("RS384", "evil"))["keys"][0]),
    "jku elsewhere": lambda: _embedded(jku="https://evil.example/jwks"),
    "jku not registered": lambda: signed(key("RS384"), assertion_claims(), jku="https://ehr.example/jwks"),
    "jku to metadata": lambda: _embedded(jku="http://169.254.169.254/latest"),
    "x5u": lambda: _embedded(x5u="https://evil.example/cert"),
    "x5c": lambda: _embedded(x5c=["MIIB"]),
    "crit": lambda: signed(key("RS384"), assertion_claims(), crit=["exp"]),
    "b64": lambda: signed(key("RS384"), assertion_claims(), b64=False),
    "zip": lambda: signed(key("RS384"), assertion_claims(), zip="DEF"),
    "cty": lambda: signed(key("RS384"), assertion_claims(), cty="JWT"),
    "typ of an access token": lambda: signed(key("RS384"), assertion_claims(), typ="at+jwt"),
    "changed claims": lambda: ".".join(
        [good().split(".")[0], part(assertion_claims(jti="j-2")), good().split(".")[2]]
    ),
    "cut signature": lambda: good()[:-8],
    "zero signature": lambda: ".".join(
        [*signed(key("ES384", "k2"), assertion_claims()).split(".")[:2], part(bytes(96))]
    ),
    "expired": lambda: good(exp=NOW - 31),
    "exp +6 min (F33)": lambda: good(exp=NOW + 360),
    "no exp": lambda: good(exp=None),
    "exp a text": lambda: good(exp="9999999999"),
    "exp true": lambda: good(exp=True),
    "exp null": lambda: signed(key("RS384"), {**assertion_claims(), "exp": None}),
    "exp NaN": lambda: good(exp=float("nan")),
    "exp infinite": lambda: good(exp=float("inf")),
    "exp 1e999": lambda: signed(
        key("RS384"), json.dumps(assertion_claims(exp=7)).replace(" 7", " 1e999").encode()
    ),
    "exp huge": lambda: good(exp=10**4000),
    "exp endless": lambda: signed(
        key("RS384"), json.dumps(assertion_claims(exp=7)).replace(" 7", " " + "9" * 5000).encode()
    ),
    "exp negative": lambda: good(exp=-1),
    "nbf ahead": lambda: good(nbf=NOW + 31),
    "nbf a text": lambda: good(nbf="soon"),
    "iat ahead": lambda: good(iat=NOW + 31),
    "iss unknown": lambda: good(iss="nobody", sub="nobody"),
    "iss a list": lambda: good(iss=["ehr"]),
    "iss empty": lambda: good(iss=""),
    "no iss": lambda: good(iss=None),
    "iss of another client": lambda: good(iss="web", sub="web"),
    "iss of a client without keys": lambda: good(iss="ward", sub="ward"),
    "sub of another": lambda: good(sub="web"),
    "no sub": lambda: good(sub=None),
    "aud of another server": lambda: good(aud="https://other.example/auth/token"),
    "aud without the path": lambda: good(aud=BASE),
    "aud with a slash": lambda: good(aud=TOKEN_URL + "/"),
    "aud in capitals": lambda: good(aud=TOKEN_URL.upper()),
    "aud a list": lambda: good(aud=[TOKEN_URL]),
    "aud a list of two": lambda: good(aud=[TOKEN_URL, "https://other.example"]),
    "no aud": lambda: good(aud=None),
    "no jti": lambda: good(jti=None),
    "jti a number": lambda: good(jti=7),
    "jti empty": lambda: good(jti=""),
    "jti too long": lambda: good(jti="x" * 1025),
}
"""T22: assertions that prove nothing."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_t22_an_assertion_that_proves_nothing_is_an_invalid_client(attack: str) -> None:
    web = Web(jwks=public(key("RS384", "evil")))
    token = ATTACKS[attack]()
    answer = (400, {"error": "invalid_request"}) if attack == "1 MiB" else (401, {"error": "invalid_client"})
    with costing_less_than(1):
        assert access(web=web).token_response(form(token), None, NOW) == answer
    if attack != "iss of another client":  # this one's keys are where we may ask
        assert not web.asked


@pytest.mark.parametrize("attack", ATTACKS)
def test_t22_no_assertion_is_an_access_token(attack: str) -> None:
    web = Web(keys=public(key("RS384", "evil")))
    with pytest.raises(Rejected) as caught:
        access(web=web).authenticate(bearer(ATTACKS[attack]()), None, NOW)
    assert caught.value.status == 401
    assert not web.asked


def test_f33_an_assertion_is_used_once(first_use: FirstUse) -> None:
    keeper, token = access(first_use), good(jti="once")
    assert keeper.token_response(form(token), None, NOW)[0] == 200
    assert keeper.token_response(form(token), None, NOW + 1) == (401, {"error": "invalid_client"})
    other = signed(key("ES384", "k2"), assertion_claims(jti="once"))  # said anew
    assert keeper.token_response(form(other), None, NOW + 1)[0] == 401


def test_f33_t22_a_replay_after_a_restart_or_at_another_worker(tmp_path: Path) -> None:
    token, statuses = good(), []
    for _ in range(2):
        store = open_store(f"sqlite:///{tmp_path}/wardline.db", KeyRing({"first": bytes(32)}))
        statuses.append(access(store.first_use).token_response(form(token), None, NOW)[0])
        store.close()
    assert statuses == [200, 401]


def test_f33_of_many_replays_at_once_one_is_granted(first_use: FirstUse) -> None:
    body = form(good())
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(access(first_use).token_response, body, None, NOW) for _ in range(16)]
        statuses = [one.result()[0] for one in asked]
    assert sorted(statuses) == [200] + [401] * 15


def test_f33_a_replay_at_the_last_moment(first_use: FirstUse) -> None:
    keeper, token = access(first_use), good(exp=NOW + 300)
    assert keeper.token_response(form(token), None, NOW)[0] == 200
    for late in (299, 329.9, 330, 331):
        assert keeper.token_response(form(token), None, NOW + late)[0] == 401


def test_the_same_jti_of_two_clients(first_use: FirstUse) -> None:
    keeper = access(first_use)
    assert keeper.token_response(form(good(jti="ours")), None, NOW)[0] == 200
    other = signed(key("ES384", "k2"), assertion_claims(iss="both", sub="both", jti="ours"))
    assert keeper.token_response(form(other), certificate("both.example"), NOW)[0] == 200


def test_what_cannot_be_remembered_is_not_granted() -> None:
    def away(*_: object) -> bool:
        raise Unavailable("no store")

    with pytest.raises(Unavailable):
        access(first_use=away).token_response(form(good()), None, NOW)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "invalid_request"),
        (b"scope=system/Task.r", "invalid_request"),
        (b"\xff\xfe", "invalid_request"),
        (b"grant_type=%ff", "invalid_request"),
        (b"grant_type", "invalid_request"),
        (form(good()) + b"&scope=system%2FTask.r", "invalid_request"),
        (form(good()) + b"&a=" + b"x" * 16384, "invalid_request"),
        (b"&".join([form(good()), *(b"a%d=1" % n for n in range(40))]), "invalid_request"),
        (form(good(), grant_type="password"), "unsupported_grant_type"),
        (form(good(), grant_type="authorization_code"), "unsupported_grant_type"),
        (form(good(), None), "invalid_scope"),
        (form(good(), ""), "invalid_scope"),
        (form(good(), "system/SupplyRequest.dus"), "invalid_scope"),
        (form(good(), "system/SupplyRequest.r  system/Task.r"), "invalid_scope"),
        (form(good(), "system/Patient.r"), "invalid_scope"),
        (form(good(), "patient/SupplyRequest.r openid"), "invalid_scope"),
        (form(good(), client_assertion_type=None), "invalid_client"),
        (
            form(good(), client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"),
            "invalid_client",
        ),
        (form(good(), client_id="web"), "invalid_client"),
        (
            b"grant_type=client_credentials&client_id=ehr&client_secret=x&scope=system%2FTask.r",
            "invalid_client",
        ),
    ],
)
def test_requests_that_are_refused(first_use: FirstUse, body: bytes, error: str) -> None:
    status, answer = access(first_use).token_response(body, None, NOW)
    assert answer == {"error": error}
    assert status == (401 if error == "invalid_client" else 400)


def test_a_client_id_beside_the_assertion_may_say_the_same(first_use: FirstUse) -> None:
    assert access(first_use).token_response(form(good(), client_id="ehr"), None, NOW)[0] == 200


@pytest.mark.parametrize(
    ("peer", "status"),
    [(None, 401), (certificate("other.example"), 401), (certificate("both.example"), 200)],
)
def test_a_client_with_a_certificate_must_show_it(
    first_use: FirstUse, peer: Certificate | None, status: int
) -> None:
    token = signed(key("ES384", "k2"), assertion_claims(iss="both", sub="both"))
    assert access(first_use).token_response(form(token), peer, NOW)[0] == status


def test_published_keys_are_fetched_from_where_the_client_registered_them(first_use: FirstUse) -> None:
    web = Web(jwks=public(key("RS384")))
    token = signed(key("RS384"), assertion_claims(iss="web", sub="web"), jku="https://ehr.example/jwks")
    assert access(first_use, web=web).token_response(form(token), None, NOW)[0] == 200
    assert web.asked == ["https://ehr.example/jwks"]


def test_f33_a_jku_elsewhere_is_refused_before_anything_is_fetched() -> None:
    web = Web(jwks=public(key("RS384")))
    token = signed(key("RS384"), assertion_claims(iss="web", sub="web"), jku="https://evil.example/jwks")
    assert access(web=web).token_response(form(token), None, NOW)[0] == 401
    assert not web.asked


@pytest.mark.parametrize(
    "published",
    [None, b"<html>", b"[" * 9000, {"keys": []}, {"keys": [{"kty": "oct", "k": "AA"}]}, b" " * 70000],
)
def test_published_keys_that_cannot_be_had(first_use: FirstUse, published: Any) -> None:
    token = signed(key("RS384"), assertion_claims(iss="web", sub="web"))
    assert access(Web(jwks=published)).token_response(form(token), None, NOW)[0] == 401


def test_the_configuration_says_what_there_is() -> None:
    said = access().smart_configuration()
    assert said["token_endpoint"] == TOKEN_URL
    assert said["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    assert said["token_endpoint_auth_signing_alg_values_supported"] == ["RS384", "ES384"]
    assert said["grant_types_supported"] == ["client_credentials"]
    assert {"client-confidential-asymmetric", "permission-v2"} <= set(said["capabilities"])
    assert "system/SupplyRequest.cruds" in said["scopes_supported"]


PIECES = st.sampled_from(
    [*form(good()).split(b"&"), b"&", b"=", b"%", b"%00", b"+", b"scope=", b"client_assertion="]
)
_KEEPER = access(lambda *_: True)


@given(st.lists(PIECES | st.binary(max_size=12), max_size=8).map(b"&".join))
def test_whatever_is_posted_is_answered_in_oauth_s_words(body: bytes) -> None:
    status, answer = _KEEPER.token_response(body, None, NOW)
    assert (status, sorted(answer)) in (
        (200, ["access_token", "expires_in", "scope", "token_type"]),
        (400, ["error"]),
        (401, ["error"]),
    )
