"""A canary in every place of every row: a path gives a token, or what stands in that very element (P01)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any, get_args

import pytest

from engine.config.cases.aliases import AliasBook
from engine.errors import Misconfigured
from engine.fhir.document import Resource
from engine.fhir.stored import Stored, pack
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.fhir_table import fhir_table
from engine.privacy.readers import Reader
from engine.privacy.rules import Forbidden, Use
from engine.privacy.table import Row

TYPES = (
    "SupplyRequest", "SupplyDelivery", "ChargeItem", "Patient", "Encounter", "Location", "Appointment",
    "Device", "DeviceDefinition", "Medication", "Substance", "Organization", "Practitioner",
    "PractitionerRole", "Account", "InventoryItem", "Task",
)  # fmt: skip
READERS = FhirReaders(FhirPolicy())
HIDDEN = frozenset({"display", "text", "div", "valueString", "family", "assigner"})
"""Names of places that nothing ever reads."""

ROWS = fhir_table().rows


def hidden(place: str) -> bool:
    """Whether a place is one of those; a row of the table may have an element that is called so."""
    return place.rpartition(".")[2] in HIDDEN and tuple(place.split(".")) not in ROWS


class Canaries:
    """A resource full of them: in each text another one, that says where it is."""

    def __init__(self) -> None:
        self._count = count(1)
        self.at: dict[str, str] = {}

    def new(self, place: str) -> str:
        canary = f"canary{next(self._count)}"
        self.at[canary] = place
        return canary

    def node(self, place: str, row: Row) -> Any:
        """What stands at a row's place, of the datatype that says most."""
        kinds = row.datatypes
        kind = next((one for one in reversed(kinds) if one in _MADE), kinds[0] if kinds else "")
        made = {name: self.new(f"{place}.{name}") for name in _MADE.get(kind, ())}
        if kind in ("CodeableConcept", "CodeableReference"):
            coding = {name: self.new(f"{place}.coding.{name}") for name in ("code", "system", "display")}
            concept = {"coding": [coding], "text": self.new(f"{place}.text")}
            linked = {"reference": f"Patient/{self.new(place)}", "display": self.new(f"{place}.display")}
            return concept if kind == "CodeableConcept" else {"concept": concept, "reference": linked}
        if kind == "Reference":
            target = "Location" if row.treatment == "keep" else "Patient"
            return {**made, "reference": f"{target}/{self.new(place)}"}
        if kind == "Identifier":
            typed = {"type": {"text": self.new(f"{place}.text")}}
            return {**made, **typed, "assigner": {"display": self.new(f"{place}.display")}}
        return made or self.new(place)


_MADE: dict[str, tuple[str, ...]] = {
    "Identifier": ("value", "system"), "Reference": ("display",), "Coding": ("code", "system", "display"),
    "CodeableConcept": (), "CodeableReference": (), "Quantity": ("value", "code", "unit"),
    "Period": ("start", "end"), "Money": ("value", "currency"), "HumanName": ("family", "text"),
    "Annotation": ("text",), "Address": ("line", "text"), "ContactPoint": ("value",), "Attachment": ("data",),
}  # fmt: skip


def filled(type_: str) -> tuple[dict[str, Any], Canaries]:
    canaries = Canaries()
    body: dict[str, Any] = {
        "text": {"div": canaries.new(f"{type_}.text.div")},
        "extension": [{"url": "urn:x", "valueString": canaries.new(f"{type_}.extension.valueString")}],
    }
    for place, row in ROWS.items():
        if place[0] == type_:
            node: Any = body
            for name in place[1:-1]:
                node = node.setdefault(name, {})
                node = node if isinstance(node, dict) else {}
            made = {} if row.treatment == "recurse" else canaries.node(".".join(place), row)
            if isinstance(made, dict):
                hidden = canaries.new(f"{'.'.join(place)}.extension.valueString")
                made["extension"] = [{"valueString": hidden}]
            node[place[-1]] = made
    return body, canaries


def paths(type_: str) -> Iterator[str]:
    """Every row's place, and whatever may be named below it."""
    below = (
        "", ".value", ".code", ".system", ".unit", ".start", ".end", ".text", ".display", ".coding.code",
        ".coding.display", ".concept", ".reference", ".identifier", ".currency", ".extension.valueString",
        "[Patient]", "[Location]", "[Device]", "[MR]", "[1]",
    )  # fmt: skip
    for place in ROWS:
        if place[0] == type_:
            yield from (".".join(place) + part for part in below)
    own = ("id", "version", "text.div", "extension.valueString", "contained")
    yield from (f"{type_}.{part}" for part in own)


def compiled(type_: str) -> Iterator[tuple[str, Reader]]:
    """Every path that may be read for anything."""
    for path in paths(type_):
        for use in get_args(Use):
            with suppress(Forbidden, Misconfigured):
                yield path, READERS.reader(path, use)


@pytest.mark.parametrize("type_", TYPES)
def test_p01_a_path_gives_a_token_or_what_stands_there(type_: str) -> None:
    body, canaries = filled(type_)
    view = Resource.parse(pack(Stored("R5", type_, "own-id", 7, False, json.dumps(body).encode())))
    book, told, tokens = AliasBook(), 0, 0
    for path, reader in compiled(type_):
        assert not hidden(path), path
        found = reader(view, book)
        if found is None or found in ("own-id", "7"):
            continue
        assert isinstance(found, str)
        if reader.rule.treatment == "token":
            assert found.startswith("t1"), path
            tokens += 1
            continue
        place = canaries.at[found]
        element = reader.rule.row.replace("_fhir", "")
        assert f"{place}.".startswith(f"{element}."), (path, place)
        assert path.startswith(element), (path, element)
        assert not hidden(place), (path, place)
        told += 1
    assert told > 5
    assert tokens > 1
