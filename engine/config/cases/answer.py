"""Compare single places of an answer with what a case expects of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.config.finding import Place, Problem
from engine.errors import Misconfigured, Unacceptable
from engine.fhir import json_text
from engine.fhir.document import Resource
from engine.fhir.path import Path as FhirPath
from engine.fhir.stored import Stored, pack
from engine.hl7.document import Document
from engine.hl7.path import Path

__all__ = ["compare_answer"]


def compare_answer(expected: Mapping[str, str], answer: bytes, place: Place) -> Iterator[Problem]:
    """What differs: `{MSA-1: AE, ERR-3.1: "103"}`; an empty text: nothing stands there. Of FHIR the answer is
    a resource in JSON: `{OperationOutcome.issue.code: not-supported}`."""
    for path, wanted in expected.items():
        try:
            found = _resource_at(answer, path) if answer[:1] == b"{" else _segment_at(answer, path)
        except Misconfigured as error:
            yield Problem((*place, path), error.text, error.hint, on_key=True)
            continue
        if found != wanted:
            text = f"answer {path}: expected {wanted or 'nothing'}, got {found or 'nothing'}"
            yield Problem((*place, path), text)


def _segment_at(answer: bytes, text: str) -> str:
    path = Path.parse(text)
    if not answer:
        return ""
    document = Document.parse(answer)
    segments = [document.fields(at) for at in document.positions(path.segment)]
    if len(segments) < path.occurrence:
        return ""
    found = document.leaf(
        segments[path.occurrence - 1], path.field, path.component, path.subcomponent, path.repetition
    )
    return found if isinstance(found, str) else ""


def _resource_at(answer: bytes, text: str) -> str:
    path = FhirPath.parse(text)
    body = json_text.load(answer)
    type_ = str(body.get("resourceType", ""))
    try:
        resource = Resource.parse(pack(Stored("R4", type_, "answer", 1, False, answer)))
    except Unacceptable:
        return ""
    found = resource.nodes(path, path.steps)
    return str(found[0]) if found and not isinstance(found[0], dict | list) else ""
