"""Entries of bundles and the references between them."""

from __future__ import annotations

from itertools import permutations
from time import process_time
from typing import Any

import pytest

from engine.fhir.bundle import bounded, conditional_references, ordered, read_entries, rewrite, same_twice
from engine.fhir.issues import Rejected

LINK = "urn:uuid:6f1e9d4c-9a61-4d1b-8d9c-0f6f6d3a3a11"


def _bundle(*methods: str) -> dict[str, Any]:
    resource = {"resourceType": "Location"}
    return {
        "entry": [{"request": {"method": one, "url": "Location"}, "resource": resource} for one in methods]
    }


@pytest.mark.parametrize("methods", list(permutations(["GET", "PUT", "POST", "DELETE"])))
def test_a_transaction_has_its_order(methods: tuple[str, ...]) -> None:
    entries = ordered(read_entries(_bundle(*methods)))
    assert [entry.method for entry in entries] == ["DELETE", "POST", "PUT", "GET"]
    assert {entry.number for entry in entries} == {0, 1, 2, 3}


def test_links_are_rewritten_wherever_they_stand() -> None:
    before = {
        "service": [{"reference": LINK}],
        "extension": [{"url": "urn:x", "valueUri": LINK, "valueReference": {"reference": LINK}}],
        "text": {"status": "generated", "div": f'<div><a href="{LINK}">x {LINK}</a></div>'},
        "identifier": [{"system": "urn:ietf:rfc:3986", "value": LINK}],
        "note": [{"text": LINK}],
        "instantiatesUri": [LINK],
    }
    after = rewrite(before, {LINK: "Location/1"})
    assert after["service"] == [{"reference": "Location/1"}]
    assert after["extension"][0]["valueUri"] == "Location/1"
    assert after["extension"][0]["valueReference"] == {"reference": "Location/1"}
    assert after["text"]["div"] == f'<div><a href="Location/1">x {LINK}</a></div>'
    assert after["identifier"] == before["identifier"]
    assert after["note"] == before["note"]
    assert after["instantiatesUri"] == ["Location/1"]
    assert rewrite(before, {}) == before


def test_references_that_search() -> None:
    resource = {
        "deliverTo": {"reference": "Location?identifier=a"},
        "supplier": [{"reference": "Organization/1"}, {"reference": "Organization?identifier=b"}],
        "requester": {"reference": "http://there/Organization?x=y"},
    }
    assert list(conditional_references(resource, "at")) == [
        ("at.deliverTo.reference", "Location?identifier=a"),
        ("at.supplier[1].reference", "Organization?identifier=b"),
    ]


def test_too_many_entries() -> None:
    bounded(_bundle("GET", "GET"), 2)
    with pytest.raises(Rejected) as refused:
        bounded(_bundle("GET", "GET"), 1)
    assert (refused.value.status, refused.value.issues[0].code) == (413, "too-costly")


def test_one_resource_twice() -> None:
    first, second = read_entries(_bundle("PUT", "PUT"))
    assert same_twice([(first, "a"), (second, "b")]) == []
    (issue,) = same_twice([(first, "a"), (second, "a")])
    assert issue.expression == "Bundle.entry[1]"


def test_narrative_is_gone_through_once_however_many_links_there_are() -> None:
    links = {f"urn:uuid:{number:08d}": f"Location/{number}" for number in range(20_000)}
    div = (
        '<div title="it\'s"><a href="urn:uuid:00000007">"urn:uuid:00000008</a><a href=\'urn:uuid:00019999\'/>'
    )
    begun = process_time()
    after = rewrite({"text": {"div": div + "x" * 200_000}}, links)
    assert process_time() - begun < 0.2
    assert after["text"]["div"].startswith(
        '<div title="it\'s"><a href="Location/7">"urn:uuid:00000008</a><a href=\'Location/19999\'/>'
    )
