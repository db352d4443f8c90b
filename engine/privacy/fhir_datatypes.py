"""How the treatment of an element spreads over its datatype: which parts of a CodeableConcept, a Period or a
Reference may be read, and as what (spec: PHI, section 2; FHIR R4 and R5, datatypes)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

__all__ = ["DENIED", "Inside", "Names", "Shape", "inside", "parts_of"]

Names = tuple[str, ...]

Shape = Literal["text", "code", "identifier", "reference", "id", "self", "own", "nth"]
"""How a place is read: as text; a code of a concept; a number of an identifier; the token of what a
reference points to, or its id; the token of the resource itself; its own id or version; which of its like
an element is."""


class Inside(NamedTuple):
    """What becomes of a part: its treatment and how it is read (`shape`), after walking on through the
    elements `walk`; `of` is what is read of a coding or an identifier. `row` names the generic row of the
    table that says so, empty when it is the element's own."""

    treatment: str
    shape: Shape = "text"
    walk: Names = ()
    of: str = ""
    row: str = ""


DENIED: Final = Inside("deny")
_CLOSED = frozenset({"drop", "deny", "scan", "reject"})
_DISPLAY = Inside("drop", row="Coding.display")

_PRIMITIVES = frozenset(
    {
        "bool", "Boolean", "Code", "String", "Markdown", "Uri", "Url", "Canonical", "Oid", "Uuid",
        "Id", "Integer", "Integer64", "PositiveInt", "UnsignedInt", "Decimal", "Date", "DateTime", "Instant",
        "Time",
    }
)  # fmt: skip
_QUANTITIES = frozenset({"Quantity", "SimpleQuantity", "Duration", "Age", "Count", "Distance"})

_PARTS: dict[str, dict[str, str]] = {
    **{
        kind: dict.fromkeys(("value", "comparator", "unit", "system", "code"), "Code") for kind in _QUANTITIES
    },
    "Money": {"value": "Decimal", "currency": "Code"},
    "MonetaryComponent": {"type": "Code", "code": "CodeableConcept", "factor": "Decimal", "amount": "Money"},
    "Period": {"start": "DateTime", "end": "DateTime"},
    "Timing": {"event": "DateTime", "repeat": "TimingRepeat"},
    "TimingRepeat": {"boundsPeriod": "Period"},
    "Range": {"low": "Quantity", "high": "Quantity"},
    "Ratio": {"numerator": "Quantity", "denominator": "Quantity"},
    "PatientLink": {"type": "Code"},
}
"""Parts of datatypes that are treated as the whole."""

_COMES_DOWN_TO = {**dict.fromkeys(_QUANTITIES, "value"), "Money": "value"}
"""The part that a datatype comes down to where none is named."""


def inside(datatypes: Sequence[str], treatment: str, part: Names) -> Inside:
    """What becomes of `part` of an element of these datatypes (empty: of the element itself)."""
    if treatment in _CLOSED:
        return Inside(treatment)
    found = (_inside(datatype, treatment, part) for datatype in datatypes)
    return next((one for one in found if one.treatment != "deny"), DENIED)


def parts_of(datatypes: Sequence[str]) -> list[str]:
    """The parts of an element of these datatypes that may be named, for one that cannot be read whole."""
    return [name for datatype in datatypes for name in _PARTS.get(datatype, ())]


def _inside(datatype: str, treatment: str, part: Names) -> Inside:
    special = _SPECIAL.get(datatype)
    if special is not None:
        return special(treatment, part)
    if datatype in _PRIMITIVES:
        return Inside("keep" if treatment == "keep-code" else treatment) if not part else DENIED
    if not part:
        default = _COMES_DOWN_TO.get(datatype)
        return DENIED if default is None else Inside(treatment, walk=(default,))
    if (datatype, part[0]) == ("PatientLink", "other"):
        return _reference("token", part[1:])._replace(walk=part[:1])
    below = _PARTS.get(datatype, {}).get(part[0])
    if below is None:
        return DENIED
    found = _inside(below, treatment, part[1:])
    return found._replace(walk=(part[0], *found.walk))


def _codeable(treatment: str, part: Names) -> Inside:
    """CodeableConcept: its codes pass, no text does."""
    if part[:1] == ("text",):
        return Inside("drop", row="CodeableConcept.text")
    if part[:1] == ("coding",):
        return _coding(treatment, part[1:])._replace(walk=("coding",))
    return _coding(treatment, part)


def _coding(treatment: str, part: Names) -> Inside:
    if part == ("display",):
        return _DISPLAY
    passes = "engine" if treatment == "engine" else "keep"
    return Inside(passes, "code", of=part[0] if part else "code") if part in _OF_CODING else DENIED


_OF_CODING: frozenset[Names] = frozenset({(), ("code",), ("system",), ("version",), ("userSelected",)})


def _codeable_reference(treatment: str, part: Names) -> Inside:
    """CodeableReference (R5): the concept is a code, the reference a reference."""
    if part[:1] == ("reference",):
        return _reference(treatment, part[1:])
    if part[:1] != ("concept",):
        return _codeable(treatment, part)
    found = _codeable(treatment, part[1:])
    return found._replace(walk=("concept", *found.walk))


def _reference(treatment: str, part: Names) -> Inside:
    """Reference: the id of what it points to, or a token."""
    if part in ((), ("reference",)):
        return Inside("keep", "id") if treatment in ("keep", "keep-code") else Inside("token", "reference")
    if part == ("display",):
        return Inside("drop", row="Reference.display")
    return DENIED


def _identifier(treatment: str, part: Names) -> Inside:
    """Identifier: the one number of several that is meant, and its system."""
    if part in ((), ("value",)):
        return Inside(treatment, "identifier", of="value")
    if part == ("system",):
        return Inside("keep", "identifier", of="system")
    text = part in (("type", "text"), ("assigner", "display"))
    return Inside("drop", row=".".join(("Identifier", *part))) if text else DENIED


_SPECIAL: dict[str, Callable[[str, Names], Inside]] = {
    "CodeableConcept": _codeable,
    "Coding": _coding,
    "CodeableReference": _codeable_reference,
    "Reference": _reference,
    "Identifier": _identifier,
}
