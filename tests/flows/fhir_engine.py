"""The real engine with the shipped FHIR channels on a free port, as a hospital would run it, and its clients.

    engine = FhirEngine(folder).start("loud")
    with engine.client() as client:                 # httpx, for a release, with a static key
        client.post("/SupplyRequest", json=wanted())

`ward` may do everything, `slow` a few requests a second; `narrow` has a scope for charge items alone;
`ehr` has a key pair and gets its tokens from the token endpoint (SMART Backend Services).
"""

from __future__ import annotations

import json
import re
import time
import uuid
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from joserfc import jwk, jwt
from odoo_engine import SHIPPED
from running import Engine

__all__ = ["FhirEngine", "billed", "delivered", "outcome_of", "wanted"]

KEYS = {name: f"{name}-0123456789abcdef0123456789abcdef" for name in ("ward", "slow", "narrow")}
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ITEMS, CHARGES = "https://hospital.example/items", "https://hospital.example/charges"


class FhirEngine(Engine):
    """An engine with both shipped channels at one address, and a ledger in place of Odoo. `identifiers` is
    what the channels say of them."""

    def __init__(self, folder: Path, *, identifiers: str = "unique", **options: Any) -> None:
        texts = []
        for name in ("supply-requests", "charge-items"):
            text = (SHIPPED / f"{name}.yaml").read_text()
            text = text.replace("identifiers: unique", f"identifiers: {identifiers}")
            texts.append(re.sub(r"listen: tcp:\d+", "listen: tcp:0\n    rate: 100000", text))
        super().__init__(folder, *texts, settings={"DEV_KEYS": "true"}, **options)
        (self.channels / "tables").mkdir()
        for table in (SHIPPED / "tables").glob("*.csv"):
            self.table(f"tables/{table.name}", table.read_text())
        self.key = jwk.generate_key("EC", "P-384", {"kid": "k1"})
        (self.channels / "fhir").mkdir()
        self.table("fhir/clients.yaml", json.dumps({"clients": self._clients()}))
        self.environment.update({f"{name.upper()}_KEY": key for name, key in KEYS.items()})

    def _clients(self) -> list[dict[str, Any]]:
        public = {**self.key.as_dict(private=False), "kid": "k1"}
        everything = ["system/*.cruds"]
        return [
            {"id": "ward", "key": "env:WARD_KEY", "scopes": everything},
            {"id": "slow", "key": "env:SLOW_KEY", "scopes": everything, "rate": 5},
            {"id": "narrow", "key": "env:NARROW_KEY", "scopes": ["system/ChargeItem.c"]},
            {"id": "ehr", "jwks": {"keys": [public]}, "scopes": everything},
        ]

    @property
    def url(self) -> str:
        """The address of the door."""
        return f"http://127.0.0.1:{self.port()}"

    def client(self, release: str = "R4", who: str = "ward", **headers: str) -> httpx.Client:
        """A client with a static key; paths are those below the release's address."""
        known = {"Authorization": f"Bearer {KEYS[who]}", "Content-Type": "application/fhir+json", **headers}
        return httpx.Client(base_url=f"{self.url}/fhir/{release}", headers=known, timeout=30, trust_env=False)

    def token(self, scope: str = "system/*.cruds") -> str:
        """An access token for `ehr`, as any backend service would get it."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            where = client.get(f"{self.url}/fhir/R4/.well-known/smart-configuration").json()["token_endpoint"]
            claims = {
                "iss": "ehr",
                "sub": "ehr",
                "aud": where,
                "exp": int(time.time()) + 240,
                "jti": uuid.uuid4().hex,
            }
            signed = jwt.encode(
                {"alg": "ES384", "kid": "k1", "typ": "JWT"}, claims, self.key, algorithms=["ES384"]
            )
            form = {
                "grant_type": "client_credentials", "scope": scope,
                "client_assertion_type": ASSERTION, "client_assertion": signed,
            }  # fmt: skip
            answer = client.post(where, data=form)
            assert answer.status_code == 200, answer.text
            return str(answer.json()["access_token"])

    def effects(self, kind: str = "") -> list[dict[str, Any]]:
        """What was carried out, when all is done."""
        self.settle()
        found = [line["effect"] for line in self.ledger()]
        return [one for one in found if not kind or one["effect"] == kind]

    @cached_property
    def secrets(self) -> list[str]:
        """What must be in no log."""
        return [*KEYS.values()]


def wanted(value: str = "", **more: Any) -> dict[str, Any]:
    """A SupplyRequest that the shipped channel makes a reservation of; S1 of the specification."""
    return {
        "resourceType": "SupplyRequest",
        "status": "active",
        "identifier": [{"system": "urn:o", "value": value or uuid.uuid4().hex}],
        "itemCodeableConcept": {"coding": [{"system": ITEMS, "code": "SUP-1001"}]},
        "quantity": {"value": 2},
        "deliverTo": {"reference": "Location/ICU"},
        **more,
    }


def billed(**more: Any) -> dict[str, Any]:
    """A ChargeItem of R4 that is billable."""
    return {
        "resourceType": "ChargeItem",
        "status": "billable",
        "code": {"coding": [{"system": CHARGES, "code": "850001"}]},
        "subject": {"reference": "Patient/7"},
        "quantity": {"value": 1},
        "occurrenceDateTime": "2026-11-20T10:00:00+01:00",
        "context": {"reference": "Encounter/9"},
        **more,
    }


def delivered(request: str, quantity: float = 1, **more: Any) -> dict[str, Any]:
    """A SupplyDelivery that is complete, based on a request."""
    item = {"coding": [{"system": ITEMS, "code": "SUP-1001"}]}
    return {
        "resourceType": "SupplyDelivery",
        "status": "completed",
        "basedOn": [{"reference": f"SupplyRequest/{request}"}],
        "suppliedItem": {"quantity": {"value": quantity}, "itemCodeableConcept": item},
        **more,
    }


def outcome_of(answer: httpx.Response) -> dict[str, Any]:
    """The first issue of an OperationOutcome."""
    said = answer.json()
    assert said["resourceType"] == "OperationOutcome", said
    return dict(said["issue"][0])
