"""Answers do not say who somebody is: one that would is sent without its words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fhir_bodies import s1
from fhir_door import open_door

from engine.fhir.issues import Issue, Rejected
from engine.hl7.accept import AcceptRules
from engine.hl7.header import read_header
from engine.listeners.channel import Channel
from engine.listeners.exchange import Pen
from engine.listeners.fhir import app as fhir_app
from engine.model import Reason, ReasonCode
from engine.privacy.matching import Identities
from engine.privacy.wording import Wording
from engine.telemetry import REGISTRY, PrivacyIncident, signal

RAW = (
    b"MSH|^~\\&|HIS|HOSP|||20261121||ADT^A01|C1|P|2.5.1\r"
    b"PID|1||00817263^^^HOSP^MR||SAMPLESON^ANNA||19700109\r"
)


def pen(told: Callable[[PrivacyIncident], None] = signal) -> Pen:
    rules = AcceptRules(
        frozenset({"ADT^A01"}), frozenset({"P"}), frozenset(), "required", "", charset_strict=False
    )
    return Pen(Channel("words", rules), told)


def incidents(channel: str) -> float:
    labels = {"channel": channel, "where": "answer"}
    return REGISTRY.get_sample_value("wardline_privacy_incidents_total", labels) or 0.0


@pytest.mark.parametrize("text", ["nobody is called SAMPLESON, ANNA", "no number 817263", "born 9 Jan 1970"])
def test_an_answer_goes_without_words_that_identify(text: str) -> None:
    told: list[PrivacyIncident] = []
    before, writer = incidents("words"), pen(lambda one: told.append(one) or signal(one))
    reason = Reason(ReasonCode.BAD_VALUE, text, "PID-3", hl7=102)
    answer = writer.write(read_header(RAW), "AE", writer.errors(RAW, reason))
    assert b"SAMPLESON" not in answer
    assert b"817263" not in answer
    assert b"1970" not in answer.split(b"\r", 1)[1]
    assert b"|102^" in answer
    assert incidents("words") == before + 1
    assert [(one.where, one.place) for one in told] == [("answer", "ERR")]


def test_an_answer_keeps_its_words_otherwise() -> None:
    before, writer = incidents("words"), pen()
    reason = Reason(ReasonCode.MISSING_FIELD, "nothing here", "PV1-19", hl7=101)
    assert [item.text for item in writer.errors(RAW, reason)] == ["nothing here"]
    assert writer.errors(RAW, None) == ()
    assert incidents("words") == before


def test_a_phrase_is_compared_once() -> None:
    asked: list[int] = []

    def nobody() -> Identities:
        asked.append(1)
        return Identities(())

    wording = Wording()
    for _ in range(3):
        assert wording.row_in(["nothing here", "PV1-19", ""], nobody) == ""
    assert asked == [1]


def test_an_outcome_goes_without_words_that_identify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body: dict[str, Any] = {
        **s1(),
        "contained": [{"resourceType": "Patient", "name": [{"family": "Sampleson"}]}],
    }
    handle = fhir_app.handle

    async def leaking(service: Any, request: Any, *, accepting: bool) -> Any:
        with suppress(Rejected):
            await handle(service, request, accepting=accepting)
        raise Rejected(422, Issue("invalid", "Sampleson is not wanted", "SupplyRequest.code"))

    monkeypatch.setattr(fhir_app, "handle", leaking)
    before = incidents("fhir")
    with open_door(tmp_path) as door, door.client() as client:
        answer = client.post("/SupplyRequest", json=body)
    assert answer.status_code == 422
    assert "ampleson" not in answer.text
    assert answer.json()["issue"][0]["code"] == "invalid"
    assert incidents("fhir") == before + 1
