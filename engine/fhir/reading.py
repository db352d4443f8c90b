"""A body becomes a resource: a dict as JSON has it, decimals as `json_text.Number`."""

from __future__ import annotations

from typing import Any, Literal

from engine.fhir import json_text, models, xml
from engine.fhir.issues import Issue, Rejected
from engine.fhir.releases import Release

__all__ = ["read"]


def read(body: bytes, mime: Literal["json", "xml"], release: Release) -> dict[str, Any]:
    """The resource in `body`, unchecked. Raises `Rejected` (400) for what is no JSON or XML that FHIR
    allows, with the place where one can be told."""
    if mime == "xml":
        return xml.from_xml(body, release)
    try:
        return json_text.load(body)
    except json_text.Twice as twice:
        place = models.expression(release, twice.type, twice.steps)
        raise Rejected(400, Issue("structure", twice.text, place)) from None
