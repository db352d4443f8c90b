"""Which rows of the policy's table had a canary, and why the others had none."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.errors import Misconfigured
from engine.fhir import models
from engine.fhir.releases import RELEASES
from engine.privacy.table import Row, fhir_rows, v2_rows, v2_table

__all__ = ["Covered", "covered", "for_the_engine", "row_of"]

_REPETITION: Final = re.compile(r"\[\d+\]")
_TYPES: Final = {
    "Identifier": "identifier", "Reference": "reference", "Coding": "coding", "CodeableConcept": "text",
    "Annotation": "note", "HumanName": "name", "Address": "address", "ContactPoint": "telecom",
}  # fmt: skip
"""Generic rows of data types: an element that has the type."""

_PRIMITIVE: Final = "holds a truth value, a small number or a code of a fixed list: no room for a canary"
_NOTHING: Final = "an element with nothing of its own: its parts have rows"
_SPREADS: Final = "says how a datatype spreads: tried in every field of that datatype"


class Covered(NamedTuple):
    """How many rows of each kind there are and were tried; those that were not, by reason."""

    rows: dict[str, int]
    tried: dict[str, int]
    reasons: dict[str, list[str]]


def row_of(place: str) -> str:
    """A canary's place without its message and repetition: `PID-5.1`, `Patient.name.family`."""
    return _REPETITION.sub("", place.rpartition(": ")[2])


def for_the_engine(row: str) -> bool:
    """Whether a field of HL7 v2 is there for the engine: it goes nowhere, and an analyst may see it."""
    segment, _, rest = row.partition("-")
    number = rest.partition(".")[0]
    found = v2_table().fields.get((segment, int(number))) if number.isdecimal() else None
    return found is not None and found.treatment == "engine"


def covered(places: Iterable[str]) -> Covered:
    """Hold the places of canaries against the table."""
    stems = {row_of(place) for place in places}
    prefixes: set[str] = set()
    for stem in stems:
        parts = re.split(r"(?=[.\-])", stem)
        prefixes.update("".join(parts[:count]) for count in range(1, len(parts) + 1))
    endings = {part for stem in stems for part in stem.split(".")}
    rows, tried, reasons = dict[str, int](), dict[str, int](), dict[str, list[str]]()
    for row in (*v2_rows(), *fhir_rows()):
        rows[row.kind] = rows.get(row.kind, 0) + 1
        if _tried(row, prefixes, endings, stems):
            tried[row.kind] = tried.get(row.kind, 0) + 1
        else:
            reasons.setdefault(_why(row), []).append(row.path)
    return Covered(rows, tried, reasons)


def _tried(row: Row, prefixes: set[str], endings: set[str], stems: set[str]) -> bool:
    if row.kind == "v2rule":
        return any(stem.startswith("Z") or "beyond the table" in stem for stem in stems)
    path = row.path.removesuffix("[*]").removesuffix("_fhir")
    if row.kind != "fhir":
        return path in prefixes
    head, _, rest = path.partition(".")
    if head == "*":
        return rest.rpartition(".")[2] in endings or rest in prefixes
    if head in _TYPES:
        return _TYPES[head] in endings
    return path.replace("[*]", "").replace("_fhir", "") in prefixes


def _why(row: Row) -> str:
    if row.kind == "v2type":
        return _SPREADS
    if row.kind != "fhir":
        return "not sent: no segment of this run has it"
    kind = _kind(row.path.replace("_fhir", "").replace("[*]", ""))
    if kind in ("boolean", "integer", "positiveInt", "unsignedInt", "code"):
        return _PRIMITIVE
    if row.treatment == "recurse":
        return _NOTHING
    return "not an element of the models that resources are made from" if not kind else f"no {kind} was made"


def _kind(path: str) -> str:
    """The datatype of an element, in the newest release that has it; empty when none does."""
    for release in reversed(RELEASES):
        kind, *names = path.split(".")
        try:
            for name in names:
                kind = models.shape(release, kind).elements[name].kind
        except (LookupError, Misconfigured):
            continue
        return kind
    return ""
