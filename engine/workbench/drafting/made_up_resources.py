"""Sample resources with made-up people, as `engine.workbench.drafting.synthetic` does it for messages: the
allow-list of FHIR says which elements pass, numbers become made-up ones, ids too, everything else goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from itertools import chain
from typing import Any

from engine.errors import Misconfigured
from engine.fhir import references
from engine.fhir.document import Resource
from engine.fhir.path import Path
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_table import THINGS
from engine.privacy.matching import Identities
from engine.workbench.drafting.resources import ResourceSample
from engine.workbench.drafting.synthetic import MONDAY

__all__ = ["ResourceSynthesizer"]

_GONE = frozenset({"text", "extension", "modifierExtension", "meta", "display", "note", "language"})
_PLACES = frozenset(
    {
        "performingOrganization",
        "requestingOrganization",
        "costCenter",
        "deliverTo",
        "deliverFrom",
        "destination",
    }
)
"""Elements that refer to places and departments, whose numbers are codes."""

_REAL = frozenset({"Location", "Organization"})
"""Whose ids are codes of places, which tables have."""

_PASSES = frozenset({"keep", "keep-code", "engine", "opdate"})


class ResourceSynthesizer:
    """Of the samples of one channel."""

    def __init__(self, samples: Iterable[ResourceSample]) -> None:
        self._policy = FhirPolicy()
        samples = list(samples)
        wholes = (Resource(one.release, one.type, "", 0, dict(one.body)) for one in samples)
        self._people = Identities(list(chain.from_iterable(map(fhir_harvest, wholes))))
        self._ids: dict[tuple[str, str], str] = {}
        self._numbers: dict[str, str] = {}
        days = sorted(day for one in samples for day in _days(one.body))
        self._shift = MONDAY - days[0] + timedelta(days=days[0].weekday()) if days else timedelta()

    @property
    def made(self) -> list[str]:
        """The numbers that were made up so far."""
        return list(self._numbers.values())

    def id_of(self, type_: str, real: str) -> str:
        """The made-up id of a resource; a place keeps its own, unless it is also somebody's number."""
        if type_ in _REAL and not self._people.row_in(real):
            return real
        count = sum(known == type_ for known, _ in self._ids) + 1
        return self._ids.setdefault((type_, real), f"{type_.lower()}-{count}")

    def of(self, sample: ResourceSample) -> dict[str, Any]:
        """The resource with a made-up identity."""
        whole = Resource(sample.release, sample.type, "", 0, dict(sample.body))
        made = self._resource(sample.body, Identities(fhir_harvest(whole)))
        named = {"resourceType": sample.type, "id": self.id_of(sample.type, str(sample.body.get("id", "")))}
        return named | {name: part for name, part in made.items() if name not in named}

    def _resource(self, body: Mapping[str, Any], identities: Identities) -> dict[str, Any]:
        type_ = str(body.get("resourceType", ""))
        made = {
            name: self._node(part, (type_, name), identities) for name, part in body.items() if name != "id"
        }
        left = {name: part for name, part in made.items() if part not in (None, {}, [])}
        if "id" in body:
            left["id"] = body["id"]  # of a contained one: a name within the resource
        return {"resourceType": type_} | left

    def _node(self, node: Any, names: tuple[str, ...], identities: Identities) -> Any:
        if names[-1] in _GONE or names[-1].startswith("_"):
            return None
        if names[-1] == "contained":
            return [self._resource(one, identities) for one in node if isinstance(one, dict)]
        if isinstance(node, list):
            made = [self._node(one, names, identities) for one in node]
            return [one for one in made if one not in (None, {}, [])]
        if isinstance(node, dict):
            parts = {name: self._node(part, (*names, name), identities) for name, part in node.items()}
            return {name: part for name, part in parts.items() if part not in (None, {}, [])}
        return self._leaf(node, names, identities)

    def _leaf(self, value: Any, names: tuple[str, ...], identities: Identities) -> Any:
        if names[-1] == "reference":
            return self._reference(str(value))
        if names[-2:] == ("identifier", "value"):
            place = names[0] in THINGS if len(names) == 3 else names[-3] in _PLACES
            return value if place and not identities.row_in(str(value)) else self._number(str(value))
        if names[-2:] == ("identifier", "system"):
            return value
        if names[1:] == ("birthDate",):
            return "1970-01-31"
        treatment = self._treatment(names)
        if treatment not in _PASSES:
            return None
        if treatment == "opdate" and isinstance(value, str):
            return self._moved(value)
        return None if isinstance(value, str) and identities.row_in(value) else value

    def _number(self, real: str) -> str:
        return self._numbers.setdefault(real, f"N-{1001 + len(self._numbers)}")

    def _treatment(self, names: tuple[str, ...]) -> str:
        try:
            return self._policy.leaf(Path.parse(".".join(names))).rule.treatment
        except Misconfigured:
            return "deny"

    def _reference(self, text: str) -> str | None:
        found = references.parse(text)
        if found is None or (found.kind != "contained" and not found.type):
            return None
        return text if found.kind == "contained" else f"{found.type}/{self.id_of(found.type, found.id)}"

    def _moved(self, text: str) -> str:
        day = _day(text)
        return f"{day + self._shift}{text[10:]}" if day else text


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _days(node: Any) -> Iterable[date]:
    """Days that stand anywhere in a resource, as its times."""
    if isinstance(node, dict):
        for name, part in node.items():
            if name not in ("birthDate", "meta", "text"):
                yield from _days(part)
    elif isinstance(node, list):
        for one in node:
            yield from _days(one)
    elif isinstance(node, str) and node[4:5] == "-" and (day := _day(node)):
        yield day
