"""What is wrong with a request, in FHIR's words: issues of an OperationOutcome, and the refusal that
carries them. Fixed texts and paths; never a value of the request."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.errors import Unacceptable

__all__ = ["Code", "Issue", "Rejected"]

Code = Literal[
    "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired",
    "forbidden", "processing", "not-supported", "duplicate", "multiple-matches", "not-found", "deleted",
    "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient",
    "lock-error", "no-store", "exception", "timeout", "throttled", "informational",
]  # fmt: skip
"""Value set issue-type (FHIR R4/R5, OperationOutcome.issue.code), as far as it is used."""


class Issue(msgspec.Struct, frozen=True):
    """One finding. `text` is a fixed phrase, `expression` the place (`SupplyRequest.quantity`, within a
    bundle `Bundle.entry[2].resource.quantity`)."""

    code: Code
    text: str
    expression: str = ""
    severity: Literal["fatal", "error", "warning", "information"] = "error"


class Rejected(Unacceptable):
    """A request that is refused: the HTTP status and what is wrong, most telling first. `headers` go with
    the answer (`Allow`, `Retry-After`, `WWW-Authenticate`)."""

    def __init__(self, status: int, *issues: Issue, headers: tuple[tuple[str, str], ...] = ()) -> None:
        first = issues[0]
        super().__init__("bad-value", first.expression, first.text)
        self.status, self.issues, self.headers = status, issues, headers
