"""A short pass of the requests of `make fuzz` to a running engine; and proof that a fault would be seen."""

from __future__ import annotations

import json
from collections import Counter
from random import Random
from typing import Any

import pytest

from fuzz.answers import Answer, judge, trespass
from fuzz.http import fuzz, samples
from fuzz.requests import Request, make
from fuzz.spoiling import CANARY

REQUESTS = 3_000
KIND = {"content-type": "application/fhir+json"}
ASKED = Request("GET", "/fhir/R4/Patient/1", [])


def _outcome(code: str = "invalid", **more: str) -> bytes:
    issue = {"severity": "error", "code": code, **more}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def test_a_short_pass_finds_nothing() -> None:
    tally, faults = fuzz(REQUESTS, 1, samples())
    assert Counter(finding.what for finding in tally.findings) == {}
    assert faults == ""
    assert tally.count == REQUESTS
    assert {200, 201, 400, 401, 404, 405, 406, 412, 415, 422} <= set(tally.statuses)


def test_requests_are_the_same_each_time() -> None:
    one, other = ([make(Random(number), "k" * 32, ["Patient/1"]) for number in range(200)] for _ in "ab")
    assert [request.raw for request in one] == [request.raw for request in other]
    assert len({request.raw for request in one}) > 190


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500, KIND, _outcome("exception")),
        Answer(400, KIND, b"Bad Request"),
        Answer(404, {"content-type": "text/html"}, b"<html>Not Found</html>"),
        Answer(400, KIND, _outcome("wibble")),
        Answer(400, KIND, _outcome(diagnostics=f"{CANARY.upper()}1 is wrong")),
        Answer(401, {**KIND, "www-authenticate": f"Bearer {CANARY}"}, _outcome("login")),
        Answer(400, KIND, b'{"resourceType":"OperationOutcome","issue":[]}'),
        Answer(200, KIND, b'{"entry":[{"response":{"status":"500 x"}}]}'),
        Answer(200, KIND, b'{"entry":[{"response":{"status":"400","outcome":"%s"}}]}' % CANARY.encode()),
    ],
)  # fmt: skip
def test_what_must_not_be_is_found(answer: Answer) -> None:
    assert judge(ASKED, answer)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {**KIND, "x-request-id": CANARY}, _outcome()),
        Answer(503, KIND, _outcome("transient")),
        Answer(200, KIND, json.dumps({"resourceType": "Patient", "id": CANARY}).encode()),
    ],
)
def test_what_may_be_is_let_be(answer: Answer) -> None:
    assert judge(ASKED, answer) == ""


@pytest.mark.parametrize(
    ("given", "fine"),
    [
        ({"resourceType": "ChargeItem"}, True),
        ({"resourceType": "SupplyRequest"}, False),
        ({"resourceType": "Bundle", "entry": [{"response": {"status": "403 Forbidden"}}]}, True),
        (
            {"resourceType": "Bundle", "entry": [{"response": {"status": "201", "location": "Patient/1"}}]},
            False,
        ),
        ({"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}, False),
        ({"resourceType": "Bundle", "entry": [{"response": {"status": "200 OK"}}]}, False),
    ],
)
def test_more_than_is_allowed_is_found(given: Any, fine: bool) -> None:
    assert (trespass(Answer(200, KIND, json.dumps(given).encode())) == "") == fine
