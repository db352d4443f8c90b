"""Against the models' own validation: nothing that fhir.resources refuses is accepted here. What is refused
here only is what they are known to let pass."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from fhir.resources import get_fhir_model_class as r5
from fhir.resources.R4B import get_fhir_model_class as r4b
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from engine.errors import Unacceptable
from engine.fhir.issues import Code
from engine.fhir.json_text import dump, load
from engine.fhir.models import known
from engine.fhir.outcome import operation_outcome
from engine.fhir.releases import Release
from engine.fhir.validation import check
from tests.fhir.fhir_corpus import files, needs_corpus, resources
from tests.fhir.test_fhir_validation import CHARGE, R5, S1

RICH: dict[str, Any] = S1 | {
    "id": "a",
    "meta": {"tag": [{"system": "urn:t", "code": "t"}], "lastUpdated": "2026-11-22T10:00:00.000Z"},
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "contained": [
        {"resourceType": "Patient", "id": "p", "name": [{"family": "Doe"}], "birthDate": "1970-01-01"}
    ],
    "deliverTo": {"reference": "#p", "display": "Jane"},
    "extension": [{"url": "urn:x", "valueQuantity": {"value": 1}}],
    "parameter": [{"code": {"text": "x"}, "valueBoolean": True}],
    "occurrenceTiming": {"repeat": {"frequency": 1, "period": 1.5, "periodUnit": "d"}},
    "supplier": [{"reference": "Organization/1"}],
    "_status": {"extension": [{"url": "urn:y", "valueCode": "z"}]},
}
DELIVERY = {
    "resourceType": "SupplyDelivery",
    "status": "completed",
    "basedOn": [{"reference": "SupplyRequest/1"}],
    "suppliedItem": {"quantity": {"value": 1}, "itemCodeableConcept": {"coding": [{"code": "x"}]}},
    "occurrencePeriod": {"start": "2026-11-22", "end": "2026-11-23"},
}
SEEDS: list[tuple[Release, dict[str, Any]]] = [("R4", RICH), ("R5", R5), ("R4", CHARGE), ("R4", DELIVERY)]


def _refuses(resource: dict[str, Any], release: Release) -> bool:
    """Does the model refuse it? Anything but its own error is a refusal too."""
    model = (r5 if release == "R5" else r4b)(resource["resourceType"])
    try:
        model.model_validate(json.loads(dump(resource)))
    except ValidationError:
        return True
    except Exception:
        return True
    return False


@pytest.mark.corpus
@needs_corpus
def test_nothing_is_accepted_that_the_models_refuse() -> None:
    count = 0
    for name, body in files(".json", b'"resourceType"'):
        if len(body) > 8_000:
            continue
        try:
            parts = list(resources(load(body)))
        except Unacceptable:
            continue
        for part in parts:
            type_ = part["resourceType"]
            if type_ in ("Bundle", "Parameters") or not known("R4", type_) or check(part, "R4"):
                continue
            assert not _refuses(part, "R4"), name
            count += 1
    assert count > 300


WORDS = """
    resourceType status id value code system quantity item itemReference extension url _status contained
    reference identifier active 2026-11-22 2026-11-22T10:00:00Z Patient/1 #p #q Device urn:x SupplyRequest
    valueString 1.10
"""
_words = st.sampled_from(WORDS.split())
_junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | _words | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(_words | st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=5,
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for name, item in inner for place in _places(item, (*at, name)))]


@st.composite
def _spoilt(draw: st.DrawFn) -> tuple[Release, dict[str, Any]]:
    """A right resource with one to three things changed, taken away or put in."""
    release, seed = draw(st.sampled_from(SEEDS))
    made: dict[str, Any] = json.loads(json.dumps(seed))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(made)[1:]))
        around: Any = made
        for step in place[:-1]:
            around = around[step]
        action = draw(st.sampled_from(["change", "drop", "add"]))
        if action == "change":
            around[place[-1]] = draw(_junk)
        elif action == "drop":
            del around[place[-1]]
        elif isinstance(around, dict):
            around[draw(_words)] = draw(_junk)
    return release, made


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(_spoilt())
def test_spoilt_resources(case: tuple[Release, dict[str, Any]]) -> None:
    """Whatever is sent: findings in known words, nothing of what was sent in them, and what has none is
    good for the models as well."""
    release, spoilt = case
    resource = load(json.dumps(spoilt).encode())
    found = check(resource, release)
    said = json.dumps(operation_outcome(found))
    assert "Jane" not in said
    assert "Doe" not in said
    assert all(issue.code in get_args(Code) for issue in found)
    if not found:
        assert not _refuses(resource, release)


_SECRET = "Zaphod-Beeblebrox"


@settings(max_examples=150)
@given(_spoilt(), st.data())
def test_f54_a_secret_anywhere_stays_one(case: tuple[Release, dict[str, Any]], data: st.DataObject) -> None:
    release, spoilt = case
    for _ in range(3):
        place = data.draw(st.sampled_from(_places(spoilt) or [()]))
        around: Any = spoilt
        for step in place[:-1]:
            around = around[step]
        if place:
            around[place[-1]] = _SECRET
        if isinstance(around, dict) and data.draw(st.booleans()):
            around[_SECRET] = around.get("value", _SECRET)
    assert _SECRET not in json.dumps(operation_outcome(check(spoilt, release)))
