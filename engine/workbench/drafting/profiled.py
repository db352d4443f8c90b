"""Samples out of a learned profile, where nobody may hand out messages: fields that the sender fills, with
the codes that the profile lists, and nothing else that was ever sent."""

from __future__ import annotations

from collections.abc import Iterator

from engine.hl7.document import Document
from engine.hl7.names import field as named
from engine.hl7.profile import FieldUse, Profile, TypeUse
from engine.workbench.drafting.samples import Sample

__all__ = ["samples_of"]

_VALUES = {
    "DT": "20261102",
    "TS": "20261102080000",
    "DTM": "20261102080000",
    "NM": "1",
    "SI": "1",
    "MO": "10.00",
    "CP": "10.00",
    "CX": "50000^^^PROFILE^MR",
    "CK": "50000",
    "CM_PAT_ID": "50000",
    "XPN": "TESTMANN^TESSA",
    "PN": "TESTMANN^TESSA",
    "XCN": "77^TESTDOC",
    "CN": "77^TESTDOC",
    "TQ": "^^^20261102080000",
}
"""What stands for a field without codes, by its datatype; `A1` for any other."""


def samples_of(profile: Profile) -> list[Sample]:
    """Messages as the sender would send them: of each type as many as its longest list of codes."""
    return [sample for kind, use in profile.types.items() for sample in _of_type(profile, kind, use)]


def _of_type(profile: Profile, kind: str, use: TypeUse) -> Iterator[Sample]:
    fields = [one for segment in use.segments.values() for one in segment.fields.values()]
    version = profile.versions[0] if profile.versions else "2.5.1"
    for number in range(max((len(one.codes) for one in fields), default=0) or 1):
        head = rf"MSH|^~\&|SENDER|PROFILE|||20261102080000||{kind}|PROFILE-{number + 1}|P|{version}"
        segments = [
            _segment(version, name, segment.fields, number)
            for name, segment in use.segments.items()
            if name != "MSH" and not name.startswith("Z")
        ]
        raw = "".join(f"{line}\r" for line in (head, *segments)).encode()
        yield Sample(f"{kind} of the profile, {number + 1}", raw, Document.parse(raw))


def _segment(version: str, name: str, fields: dict[int, FieldUse], number: int) -> str:
    parts = [name, *[""] * max(fields, default=0)]
    for at, use in fields.items():
        datatype = named(version, name, at).datatype
        parts[at] = use.codes[number % len(use.codes)] if use.codes else _VALUES.get(datatype, "A1")
    return "|".join(parts)
