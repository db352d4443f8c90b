"""Who may use the FHIR door, over real sockets with the real keeper (spec: FHIR, F30 to F33; T22)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from access import test_callers, test_token_endpoint
from access.access_kit import (
    BASE,
    NOW,
    TOKEN_URL,
    Web,
    access,
    assertion_claims,
    bearer,
    clients,
    foreign_claims,
    form,
    key,
    public,
    signed,
)
from certificates import Authority, Pair
from fhir_door import Door, open_door
from msgspec.structs import replace

from engine.access import Access, Clients, Scopes
from engine.fhir.audit import audit_event
from engine.listeners.fhir import Tls
from engine.resources import ResourceKey
from engine.store.base import Store

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REQUEST: dict[str, Any] = {
    "resourceType": "SupplyRequest",
    "status": "active",
    "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100"}]},
    "quantity": {"value": 2},
}
WEB = Web(keys=public(key("ES384", "i1")), jwks=public(key("RS384")))


def _keeper(store: Store) -> Access:
    """Everybody of the kit; the client with a certificate besides comes with ours."""
    return access(store.first_use, web=WEB)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("access"), keeper=_keeper, clock=lambda: NOW) as opened:
        yield opened


@pytest.fixture
def client(door: Door) -> Iterator[httpx.Client]:
    """One that has no token."""
    with httpx.Client(base_url=door.url, timeout=20, trust_env=False) as opened:
        yield opened


def _token(client: httpx.Client, scope: str, **claims: Any) -> dict[str, str]:
    """A token for `ehr` from the endpoint, as a header."""
    assertion = signed(key("ES384", "k2"), assertion_claims(**claims))
    answer = client.post("/auth/token", content=form(assertion, scope), headers=FORM)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def test_a_client_gets_a_token_and_writes(door: Door, client: httpx.Client) -> None:
    found = client.get("/fhir/R4/.well-known/smart-configuration").json()
    assert found["token_endpoint"] == TOKEN_URL
    headers = _token(client, "system/SupplyRequest.cr")
    made = client.post("/fhir/R4/SupplyRequest", json=REQUEST, headers=headers)
    assert made.status_code == 201, made.text
    version = door.store.version(ResourceKey("R4", "SupplyRequest", made.json()["id"]), 1)
    assert version is not None
    assert version.client == "ehr"
    assert audit_event(version, "R4", observer="wardline")["agent"][0]["who"]["identifier"]["value"] == "ehr"


def test_F31_a_token_for_another_type(client: httpx.Client) -> None:
    headers = _token(client, "system/ChargeItem.r")
    refused = client.post("/fhir/R4/SupplyRequest", json=REQUEST, headers=headers)
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (403, "forbidden")


def test_F32_a_token_to_read_does_not_search(client: httpx.Client) -> None:
    headers = _token(client, "system/SupplyRequest.r")
    refused = client.get("/fhir/R4/SupplyRequest?status=active", headers=headers)
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (403, "forbidden")


def test_a_conditional_create_needs_the_right_to_search(client: httpx.Client) -> None:
    condition = {"If-None-Exist": "identifier=urn:o|A1"}
    for scope, status in (("system/SupplyRequest.c", 403), ("system/SupplyRequest.cs", 201)):
        headers = {**_token(client, scope), **condition}
        assert client.post("/fhir/R4/SupplyRequest", json=REQUEST, headers=headers).status_code == status


BEARERS = {
    **test_callers.ATTACKS,
    **{f"assertion: {name}": make for name, make in test_token_endpoint.ATTACKS.items()},
}


def test_F30_T22_tokens_that_prove_nothing(client: httpx.Client) -> None:
    before, tried = len(WEB.asked), 0
    for name, make in BEARERS.items():
        token = make()
        if not 0 < len(token) < 60_000 or not token.isascii() or not token.isprintable():
            continue  # not even a header
        answer = client.get("/fhir/R4/SupplyRequest/1", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, name
        assert answer.headers["www-authenticate"].startswith("Bearer "), name
        assert answer.json()["resourceType"] == "OperationOutcome", name
        assert answer.json()["issue"][0]["code"] in ("login", "expired", "unknown", "security"), name
        tried += 1
    assert tried > 140
    assert len(WEB.asked) <= before + 1  # the issuer's own keys, where they were registered


def test_T22_a_token_of_a_mebibyte_is_no_header(client: httpx.Client) -> None:
    answer = client.get("/fhir/R4/SupplyRequest/1", headers={"Authorization": "Bearer " + "a" * 1_048_576})
    assert answer.status_code in (400, 401, 431)
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_F30_without_a_token(client: httpx.Client) -> None:
    answer = client.get("/fhir/R4/SupplyRequest/1")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (401, "login")


def test_a_token_of_the_issuer(client: httpx.Client) -> None:
    headers = bearer(signed(key("ES384", "i1"), foreign_claims(scope="system/SupplyRequest.c")))
    assert client.post("/fhir/R4/SupplyRequest", json=REQUEST, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "token",
    [
        signed(key("RS384"), assertion_claims(exp=NOW + 360)),
        signed(key("RS384"), assertion_claims(), jku="https://evil.example/jwks"),
        signed(key("RS384"), assertion_claims(aud=f"{BASE}/other")),
    ],
)
def test_F33_assertions_that_are_refused(client: httpx.Client, token: str) -> None:
    answer = client.post("/auth/token", content=form(token), headers=FORM)
    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})


def test_F33_T22_assertions_that_prove_nothing(client: httpx.Client) -> None:
    """The whole set at the token endpoint; no server is asked but the one where keys are registered."""
    before = len(WEB.asked)
    attacks = dict(test_token_endpoint.ATTACKS)
    del attacks["iss of another client"]  # which has the same key here
    for name, make in attacks.items():
        answer = client.post("/auth/token", content=form(make()), headers=FORM)
        if answer.status_code == 413:  # larger than any body may be
            assert name == "1 MiB"
            continue
        wanted = (400, "invalid_request"), (401, "invalid_client")
        assert (answer.status_code, answer.json().get("error")) in wanted, (name, answer.text)
        assert answer.headers["cache-control"] == "no-store", name
        assert set(answer.json()) == {"error"}, name
    assert len(attacks) > 60
    assert len(WEB.asked) == before


def test_F33_an_assertion_twice(client: httpx.Client) -> None:
    body = form(signed(key("RS384"), assertion_claims()))
    answers = [client.post("/auth/token", content=body, headers=FORM) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].json() == {"error": "invalid_client"}


def _shown(door: Door, authority: Authority, pair: Pair) -> httpx.Client:
    """A client that shows this certificate."""
    context = ssl.create_default_context(cafile=str(authority.file))
    context.load_cert_chain(pair.certificate, pair.key)
    return httpx.Client(
        base_url=door.url.replace("127.0.0.1", "localhost"), verify=context, timeout=20, trust_env=False
    )


def test_mutual_tls_says_who_it_is_and_binds_tokens(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "hospital")
    ours = authority.issue("server", "localhost")
    ward, other = authority.issue("ward", "ward.example"), authority.issue("other", "other.example")
    tls = Tls(str(ours.certificate), str(ours.key), str(authority.file))

    def keeper(store: Store) -> Access:
        known = clients()
        allowed = Scopes.of(["system/SupplyRequest.c"])
        mine = {**known.clients, "ward": replace(known.clients["ward"], scopes=allowed)}
        return access(store.first_use, clients=Clients(mine, known.issuers))

    with open_door(tmp_path, tls=tls, keeper=keeper, clock=lambda: NOW) as door:
        with _shown(door, authority, ward) as client:
            assert client.post("/fhir/R4/SupplyRequest", json=REQUEST).status_code == 201
            assert client.get("/fhir/R4/SupplyRequest/1").status_code == 403
            token = _token(client, "system/SupplyRequest.r")
            assert client.get("/fhir/R4/SupplyRequest/1", headers=token).status_code == 404
        with _shown(door, authority, other) as client:
            assert client.post("/fhir/R4/SupplyRequest", json=REQUEST).status_code == 401
            assert client.get("/fhir/R4/SupplyRequest/1", headers=token).status_code == 401


def test_a_token_request_is_small(client: httpx.Client) -> None:
    """Nobody knows yet who sends it."""
    assert client.post("/auth/token", content=b"a=" + b"b" * 16382, headers=FORM).status_code == 400
    assert client.post("/auth/token", content=b"a=" + b"b" * 16383, headers=FORM).status_code == 413
    endless = (b"c" * 4096 for _ in range(1000))
    assert client.post("/auth/token", content=endless, headers=FORM).status_code == 413
