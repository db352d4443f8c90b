"""What segments, fields and components are called, version by version (from hl7apy's tables, 2.1 to 2.8.2).

Positions come from the names in those tables (`FT1_10`), never from their order: withdrawn fields are
missing from some lists, and what stands behind them would be named after its neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import msgspec

from engine.hl7.tables import read_version

__all__ = ["VERSIONS", "Named", "component", "field", "segment_title"]

VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
_NUMBERS = [tuple(int(part) for part in name.split(".")) for name in VERSIONS]


class Named(msgspec.Struct, frozen=True):
    """A place as the standard names it: `Patient identifier list`, its datatype (`CX`), the HL7 table of
    its codes (`HL70203`), whether it may repeat, and the names of its parts, first to last."""

    title: str = ""
    datatype: str = ""
    table: str = ""
    repeats: bool = False
    parts: tuple[Named, ...] = ()


NOBODY = Named()
"""A place that no version of the standard knows: Z segments, fields beyond the last."""


def field(version: str, segment: str, number: int) -> Named:
    """Field `number` of a segment. One that this version no longer has is named as the versions before
    or after it did: senders go on filling it."""
    for known in _nearest(version):
        found = _segments(known).get(segment, {}).get(number)
        if found is not None:
            return found
    return NOBODY


def component(of: Named, number: int) -> Named:
    """Component `number` of a field, or sub-component of a component. A place without parts is its own
    first part."""
    if not of.parts:
        return of if number == 1 else NOBODY
    return of.parts[number - 1] if number <= len(of.parts) else NOBODY


def segment_title(segment: str) -> str:
    """What a segment is called, or nothing."""
    return "local segment" if segment.startswith("Z") else _TITLES.get(segment, "")


def _nearest(version: str) -> tuple[str, ...]:
    """The version that a message names, then older ones from new to old, then newer ones."""
    asked = read_version(version) or _NUMBERS[-1]
    older = [name for name, numbers in zip(VERSIONS, _NUMBERS, strict=True) if numbers <= asked]
    return (*reversed(older), *(name for name in VERSIONS if name not in older))


@cache
def _segments(version: str) -> dict[str, dict[int, Named]]:
    module = import_module(f"hl7apy.v{version.replace('.', '_')}.segments")
    return {name: dict(_fields(name, structure)) for name, structure in module.SEGMENTS.items()}


def _fields(segment: str, structure: Any) -> Iterator[tuple[int, Named]]:
    """The fields of a segment, by number."""
    for label, reference, (_, most), *_ in _entries(structure):
        name, _, number = label.rpartition("_")
        if name == segment and reference:
            yield int(number), _named(reference, repeats=most != 1)


def _entries(structure: Any) -> Sequence[Any]:
    """The parts of a segment or datatype. In those tables a single part may stand for the list of it."""
    entries = structure[1] if structure[0] == "sequence" and len(structure) > 1 else None
    return (entries,) if entries and isinstance(entries[0], str) else entries or ()


def _named(reference: Any, *, repeats: bool = False) -> Named:
    datatype, title, table = reference[2:5]
    inner: dict[int, Any] = {}
    for label, part, *_ in _entries(reference):
        inner[int(label.rpartition("_")[2])] = part
    return Named(
        title=_title(title),
        datatype=str(datatype or "").removesuffix("_SIMPLE"),
        table=table or "",
        repeats=repeats,
        parts=tuple(
            _named(inner[at]) if inner.get(at) else NOBODY for at in range(1, max(inner, default=0) + 1)
        ),
    )


def _title(text: str | None) -> str:
    return (text or "").replace("_", " ").capitalize()


_TITLES = {
    "ABS": "abstract",
    "ACC": "accident",
    "ADD": "addendum",
    "AIG": "general resource",
    "AIL": "location resource",
    "AIP": "personnel resource",
    "AIS": "service",
    "AL1": "allergy",
    "APR": "appointment preferences",
    "ARQ": "appointment request",
    "BHS": "batch header",
    "BTS": "batch trailer",
    "CDM": "charge description",
    "CON": "consent",
    "CTI": "clinical trial",
    "DB1": "disability",
    "DG1": "diagnosis",
    "DRG": "diagnosis group",
    "DSC": "continuation pointer",
    "ERR": "error",
    "EVN": "event type",
    "FHS": "file header",
    "FT1": "charge",
    "FTS": "file trailer",
    "GT1": "guarantor",
    "IAM": "patient adverse reaction",
    "IIM": "inventory item",
    "ILT": "material lot",
    "IN1": "insurance",
    "IN2": "insurance, additional",
    "IN3": "insurance, certification",
    "ITM": "material item",
    "IVT": "material location",
    "LCC": "location charge code",
    "LDP": "location department",
    "LOC": "location",
    "MFA": "master file acknowledgement",
    "MFE": "master file entry",
    "MFI": "master file identification",
    "MRG": "merge information",
    "MSA": "acknowledgement",
    "MSH": "message header",
    "NK1": "next of kin",
    "NPU": "bed status",
    "NTE": "notes and comments",
    "OBR": "observation request",
    "OBX": "observation",
    "ODS": "dietary order",
    "ORC": "common order",
    "PCE": "patient charge cost centre",
    "PD1": "patient, additional",
    "PDA": "patient death and autopsy",
    "PID": "patient identification",
    "PKG": "packaging",
    "PR1": "procedure",
    "PRC": "pricing",
    "PRD": "provider",
    "PV1": "patient visit",
    "PV2": "patient visit, additional",
    "QRD": "query definition",
    "RGS": "resource group",
    "ROL": "role",
    "RQ1": "requisition detail, further",
    "RQD": "requisition detail",
    "RXA": "pharmacy administration",
    "RXC": "pharmacy component",
    "RXD": "pharmacy dispense",
    "RXE": "pharmacy encoded order",
    "RXG": "pharmacy give",
    "RXO": "pharmacy order",
    "RXR": "pharmacy route",
    "SAC": "specimen container",
    "SCH": "schedule activity",
    "SFT": "software",
    "SPM": "specimen",
    "STF": "staff",
    "STZ": "sterilisation parameter",
    "TQ1": "timing and quantity",
    "UB1": "billing form 82",
    "UB2": "billing form 92",
    "VND": "purchasing vendor",
}
