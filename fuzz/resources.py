"""Target: the bytes of a FHIR resource, through everything of `engine.fhir` that a request's body passes.

The last byte chooses the release, and whether the rest is JSON or XML.
"""

from __future__ import annotations

import re
from typing import Any, get_args

from engine.fhir.issues import Code, Issue, Rejected
from engine.fhir.json_text import dump, load
from engine.fhir.outcome import operation_outcome
from engine.fhir.reading import read
from engine.fhir.releases import RELEASES, Release
from engine.fhir.rules import check_change
from engine.fhir.validation import check as check_resource
from engine.fhir.xml import from_xml, to_xml

__all__ = ["check"]

CODES = frozenset(get_args(Code))
PLACE = re.compile(r"(?:[A-Za-z][A-Za-z0-9]*(?:\[[0-9]+\])?(?:\.|\Z))*")
TEXT = re.compile(r"[ -~]+")


def check(data: bytes) -> None:
    """Any bytes are a resource or refused; what is found wrong has a place that FHIR knows; what is right
    is the same after writing and reading it in either form."""
    raw, options = data[:-1], data[-1] if data else 0
    release = RELEASES[options % len(RELEASES)]
    try:
        resource = read(raw, "xml" if options & 4 else "json", release)
    except Rejected as refused:
        check_issues(list(refused.issues))
        return
    assert same(load(dump(resource)), resource)
    found = check_resource(resource, release)
    check_issues(found)
    if not found:
        check_right(resource, release)


def check_issues(issues: list[Issue]) -> None:
    """Known codes, places of elements, one line of plain text; and an outcome that is one."""
    assert all(
        issue.code in CODES and TEXT.fullmatch(issue.text) and PLACE.fullmatch(issue.expression)
        for issue in issues
    )
    assert not check_resource(operation_outcome(issues), "R4", "OperationOutcome")


def check_right(resource: dict[str, Any], release: Release) -> None:
    """What has no finding is as good in XML, and has rules that can be asked."""
    if resource["resourceType"] in ("Bundle", "Parameters"):  # what is in them was not looked at
        return
    check_issues(check_change(None, resource, release))
    assert same(from_xml(to_xml(resource, release), release), resource)


def same(one: Any, other: Any) -> bool:
    """Equal but for the spelling of a narrative, and numbers of 64 bits that may be text."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(
            name == "div" or same(one[name], other[name]) for name in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return str(one) == str(other)
