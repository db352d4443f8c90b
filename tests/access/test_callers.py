"""Who sends a request: access tokens of ours and of others, certificates, static keys; F30 and T22."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from access.access_kit import (
    BASE,
    ISSUER,
    NOW,
    RING,
    STATIC,
    Web,
    access,
    assertion_claims,
    bearer,
    certificate,
    clients,
    foreign_claims,
    form,
    key,
    mac,
    part,
    public,
    signed,
)
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE

from engine.access import Access, Caller, Certificate, Clients, Scopes, static_keys
from engine.access.assertions import FirstUse
from engine.errors import Misconfigured
from engine.fhir.issues import Rejected

OWN = {"alg": "HS256", "typ": "at+jwt", "kid": "new"}


def own_claims(**changes: Any) -> dict[str, Any]:
    """What one of our access tokens says."""
    claims = {
        "iss": BASE,
        "sub": "ehr",
        "aud": BASE,
        "exp": NOW + 300,
        "iat": NOW,
        "jti": "t",
        "scope": "system/SupplyRequest.cr",
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not None}


def own(**changes: Any) -> str:
    """An access token as we sign it."""
    return mac(RING["new"], OWN, own_claims(**changes))


def foreign(**changes: Any) -> str:
    """An access token of the issuer."""
    return signed(key("ES384", "i1"), foreign_claims(**changes))


def issuer_web() -> Web:
    return Web(keys=public(key("ES384", "i1"), key("RS384", "i2"), key("ES256", "i3")))


def granted(keeper: Access, peer: Certificate | None = None) -> str:
    """A token from the endpoint."""
    status, answer = keeper.token_response(form(signed(key("RS384"), assertion_claims())), peer, NOW)
    assert status == 200
    return str(answer["access_token"])


def refused(
    keeper: Access, headers: dict[str, str], peer: Certificate | None = None, now: float = NOW
) -> Rejected:
    with pytest.raises(Rejected) as caught:
        keeper.authenticate(headers, peer, now)
    assert caught.value.status == 401
    (name, challenge), *more = caught.value.headers
    assert (name, more) == ("WWW-Authenticate", [])
    assert challenge.startswith('Bearer realm="fhir"')
    return caught.value


def test_a_token_works_for_five_minutes_and_is_known_from_the_second_time_on(first_use: FirstUse) -> None:
    keeper = access(first_use)
    token = granted(keeper)
    assert keeper.known(bearer(token), None, NOW) is None
    caller = keeper.authenticate(bearer(token), None, NOW)
    assert keeper.known(bearer(token), None, NOW + 299) == caller
    assert keeper.known({"authorization": f"bEARER {token}"}, None, NOW) == caller
    issue = refused(keeper, bearer(token), now=NOW + 300).issues[0]
    assert (issue.code, issue.text) == ("expired", "the token has expired")


def test_a_token_outlives_a_restart_and_a_rotation_of_the_key_ring(first_use: FirstUse) -> None:
    token = granted(access(first_use))
    assert access().authenticate(bearer(token), None, NOW).id == "ehr"
    rotated = {"newer": b"x" * 32, **RING}
    assert access(keys=rotated).authenticate(bearer(token), None, NOW).id == "ehr"
    refused(access(keys={"newer": b"x" * 32}), bearer(token))


def test_a_token_of_a_client_that_is_gone_or_may_less_now(first_use: FirstUse) -> None:
    token = granted(access(first_use))
    fewer = {id_: one for id_, one in clients().clients.items() if id_ != "ehr"}
    refused(access(clients=Clients(fewer, {})), bearer(token))
    less = msgspec.structs.replace(clients().clients["ehr"], scopes=Scopes.of(["system/SupplyRequest.r"]))
    caller = access(clients=Clients({"ehr": less}, {}), static={}).authenticate(bearer(token), None, NOW)
    assert caller.may("SupplyRequest", "read")
    assert not caller.may("SupplyRequest", "create")


def test_f30_no_token() -> None:
    refusal = refused(access(), {})
    assert refusal.issues[0].code == "login"
    assert refusal.headers == (("WWW-Authenticate", 'Bearer realm="fhir"'),)


@pytest.mark.parametrize(
    "text", ["", "Bearer", "Bearer ", "Basic ZWhyOng=", "Digest x", "Bearer\tx", "token x"]
)
def test_f30_other_words_than_bearer(text: str) -> None:
    refused(access(), {"authorization": text})


def _public_pem() -> bytes:
    return key("ES384", "i1").as_pem(private=False)


ATTACKS: dict[str, Callable[[], str]] = {
    "garbage": lambda: "garbage",
    "two tokens": lambda: f"{own()} {own()}",
    "not ASCII": lambda: own() + "é",
    "1 MiB": lambda: "a" * 1_048_576,
    "ours, expired": lambda: own(exp=NOW),
    "ours, ends too late": lambda: own(exp=NOW + 3600),
    "ours, no end": lambda: own(exp=None),
    "ours, not yet": lambda: own(nbf=NOW + 60),
    "ours, wrong aud": lambda: own(aud="https://other.example"),
    "ours, aud a list": lambda: own(aud=[BASE]),
    "ours, no aud": lambda: own(aud=None),
    "ours, wrong iss": lambda: own(iss="https://other.example"),
    "ours, unknown client": lambda: own(sub="nobody"),
    "ours, client without keys": lambda: own(sub="lab"),
    "ours, no client": lambda: own(sub=None),
    "ours, no scope": lambda: own(scope=None),
    "ours, bad scope": lambda: own(scope="system/SupplyRequest.dus"),
    "ours, scope a list": lambda: own(scope=["system/SupplyRequest.c"]),
    "ours, bound to what nobody knows": lambda: own(cnf={"jkt": "x"}),
    "ours, bound to two": lambda: own(cnf={"x5t#S256": "x", "jkt": "y"}),
    "ours, bound to nothing": lambda: own(cnf={}),
    "ours, bound to a number": lambda: own(cnf={"x5t#S256": 7}),
    "ours, bound to a text": lambda: own(cnf="x"),
    "ours, bound elsewhere": lambda: own(cnf={"x5t#S256": certificate(digest="cd" * 32).thumbprint}),
    "ours, typ JWT": lambda: mac(RING["new"], {**OWN, "typ": "JWT"}, own_claims()),
    "ours, no typ": lambda: mac(RING["new"], {"alg": "HS256", "kid": "new"}, own_claims()),
    "ours, unknown kid": lambda: mac(RING["new"], {**OWN, "kid": "newest"}, own_claims()),
    "ours, no kid": lambda: mac(RING["new"], {"alg": "HS256", "typ": "at+jwt"}, own_claims()),
    "ours, the other key": lambda: mac(RING["old"], OWN, own_claims()),
    "ours, another server's key": lambda: mac(b"z" * 32, OWN, own_claims()),
    "ours, empty key": lambda: mac(b"", OWN, own_claims()),
    "ours, alg none": lambda: f"{part({**OWN, 'alg': 'none'})}.{part(own_claims())}.AAAA",
    "ours, alg HS512": lambda: mac(RING["new"], {**OWN, "alg": "HS512"}, own_claims()),
    "ours, changed": lambda: ".".join(
        [own().split(".")[0], part(own_claims(sub="web")), own().split(".")[2]]
    ),
    "ours, crit": lambda: mac(RING["new"], {**OWN, "crit": "exp"}, own_claims()),
    "HS256 with the issuer's public key": lambda: mac(
        _public_pem(), {"alg": "HS256", "kid": "i1"}, foreign_claims()
    ),
    "HS256, our typ, with the issuer's public key": lambda: mac(_public_pem(), OWN, own_claims()),
    "its, alg none": lambda: f"{part({'alg': 'none', 'kid': 'i1'})}.{part(foreign_claims())}.AAAA",
    "its, alg RS384 with the other key": lambda: signed(key("RS384", "i1"), foreign_claims()),
    "its, alg not agreed": lambda: signed(key("ES256", "i3"), foreign_claims(), alg="ES256"),
    "its, unknown kid": lambda: signed(key("ES384", "i1"), foreign_claims(), kid="i9"),
    "its, no kid": lambda: signed(key("ES384", "i1"), foreign_claims(), kid=None),
    "its, forged": lambda: signed(key("ES384", "evil"), foreign_claims(), kid="i1"),
    "its, with a jku": lambda: signed(
        key("ES384", "evil"), foreign_claims(), jku="https://evil.example/jwks"
    ),
    "its, with a jwk": lambda: signed(key("ES384", "evil"), foreign_claims(), jwk={"kty": "EC"}),
    "its, with an x5c": lambda: signed(key("ES384", "evil"), foreign_claims(), x5c=["MIIB"]),
    "its, an ID token": lambda: signed(key("ES384", "i1"), foreign_claims(aud="lab")),
    "its, a logout token": lambda: signed(key("ES384", "i1"), foreign_claims(), typ="logout+jwt"),
    "its, wrong aud": lambda: foreign(aud="other"),
    "its, aud a list of two": lambda: foreign(aud=["wardline", "account"]),
    "its, no aud": lambda: foreign(aud=None),
    "its, wrong iss": lambda: foreign(iss="https://login.evil.example"),
    "its, iss a list": lambda: foreign(iss=[ISSUER]),
    "its, no iss": lambda: foreign(iss=None),
    "its, expired": lambda: foreign(exp=NOW - 31),
    "its, no end": lambda: foreign(exp=None),
    "its, ends next year": lambda: foreign(exp=NOW + 31_536_000),
    "its, not yet": lambda: foreign(nbf=NOW + 60),
    "its, unknown client": lambda: foreign(azp="nobody"),
    "its, our own client": lambda: foreign(azp="ehr"),
    "its, no client": lambda: foreign(azp=None),
    "its, client_id and azp differ": lambda: foreign(client_id="nobody"),
    "its, no scope": lambda: foreign(scope=None),
    "an assertion": lambda: signed(key("RS384"), assertion_claims()),
}
"""F30 and T22: access tokens that prove nothing."""


@pytest.mark.parametrize("attack", ATTACKS)
def test_f30_t22_a_token_that_proves_nothing(attack: str) -> None:
    keeper = access(web=issuer_web())
    token = ATTACKS[attack]()
    refusal = refused(keeper, bearer(token), certificate("ab.example"))
    refused(keeper, bearer(token))  # and again: a refusal is not remembered as anything else
    told = "".join(issue.text for issue in refusal.issues) + refusal.headers[0][1]
    assert not any(word in told for word in ("ehr", "nobody", "evil", "example", "wardline"))


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (own(exp=NOW - 1), "expired"),
        (foreign(exp=NOW - 60), "expired"),
        (signed(key("ES384", "i1"), foreign_claims(), kid="i9"), "unknown"),
        (own(aud="x"), "security"),
        ("garbage", "security"),
    ],
)
def test_the_outcome_says_which_kind_it_is(token: str, code: str) -> None:
    assert refused(access(web=issuer_web()), bearer(token)).issues[0].code == code


@pytest.mark.parametrize(
    "claims",
    [{}, {"aud": ["wardline"]}, {"client_id": "lab", "azp": None}, {"exp": NOW + 3600}, {"nbf": NOW}],
)
def test_a_token_of_the_issuer(claims: dict[str, Any]) -> None:
    keeper = access(web=issuer_web())
    caller = keeper.authenticate(bearer(foreign(**claims)), None, NOW)
    assert caller.id == "lab"
    assert caller.may("ChargeItem", "create")
    assert not caller.may("SupplyRequest", "create")
    assert not caller.may("ChargeItem", "delete")


def test_a_token_of_the_issuer_is_verified_again_after_five_minutes() -> None:
    web = issuer_web()
    keeper, token = access(web=web), bearer(foreign(exp=NOW + 3600))
    keeper.authenticate(token, None, NOW)
    assert keeper.known(token, None, NOW + 299)
    assert keeper.known(token, None, NOW + 300) is None
    web.sets["keys"] = public(key("RS384", "i2"))  # the key was withdrawn
    refused(keeper, token, now=NOW + 300)


def test_a_token_over_mutual_tls_works_with_that_certificate_only(first_use: FirstUse) -> None:
    keeper, peer = access(first_use), certificate("any.example")
    token = bearer(granted(keeper, peer))
    assert keeper.authenticate(token, peer, NOW).id == "ehr"
    assert keeper.known(token, peer, NOW)
    for other in (None, certificate("any.example", digest="cd" * 32)):
        refused(keeper, token, other)
        refused(access(), token, other)


def test_a_client_with_keys_and_a_certificate_needs_both() -> None:
    keeper, peer = access(), certificate("both.example")
    token = bearer(own(sub="both"))
    assert keeper.authenticate(token, peer, NOW).id == "both"
    refused(keeper, token)
    refused(keeper, token, certificate("ehr.example"))
    refused(keeper, {}, peer)


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (certificate("ward.example", "more.example"), "ward"),
        (certificate("other.example", digest="cd" * 32), "ward"),
        (certificate("pump.example"), "pump"),
        (certificate("ward.example", digest="cd" * 32), "ward"),
        (certificate("other.example"), None),
        (certificate("both.example"), None),
        (certificate("ward.example", "pump.example"), None),
        (certificate(), None),
        (None, None),
    ],
)
def test_a_certificate_alone_is_enough_for_a_client_that_has_nothing_else(
    peer: Certificate | None, client: str | None
) -> None:
    keeper = access()
    if client is None:
        refused(keeper, {}, peer)
    else:
        caller = keeper.known({}, peer, NOW)
        assert caller == Caller(client, Scopes.of(["system/Task.r"]))


def test_a_certificate_does_not_mend_a_bad_token() -> None:
    refused(access(), bearer("garbage"), certificate("ward.example"))


def test_a_static_key() -> None:
    keeper = access()
    caller = keeper.known(bearer(STATIC), None, NOW)
    assert caller is not None
    assert (caller.id, caller.rate) == ("dev", 5.0)
    for wrong in (STATIC[:-1], STATIC + "0", STATIC.upper()):
        refused(keeper, bearer(wrong))


def test_static_keys_come_from_the_environment_where_they_are_allowed() -> None:
    assert static_keys(clients(), {"DEV_KEY": STATIC}, allowed=True) == {"dev": STATIC}
    with pytest.raises(Misconfigured, match="WARDLINE_DEV_KEYS"):
        static_keys(clients(), {"DEV_KEY": STATIC}, allowed=False)
    for bad in ("", "short", STATIC + " x", STATIC + "\n", "ä" * 40):
        with pytest.raises(Misconfigured, match="DEV_KEY"):
            static_keys(clients(), {"DEV_KEY": bad}, allowed=True)
    twin = msgspec.structs.replace(clients().clients["dev"], id="twin")
    with pytest.raises(Misconfigured, match="same static key"):
        static_keys(Clients({"twin": twin, **clients().clients}, {}), {"DEV_KEY": STATIC}, allowed=True)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.access.bearer.REMEMBERED", 3)
    keeper = access()
    tokens = [bearer(own(jti=str(number))) for number in range(5)]
    for token in tokens:
        keeper.authenticate(token, None, NOW)
    assert [keeper.known(token, None, NOW) is not None for token in tokens] == [
        False,
        False,
        True,
        True,
        True,
    ]


def test_a_token_seen_before_costs_next_to_nothing() -> None:
    keeper, token = access(), bearer(own())
    keeper.authenticate(token, None, NOW)

    def seconds() -> float:
        began = time.thread_time()
        for _ in range(200):
            keeper.authenticate(token, None, NOW)
        return (time.thread_time() - began) / 200

    assert min(seconds() for _ in range(5)) < PATIENCE * 100e-6


PIECES = st.sampled_from(
    [*own().split("."), *foreign().split("."), "", ".", "..", "e30", "W10", "=", "\0", "Bearer "]
)
_KEEPER = access(web=issuer_web())


def _judged(token: str) -> str | int:
    try:
        _KEEPER.authenticate(bearer(token), None, NOW)
    except Rejected as refusal:
        return refusal.status
    return "caller"


@given(
    st.lists(PIECES | st.text(max_size=20), max_size=6).map(".".join) | st.binary(max_size=60).map(bytes.hex)
)
def test_t22_whatever_comes_as_a_token_is_a_caller_or_a_refusal(text: str) -> None:
    assert _judged(text) in ("caller", 401)


@given(st.integers(0, len(foreign()) - 1), st.integers(1, 255), st.booleans())
def test_t22_no_changed_byte_of_a_token_goes_unseen(at: int, bits: int, of_ours: bool) -> None:
    token = own() if of_ours else foreign()
    at %= len(token)
    changed = token[:at] + chr(ord(token[at]) ^ bits) + token[at + 1 :]
    refused(_KEEPER, bearer(changed))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
CLAIMS = st.dictionaries(
    st.sampled_from(sorted({*own_claims(), *foreign_claims(), "cnf", "nbf"})), JSON, max_size=4
)


@given(CLAIMS, st.booleans())
def test_t22_whatever_a_signed_token_says_is_a_caller_or_a_refusal(
    claims: dict[str, Any], of_ours: bool
) -> None:
    token = (
        mac(RING["new"], OWN, {**own_claims(), **claims})
        if of_ours
        else signed(key("ES384", "i1"), {**foreign_claims(), **claims})
    )
    assert _judged(token) in ("caller", 401)
