"""Entity tags, preferences and MIME types."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.etag import etag, http_date, parse_http_date, read_tags
from engine.fhir.issues import Rejected
from engine.fhir.negotiation import accepted_wire, body_wire, media_type
from engine.fhir.preference import Preference, read_preference


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=4))
def test_tags_name_versions(versions: list[int]) -> None:
    tags = read_tags(", ".join(map(etag, versions)), "If-Match")
    assert all(tags.match(version) for version in versions)
    assert not tags.match(max(versions) + 1)
    assert not tags.match(None)


def test_tags_of_other_forms() -> None:
    assert read_tags('"3"', "If-Match").match(3)
    assert read_tags("*", "If-Match").match(7)
    assert not read_tags("*", "If-None-Match").match(None)


@pytest.mark.parametrize("text", ["", "3", 'W/"3', 'W/3"', 'w/"3"', ",", '"a" "b"'])
def test_what_is_no_tag(text: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_tags(text, "If-Match")
    assert refused.value.status == 400


def _refusal(call: Callable[[], object]) -> Rejected | None:
    """How a call is refused, if it is."""
    try:
        call()
    except Rejected as error:
        return error
    return None


@given(st.text(max_size=40))
def test_whatever_a_header_holds(text: str) -> None:
    """It is read, or refused without being repeated."""
    read_preference(text)
    parse_http_date(text)
    for refused in (
        _refusal(lambda: read_tags(text, "If-Match")),
        _refusal(lambda: body_wire(text, "R4")),
        _refusal(lambda: accepted_wire(text, None, "R4")),
    ):
        assert refused is None or refused.status in (400, 406, 415)
        assert len(text) < 12 or text not in str(refused and refused.issues)


@given(st.integers(0, 4_000_000_000))
def test_dates_come_back(at: int) -> None:
    assert parse_http_date(http_date(at)) == at


def test_preferences() -> None:
    assert read_preference("return=minimal; foo=1, respond-async, handling=strict") == Preference(
        "minimal", "strict", asynchronous=True
    )
    assert read_preference("return=all, handling=lax") == Preference()
    assert read_preference('return="representation"').applied == "return=representation"
    assert read_preference("return=minimal, return=representation").returns == "minimal"


def test_forms_without_xml() -> None:
    with pytest.raises(Rejected) as refused:
        accepted_wire("application/fhir+xml", None, "R4", xml=False)
    assert refused.value.status == 406
    with pytest.raises(Rejected) as refused:
        body_wire("application/fhir+xml", "R4", xml=False)
    assert refused.value.status == 415
    assert media_type("json", "R5") == "application/fhir+json; fhirVersion=5.0; charset=utf-8"
