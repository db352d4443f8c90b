"""OperationOutcome: valid in each release, whatever is said."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from engine.fhir.issues import Code, Issue
from engine.fhir.outcome import operation_outcome
from engine.fhir.validation import check


@pytest.mark.parametrize("release", ["R4", "R4B", "R5"])
def test_every_code_is_one_of_the_release(release: Any) -> None:
    issues = [Issue(code, "text", "SupplyRequest.quantity") for code in get_args(Code)]
    made = operation_outcome(issues)
    assert not check(made, release, "OperationOutcome")
    assert [issue["code"] for issue in made["issue"]] == list(get_args(Code))


def test_what_it_says() -> None:
    made = operation_outcome(
        [Issue("required", "is required", "SupplyRequest.quantity"), Issue("login", "who?")]
    )
    assert made["issue"] == [
        {
            "severity": "error",
            "code": "required",
            "details": {"text": "is required"},
            "expression": ["SupplyRequest.quantity"],
        },
        {"severity": "error", "code": "login", "details": {"text": "who?"}},
    ]


def test_nothing_to_say_is_said() -> None:
    assert operation_outcome([])["issue"][0]["severity"] == "information"
