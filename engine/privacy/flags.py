"""Privacy flags: what a message says about who may be told of it, and what a channel does then.

    flags = Flags({"PD1-12": "block"})
    raised = flags.of(document)         # None, or where a flag is raised and what is done about it

`pass` changes nothing. `restrict` tells Odoo what it must do and nobody else anything: the message is not
passed on, and no effect names the person where it can do without. `block` makes nothing at all. A raised flag
that the channel does not mention restricts; the strongest ones (very restricted) are `undecided`, which is a
dead letter: a person says what is to become of it (spec: PHI, sections 2 and 7, P13; HL7 tables 0099, 0136,
0177, 0215; the code systems v3-Confidentiality and v3-ActCode).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from engine.effects import Charge, Consume, Credit, Effect, Forward, Reserve
from engine.fhir.document import Resource
from engine.fhir.path import Path
from engine.hl7.document import Document
from engine.privacy.fhir_reading import literal_of

__all__ = ["META_SECURITY", "V2_FLAGS", "FhirFlags", "Flags", "Obeys", "Raised", "restricted"]

Obeys = Literal["pass", "restrict", "undecided", "block"]
"""What is done about a flag, the strictest last."""

_STRICTEST = ("pass", "restrict", "undecided", "block")

META_SECURITY = "meta.security"

_NO = frozenset({"N", "NO", "0", "F", "FALSE"})
_USUAL = frozenset({"U", "L", "M", "N"})  # unrestricted (or usual control), low, moderate, normal
_VERY = frozenset({"V"})

V2_FLAGS: dict[str, frozenset[str]] = {
    "MSH-26": _USUAL,  # security classification
    "MSH-27": frozenset(),  # handling instructions
    "MSH-28": frozenset(),  # special access restrictions
    "PD1-11": frozenset({"U"}),  # publicity: family only, none, other
    "PD1-12": _NO,  # protection indicator
    "PV1-16": _NO,  # VIP
    "PV2-21": frozenset({"U"}),  # publicity of the visit
    "PV2-22": _NO,  # protection of the visit
    "ORC-28": _USUAL,  # confidentiality of the order
    "DG1-18": _NO,  # confidential diagnosis
}
"""The fields that are flags, and the codes that raise none; any other code does."""

_GRADED = frozenset({"MSH-26", "ORC-28"})
"""Fields whose code `V` is the strongest there is."""

_CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_TEST_DATA = ("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST")


_WITHOUT_SUBJECT = (Reserve, Consume, Charge, Credit)
"""Effects that can do without the person."""


class Raised(NamedTuple):
    """A raised flag: where, and what is done about it."""

    place: str
    obeys: Obeys


class _Field(NamedTuple):
    number: int
    name: str
    harmless: frozenset[str]
    obeys: Obeys  # by what the channel says
    strongest: Obeys  # when the code is the strongest


class Flags:
    """What a channel of HL7 v2 does about the flags of its messages. Shared between threads."""

    def __init__(self, said: Mapping[str, Obeys]) -> None:
        segments: dict[str, list[_Field]] = {}
        for name, harmless in V2_FLAGS.items():
            segment, _, number = name.partition("-")
            obeys = said.get(name, "restrict")
            if obeys != "pass":
                strongest = said.get(name, "undecided") if name in _GRADED else obeys
                segments.setdefault(segment, []).append(_Field(int(number), name, harmless, obeys, strongest))
        self._segments = [
            (segment, tuple((field.number, field) for field in fields))
            for segment, fields in segments.items()
        ]

    def of(self, document: Any, _follows: Sequence[Path] = ()) -> Raised | None:
        """The flag of a `Document` about which most is done; None when none is raised or all are let pass."""
        found: list[Raised] = []
        for segment, flags in self._segments:
            positions = document.positions(segment)
            if not positions:
                continue
            for at, position in enumerate(positions, 1):
                fields = document.fields(position)
                length = len(fields)
                for number, flag in flags:
                    if length > number and fields[number]:
                        found.append(
                            Raised(f"{segment}[{at}]-{number}", _raised(document, fields[number], flag))
                        )
        strictest = max(found, key=_strictness) if found else None
        return strictest if strictest is not None and strictest.obeys != "pass" else None


class FhirFlags:
    """What a channel of FHIR does about the security labels of its resources and of those they refer to."""

    def __init__(self, said: Mapping[str, Obeys]) -> None:
        self._obeys: Obeys = said.get(META_SECURITY, "restrict")
        self._strongest: Obeys = said.get(META_SECURITY, "undecided")

    def of(self, resource: Any, follows: Sequence[Path] = ()) -> Raised | None:
        """The label about which most is done, of a `Resource` and of what `follows` lead to."""
        if self._obeys == "pass":
            return None
        found = [self._raised(one) for one in (resource, *_linked(resource, follows))]
        return max((one for one in found if one is not None), key=_strictness, default=None)

    def _raised(self, resource: Resource) -> Raised | None:
        meta = resource.body.get("meta")
        labels = meta.get("security") if isinstance(meta, dict) else None
        restricting = [one for one in _listed(labels) if not _is_harmless(one)]
        if not restricting:
            return None
        very = any(one.get("code") in _VERY and _graded(one) for one in restricting)
        return Raised(f"{resource.type}.{META_SECURITY}", self._strongest if very else self._obeys)


def restricted(effect: Effect) -> Effect | None:
    """What is left of an effect of a message that is restricted: None of one that passes it on, and no
    person where the effect can do without."""
    if isinstance(effect, Forward):
        return None
    return msgspec.structs.replace(effect, subject="") if isinstance(effect, _WITHOUT_SUBJECT) else effect


def _strictness(raised: Raised) -> int:
    return _STRICTEST.index(raised.obeys)


def _raised(document: Document, text: str, flag: _Field) -> Obeys:
    """What is done about a field that is populated; `pass` when its codes raise nothing."""
    codes = set() if text == '""' else set(_codes(document, text))
    if codes <= flag.harmless:
        return "pass"
    return flag.strongest if codes & _VERY else flag.obeys


def _codes(document: Document, field: str) -> Iterator[str]:
    """The codes of a field in all its repetitions; one without a code says something else, which counts."""
    for text in document.repetitions([field], 0):
        code = document.part(text)
        if isinstance(code, str) and code.strip():
            yield code.strip().upper()
        elif code is None and text:
            yield "?"


def _linked(resource: Resource, follows: Sequence[Path]) -> Iterator[Resource]:
    """The resources that these paths lead to from here."""
    for path in follows:
        for node in resource.nodes(path, path.steps):
            linked = resource.linked(literal_of(node))
            if linked is not None:
                yield linked
                yield from _linked(linked, (path.then,) if path.then is not None else ())


def _listed(labels: Any) -> list[dict[str, Any]]:
    return [one for one in labels if isinstance(one, dict)] if isinstance(labels, list) else []


def _is_harmless(label: Mapping[str, Any]) -> bool:
    """A usual degree of confidentiality, or the mark of test data."""
    if (label.get("system"), label.get("code")) == _TEST_DATA:
        return True
    return _graded(label) and label.get("code") in _USUAL


def _graded(label: Mapping[str, Any]) -> bool:
    """Whether the label is a degree of confidentiality; a code without a system is taken for one."""
    return label.get("system") in (_CONFIDENTIALITY, None)
