"""Issues as an OperationOutcome (FHIR R4/R5, OperationOutcome): code, fixed text and place, never a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.fhir.issues import Issue

__all__ = ["operation_outcome"]


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """The resource. Every code of `issues.Code` is in the value set of each release that is spoken; without
    an issue it says that all is well."""
    found = list(issues) or [Issue("informational", "no issues", severity="information")]
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in found]}


def _issue(issue: Issue) -> dict[str, Any]:
    made: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"text": issue.text},
    }
    if issue.expression:
        made["expression"] = [issue.expression]
    return made
