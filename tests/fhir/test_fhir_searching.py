"""Searches as they are read, and what resources are found by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.dates import bounds
from engine.fhir.indexing import index
from engine.fhir.issues import Rejected
from engine.fhir.parameters import NAMES
from engine.fhir.searching import Context, parse_search, read_condition

SECRET = "JaneDoeXyz"


def _key(value: bytes) -> tuple[bytes, ...]:
    return (sha256(value).digest()[:16],)


CONTEXT = Context("R4", "SupplyRequest", UTC, _key, "http://here/fhir/R4")


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", "2026-01-01T00:00:00+00:00", "2026-12-31T23:59:59.999999+00:00"),
        ("2026-02", "2026-02-01T00:00:00+00:00", "2026-02-28T23:59:59.999999+00:00"),
        ("2026-12", "2026-12-01T00:00:00+00:00", "2026-12-31T23:59:59.999999+00:00"),
        ("2024-02-29", "2024-02-29T00:00:00+00:00", "2024-02-29T23:59:59.999999+00:00"),
        ("2026-03-01T10:00Z", "2026-03-01T10:00:00+00:00", "2026-03-01T10:00:59.999999+00:00"),
        ("2026-03-01T10:00:05+02:00", "2026-03-01T08:00:05+00:00", "2026-03-01T08:00:05.999999+00:00"),
        ("2026-03-01T10:00:05.25Z", "2026-03-01T10:00:05.250000+00:00", "2026-03-01T10:00:05.259999+00:00"),
    ],
)
def test_dates_mean_a_time(text: str, low: str, high: str) -> None:
    found = bounds(text, UTC)
    assert found is not None
    assert [datetime.fromtimestamp(at, UTC) for at in found] == [
        datetime.fromisoformat(low),
        datetime.fromisoformat(high),
    ]


@pytest.mark.parametrize(
    "text", ["", "26", "2026-13", "2026-02-30", "2026-1-1", "10:00", "0000", "2026-01-01T25:00Z"]
)
def test_what_is_no_date(text: str) -> None:
    assert bounds(text, UTC) is None


def test_dates_without_an_offset_are_in_the_zone_of_the_channel() -> None:
    there, here = bounds("2026-06-01", ZoneInfo("Europe/Berlin")), bounds("2026-06-01", UTC)
    assert there is not None
    assert here is not None
    assert here[0] - there[0] == 7200


def _refusal(call: Callable[[], object]) -> Rejected | None:
    """How a call is refused, if it is."""
    try:
        call()
    except Rejected as error:
        return error
    return None


@given(st.text(max_size=30), st.text(max_size=30), st.booleans())
def test_whatever_is_looked_for(name: str, value: str, strict: bool) -> None:
    """A search or a refusal without the value."""
    pairs = [(name, value), ("identifier", SECRET)]
    refused = _refusal(lambda: parse_search(pairs, CONTEXT, strict=strict))
    assert refused is None or (refused.status == 400 and SECRET not in str(refused.issues))


@given(st.sampled_from([*sorted(NAMES), "_lastUpdated"]), st.text(max_size=30))
def test_whatever_value_a_parameter_has(name: str, value: str) -> None:
    """Nothing of it stands in what is looked for, nor in a refusal."""
    pairs = [(name, f"{SECRET}{value}")]
    refused = _refusal(lambda: parse_search(pairs, CONTEXT, strict=False))
    if refused is not None:
        assert SECRET not in str(refused.issues)
        return
    found = parse_search(pairs, CONTEXT, strict=False)
    assert SECRET not in str(found.find)
    assert SECRET not in str(found.ignored)


@pytest.mark.parametrize("pairs", [[], [("_count", "1")], [("_format", "json")]])
def test_a_condition_asks_for_something(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(Rejected) as refused:
        read_condition(pairs, CONTEXT)
    assert refused.value.status == 400


def test_a_condition_of_unknown_words_is_no_condition() -> None:
    with pytest.raises(Rejected) as refused:
        read_condition([("identifier", "a"), ("wibble", "b")], CONTEXT)
    assert refused.value.status == 412


_TOKEN = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=8)


def _escaped(text: str) -> str:
    for character in "\\,|$":
        text = text.replace(character, f"\\{character}")
    return text


@given(system=_TOKEN, value=_TOKEN)
def test_what_is_stored_is_found(system: str, value: str) -> None:
    """By each way of saying it, and by no other value."""
    resource = {
        "resourceType": "SupplyRequest",
        "identifier": [{"system": system, "value": value}],
        "requester": {"reference": "Organization/9/_history/2"},
    }
    terms, spans = index(resource, "R4", UTC, _key)
    assert spans == ()
    both, bare = f"{_escaped(system)}|{_escaped(value)}", _escaped(value)
    for name, text in (
        ("identifier", both), ("identifier", bare), ("identifier", f"{_escaped(system)}|"),
        ("requester", "9"),
        ("requester", "Organization/9"), ("requester:Organization", "9"),
        ("requester", "http://here/fhir/R4/Organization/9"),
    ):  # fmt: skip
        ((digest,),) = parse_search([(name, text)], CONTEXT, strict=True).find.terms
        assert digest in terms, name
    for name, text in (("identifier", f"{both}x"), ("requester", "Device/9"), ("requester", "8")):
        ((digest,),) = parse_search([(name, text)], CONTEXT, strict=True).find.terms
        assert digest not in terms


def test_digests_differ_by_release_type_and_parameter() -> None:
    resource = {"resourceType": "ChargeItem", "identifier": [{"value": "a"}], "status": "a"}
    terms, _ = index(resource, "R4", UTC, _key)
    assert len(set(terms)) == 3  # identifier a, identifier |a, status a
    others, _ = index(resource, "R5", UTC, _key)
    assert not set(terms) & set(others)


def test_persons_are_not_found_by_what_they_are() -> None:
    patient = {
        "resourceType": "Patient",
        "name": [{"family": SECRET}],
        "birthDate": "1980-01-01",
        "address": [{"city": SECRET}],
        "gender": "female",
        "telecom": [{"system": "phone", "value": "1"}],
    }
    assert index(patient, "R4", UTC, _key) == ((), ())


def test_while_the_key_changes_a_value_is_found_by_either() -> None:
    resource = {"resourceType": "SupplyRequest", "identifier": [{"value": "a"}]}
    before, _ = index(resource, "R4", UTC, _key)
    both, _ = index(resource, "R4", UTC, lambda value: (*_key(value + b"new"), *_key(value)))
    assert set(before) < set(both)
    changing = CONTEXT._replace(key=lambda value: (*_key(value + b"new"), *_key(value)))
    (asked,) = parse_search([("identifier", "a")], changing, strict=True).find.terms
    assert len(asked) == 2
    assert set(asked) & set(before)
    assert set(asked) < set(both)
