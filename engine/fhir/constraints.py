"""Constraints of data types and of Bundles (the invariants that FHIR writes in FHIRPath), as far as they
decide whether a resource can be understood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from engine.fhir.issues import Code

__all__ = ["RULES"]

_Findings = Iterator[tuple[Code, str, str]]
_Rule = Callable[[dict[str, Any]], _Findings]


def _quantity(value: dict[str, Any]) -> _Findings:
    if "code" in value and "system" not in value and "_system" not in value:
        yield "invariant", "system", "a code for a unit needs its system (qty-3)"


def _extension(value: dict[str, Any]) -> _Findings:
    valued = any(name.startswith(("value", "_value")) for name in value)
    if valued == ("extension" in value):
        yield "invariant", "", "an extension has either a value or extensions (ext-1)"


def _period(value: dict[str, Any]) -> _Findings:
    start, end = value.get("start"), value.get("end")
    if isinstance(start, str) and isinstance(end, str) and _after(start, end):
        yield "invariant", "end", "a period ends after it starts (per-1)"


def _contact(value: dict[str, Any]) -> _Findings:
    if "value" in value and "system" not in value and "_system" not in value:
        yield "invariant", "system", "a contact needs its system (cpt-2)"


def _range(value: dict[str, Any]) -> _Findings:
    sides = [side if isinstance(side, dict) else {} for side in (value.get("low"), value.get("high"))]
    low, high = (side.get("value") for side in sides)
    if not isinstance(low, (int, Decimal)) or not isinstance(high, (int, Decimal)):
        return
    if low > high and sides[0].get("code") == sides[1].get("code"):
        yield "invariant", "low", "low is not above high (rng-2)"


def _attachment(value: dict[str, Any]) -> _Findings:
    if "data" in value and "contentType" not in value and "_contentType" not in value:
        yield "invariant", "contentType", "data needs its type (att-1)"


def _organization(value: dict[str, Any]) -> _Findings:
    if not {"identifier", "name", "_name"} & value.keys():
        yield "invariant", "", "an organization has an identifier or a name (org-1)"


def _contact_party(value: dict[str, Any]) -> _Findings:
    if not {"name", "telecom", "address", "organization"} & value.keys():
        yield "invariant", "", "a contact says who or how (pat-1)"


def _appointment(value: dict[str, Any]) -> _Findings:
    """`start` and `end` together (app-2), and there unless it is only wished for (app-3)."""
    there = [name in value or f"_{name}" in value for name in ("start", "end")]
    if any(there) and not all(there):
        yield "invariant", "end" if there[0] else "start", "start and end come together (app-2)"
    if not any(there) and value.get("status") not in ("proposed", "cancelled", "waitlist", None):
        yield "invariant", "start", "an appointment that is made says when (app-3)"


def _parameter(value: dict[str, Any]) -> _Findings:
    valued = any(name.startswith(("value", "_value")) for name in value)
    if valued + ("resource" in value) + ("part" in value) > 1:
        yield "invariant", "", "a parameter is a value, a resource or its parts (inv-1)"


def _bundle(value: dict[str, Any]) -> _Findings:
    entries, type_ = value.get("entry"), value.get("type")
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        if type_ in ("batch", "transaction"):
            yield from _request(entry, f"entry[{index}]")
        url, version = entry.get("fullUrl"), _version(entry)
        if isinstance(url, str) and type_ != "history":
            if (url, version) in seen:
                yield "invariant", f"entry[{index}].fullUrl", "stands twice (bdl-7)"
            seen.add((url, version))


def _request(entry: dict[str, Any], at: str) -> _Findings:
    """What an entry of a batch or transaction needs (bdl-3, FHIR R4 3.1.0.11)."""
    resource = entry.get("resource")
    if "request" not in entry:
        yield "required", f"{at}.request", "is required in a batch or transaction (bdl-3)"
    if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
        yield "not-supported", f"{at}.resource", "a Bundle within a batch or transaction"


def _version(entry: dict[str, Any]) -> str:
    resource = entry.get("resource")
    meta = resource.get("meta") if isinstance(resource, dict) else None
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else ""


def _after(start: str, end: str) -> bool:
    """Is it later for certain? Dates are compared as far as both are told, times as moments."""
    if len(start) <= 10 and len(end) <= 10:
        length = min(len(start), len(end))
        return start[:length] > end[:length]
    try:
        return datetime.fromisoformat(start) > datetime.fromisoformat(end)
    except (ValueError, TypeError):  # a date beside a time; or no form at all, which is told elsewhere
        return False


RULES: Final[dict[str, _Rule]] = {
    **dict.fromkeys(("Quantity", "Age", "Count", "Distance", "Duration"), _quantity),
    "Extension": _extension,
    "Period": _period,
    "ContactPoint": _contact,
    "Range": _range,
    "Attachment": _attachment,
    "Organization": _organization,
    "PatientContact": _contact_party,
    "Appointment": _appointment,
    "ParametersParameter": _parameter,
    "Bundle": _bundle,
}
"""By type: what does not hold, as code, place within the value, fixed phrase."""
