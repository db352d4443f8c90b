"""What a reference says, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import costing_less_than

from engine.fhir.references import Reference, parse

UUID = "urn:uuid:2dcd4f9f-4a3c-4dd4-9a62-4d1b0a6a4b1a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Patient/1", Reference("literal", "Patient", "1")),
        ("Patient/a-B.9/_history/12", Reference("literal", "Patient", "a-B.9", "12")),
        (f"Patient/{'x' * 64}", Reference("literal", "Patient", "x" * 64)),
        ("#", Reference("contained")),
        ("#p1", Reference("contained", id="p1")),
        (UUID, Reference("urn", id=UUID)),
        ("urn:oid:1.2.840", Reference("urn", id="urn:oid:1.2.840")),
        ("https://x.org/fhir/Patient/1", Reference("absolute", "Patient", "1")),
        ("HTTP://x.org/fhir/Patient/1/_history/2", Reference("absolute", "Patient", "1", "2")),
        ("http://x.org/Patient/1?a=b/Device/2", Reference("absolute", "Patient", "1")),
        ("http://x.org/Patient/1#Device/2", Reference("absolute", "Patient", "1")),
        ("http://x.org/Patient/1/", Reference("absolute", "Patient", "1")),
        ("http://x.org/", Reference("absolute")),
        ("http://x.org/patient/1", Reference("absolute")),
        ("Location?identifier=urn:o|1", Reference("conditional", "Location")),
        ("Location?identifier=a&status=active", Reference("conditional", "Location")),
    ],
)
def test_references(text: str, expected: Reference) -> None:
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Patient",
        "Patient/",
        "patient/1",
        "/Patient/1",
        "../Patient/1",
        "Patient/1/2",
        "Patient/1/_history",
        "Patient/1/_history/",
        "Patient/ü",
        f"Patient/{'x' * 65}",
        "Patient/1\n",
        "Patient/1 ",
        "javascript:alert(1)",
        "data:text/html;base64,eA==",
        "file:///etc/passwd",
        "ftp://x.org/Patient/1",
        "http://",
        "http://x.org/ Patient/1",
        "urn:uuid:1",
        f"{UUID}-1",
        "urn:oid:1.02",
        "urn:isbn:1",
        "Location?",
        "Location?identifier",
        "Location?identifier= 1",
    ],
)
def test_what_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    ["http://x" + "/A/a" * 250_000 + "!", "http://x/" + "?" * 1_000_000 + " ", "A?" + "=" * 1_000_000 + " "],
)
def test_long_ones_cost_no_time(text: str) -> None:
    with costing_less_than(0.5):
        parse(text)


@given(st.text(max_size=40))
def test_any_text_is_one_or_none(text: str) -> None:
    found = parse(text)
    assert found is None or not found.id or found.id in text
