"""Bodies that tests of the FHIR door send, and how they read what comes back."""

from __future__ import annotations

import uuid
from typing import Any

import httpx


def s1(value: str = "", **more: Any) -> dict[str, Any]:
    """S1 of the specification, with an identifier of its own."""
    return {
        "resourceType": "SupplyRequest",
        "status": "active",
        "identifier": [{"system": "urn:o", "value": value or uuid.uuid4().hex}],
        "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100"}]},
        "quantity": {"value": 2},
        "deliverTo": {"reference": "Location/OR1"},
        **more,
    }


def charge(**more: Any) -> dict[str, Any]:
    """A ChargeItem of R4."""
    return {
        "resourceType": "ChargeItem",
        "status": "billable",
        "code": {"coding": [{"system": "urn:c", "code": "C1"}]},
        "subject": {"reference": "Patient/1"},
        **more,
    }


def delivery(**more: Any) -> dict[str, Any]:
    """A SupplyDelivery of R4."""
    item = {"itemCodeableConcept": {"coding": [{"code": "G100"}]}, "quantity": {"value": 1}}
    return {"resourceType": "SupplyDelivery", "status": "completed", "suppliedItem": item, **more}


def entry(method: str, url: str, resource: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An entry of a batch or transaction; `full_url` is its fullUrl, the rest goes into the request."""
    found: dict[str, Any] = {}
    if "full_url" in more:
        found["fullUrl"] = more.pop("full_url")
    if resource is not None:
        found["resource"] = resource
    return {**found, "request": {"method": method, "url": url, **more}}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    """A Bundle."""
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def outcome(response: httpx.Response) -> dict[str, Any]:
    """The first issue of an OperationOutcome."""
    body = response.json()
    assert body["resourceType"] == "OperationOutcome"
    return dict(body["issue"][0])
