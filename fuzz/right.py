"""Resources that are right, full of words that no answer and no log may repeat."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any

from engine.fhir.releases import Release
from fuzz.spoiling import canary

__all__ = ["Node", "resource_of"]

Node = dict[str, Any]


def _request(dice: Random, release: Release) -> Node:
    """A SupplyRequest."""
    code = {
        "coding": [{"system": "https://hospital.example/items", "code": dice.choice(["G100", canary(dice)])}]
    }
    return {
        "resourceType": "SupplyRequest",
        "status": dice.choice(["active", "draft", "cancelled", "completed"]),
        "identifier": [{"system": "urn:o", "value": canary(dice)}],
        **({"item": {"concept": code}} if release == "R5" else {"itemCodeableConcept": code}),
        "quantity": {"value": dice.choice([1, 2, 1.5]), "unit": "box"},
        "occurrenceDateTime": "2026-11-22T10:00:00Z",
        "deliverTo": {"reference": dice.choice(["Location/1", "Patient/1", "#p"]), "display": canary(dice)},
        "requester": {"reference": "#p"},
        "contained": [{"resourceType": "Patient", "id": "p", "name": [{"family": canary(dice)}]}],
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{canary(dice)}</div>',
        },
        "extension": [{"url": f"urn:{canary(dice)}", "valueString": canary(dice)}],
    }


def _charge(dice: Random, release: Release) -> Node:
    price: Node = {
        "priceOverride": {"value": 12.5, "currency": "EUR"},
        "context": {"reference": "Encounter/1"},
    }
    if release == "R5":
        price = {"totalPriceComponent": {"type": "base", "amount": {"value": 12.5, "currency": "EUR"}}}
    return {
        "resourceType": "ChargeItem",
        "status": dice.choice(["planned", "billable", "not-billable", "aborted", "billed"]),
        "code": {"coding": [{"system": "https://hospital.example/charges", "code": "99213"}]},
        "subject": {"identifier": {"system": "urn:p", "value": canary(dice)}, "reference": "Patient/1"},
        "quantity": {"value": 2},
        "occurrenceDateTime": "2026-11-22",
        **price,
    }


def _delivery(dice: Random, release: Release) -> Node:
    item = {"itemCodeableConcept": {"coding": [{"code": "G100"}]}, "quantity": {"value": 1}}
    return {
        "resourceType": "SupplyDelivery",
        "status": dice.choice(["completed", "in-progress", "abandoned"]),
        "basedOn": [{"reference": "SupplyRequest/1"}],
        "patient": {"reference": "Patient/1", "display": canary(dice)},
        "suppliedItem": [item] if release == "R5" else item,
    }


def _context(dice: Random, release: Release) -> Node:
    named = {"identifier": [{"system": "urn:x", "value": canary(dice)}]}
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    return dice.choice(
        [
            {"resourceType": "Location", "status": "active", "name": canary(dice), **named},
            {
                "resourceType": "Patient",
                "name": [{"family": canary(dice)}],
                "birthDate": "1990-01-01",
                **named,
            },
            {
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": [{"coding": [coding]}] if release == "R5" else coding,
                "subject": {"reference": "Patient/1"},
                **named,
            },
        ]
    )


def resource_of(dice: Random, release: Release, samples: Sequence[Node] = ()) -> Node:
    """One of ours, or of the samples of others."""
    if samples and dice.random() < 0.25:
        return deepcopy(dice.choice(samples))
    return dice.choice([_request, _request, _charge, _delivery, _context])(dice, release)
