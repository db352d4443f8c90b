"""The policy as a person reads it: place by place, as the table says it and as a channel has it.

listed("PV1-3", Policy(changes))          a field and its components
listed("Patient", FhirPolicy(changes))    a resource type and its elements
differences(Policy(), Policy(changes))    what a channel has otherwise
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import msgspec

from engine.errors import Misconfigured
from engine.fhir.path import Path
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_table import fhir_table
from engine.privacy.policy import Policy
from engine.privacy.rules import Rule, Treatment, offers
from engine.privacy.table import Row, components_of, v2_table

__all__ = ["VERSIONS", "Difference", "Listed", "differences", "listed"]

VERSIONS = (
    "2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.7.1", "2.8", "2.8.1", "2.8.2",
    "2.9", "2.9.1",
)  # fmt: skip
"""Of HL7 v2, oldest first."""

_V2_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:-(?P<field>[1-9][0-9]{0,2})(?:\.(?P<component>[1-9][0-9]?))?)?"
)


class Listed(msgspec.Struct, frozen=True, omit_defaults=True):
    """What becomes of one place: `row` is the row of the table that says so, `offers` the most that a channel
    may do instead, `types` and `since` of the standard (in the version asked for, else of all), `absent`
    whether that version lacks the place, `table` what the table says where a channel has it otherwise."""

    path: str
    name: str
    treatment: Treatment
    row: str
    offers: str = ""
    domain: str = ""
    letter: str = ""
    phi_class: str = ""
    subject: str = ""
    types: str = ""
    since: str = ""
    withdrawn: str = ""
    absent: bool = False
    note: str = ""
    table: str = ""


class Difference(msgspec.Struct, frozen=True):
    """A place that two policies have differently."""

    path: str
    name: str
    row: str
    letter: str
    before: Treatment
    after: Treatment


def listed(what: str, policy: Policy | FhirPolicy, version: str = "") -> list[Listed]:
    """Every place that `what` names: a segment, field or component, a resource type or element; everything
    when it is empty. `version` is one of `VERSIONS`, or a FHIR release. Raises `Misconfigured` for what the
    table does not know."""
    found = _v2(what, policy, version) if isinstance(policy, Policy) else _fhir(what, policy, version)
    places = list(found)
    if not places:
        text = f"the policy knows no {what}: whatever stands there is denied"
        raise Misconfigured(text, hint="PID, PID-3, PID-3.4, Patient or Patient.identifier")
    return places


def differences(before: Policy | FhirPolicy, after: Policy | FhirPolicy) -> list[Difference]:
    """The places of which `after` lets more or less pass than `before`; both are of one kind."""
    touched = {place[0] for place in (*before.changed, *after.changed)}
    old = {one.path: one for name in sorted(touched) for one in listed(name, before)}
    new = {one.path: one for name in sorted(touched) for one in listed(name, after)}
    pairs = [
        (old.get(path) or _as_table(new[path]), new.get(path) or _as_table(old[path]))
        for path in {**old, **new}
    ]
    return [
        Difference(one.path, one.name, one.row, one.letter, was.treatment, one.treatment)
        for was, one in pairs
        if was.treatment != one.treatment
    ]


def _as_table(one: Listed) -> Listed:
    """A place that only one of the two has changed: the other has it as the table says."""
    return msgspec.structs.replace(one, treatment=cast(Treatment, one.table or one.treatment))


def _v2(what: str, policy: Policy, version: str) -> Iterator[Listed]:
    asked = _V2_PLACE.fullmatch(what) if what else None
    if what and asked is None:
        return
    segment, field, component = asked.groups() if asked else (None, None, None)
    if segment is not None and segment.startswith("Z"):
        yield _one(f"{segment}-*", policy.treatment(segment, 1), policy.treatment(segment, 1))
    for (name, number), row in v2_table().fields.items():
        if segment in (None, name) and field in (None, str(number)):
            yield from _field(row, policy, name, number, version, component)


def _field(
    row: Row, policy: Policy, segment: str, number: int, version: str, component: str | None
) -> Iterator[Listed]:
    base, table = Policy(), v2_table()
    if component is None:
        whole = policy.treatment(segment, number)
        yield _one(row.path, whole, base.treatment(segment, number), row, version)
    for at in range(1, max((len(components_of(type_)) for type_ in row.datatypes), default=0) + 1):
        if component in (None, str(at)):
            own = table.components.get((segment, number, at))
            rule = policy.treatment(segment, number, at)
            yield _one(f"{row.path}.{at}", rule, base.treatment(segment, number, at), own or row, version)


def _fhir(what: str, policy: FhirPolicy, version: str) -> Iterator[Listed]:
    base, rows = FhirPolicy(), fhir_table().rows
    beside = [place for place in policy.changed if place not in rows]  # parts of what has a row
    for place in (*rows, *beside):
        path, row = ".".join(place), _row_above(place)
        if what and path != what and not path.startswith(f"{what}."):
            continue
        rule, said = _rule_of(policy, place, row), _rule_of(base, place, row)
        absent = bool(version) and version.replace("R4B", "R4") not in row.since.replace("R4B", "R4")
        yield msgspec.structs.replace(_one(path, rule, said, row), absent=absent)


def _row_above(place: tuple[str, ...]) -> Row:
    rows = fhir_table().rows
    return next(rows[place[:depth]] for depth in range(len(place), 0, -1) if place[:depth] in rows)


def _rule_of(policy: FhirPolicy, place: tuple[str, ...], row: Row) -> Rule:
    """As the policy says; of a generic row and of a whole type, what the row itself says."""
    if len(place) > 1 and (place[0],) in fhir_table().elements and place[0][:1].isupper():
        try:
            rule = policy.leaf(Path.parse(".".join(place))).rule
        except Misconfigured:
            rule = None
        if rule is not None and rule.treatment != "deny":
            return rule
    treatment = cast(Treatment, row.treatment)
    return Rule(treatment, row.option, row.domain, row.path, row.path, row.letter, row.phi_class)


def _one(path: str, rule: Rule, said: Rule, row: Row | None = None, version: str = "") -> Listed:
    return Listed(
        path=path,
        name=row.name if row and row.name else rule.name,
        treatment=rule.treatment,
        row=rule.row,
        offers=(" or ".join(offers(rule)) if "-" in path else "") or rule.option,
        domain=rule.domain if rule.treatment == "token" else "",
        letter=rule.letter.strip("-"),
        phi_class=rule.phi_class,
        subject=row.subject if row else "",
        types=_types(row, version),
        since=row.since if row else "",
        withdrawn=row.withdrawn if row else "",
        absent=_is_absent(row, version),
        note=row.note if row else "",
        table=said.treatment if said.treatment != rule.treatment else "",
    )


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def _types(row: Row | None, version: str) -> str:
    """The datatypes with the versions in which they start, or the one of a version."""
    if row is None or not version:
        return row.types if row else ""
    entries = [entry.partition("@") for entry in row.types.split()]
    known = [name for name, _, start in entries if not start or _number(start) <= _number(version)]
    return known[-1] if known else ""


def _is_absent(row: Row | None, version: str) -> bool:
    """Whether a version has not got the place yet, or no more."""
    if row is None or not version or not row.since:
        return False
    gone = bool(row.withdrawn) and _number(row.withdrawn) <= _number(version)
    return gone or _number(row.since) > _number(version)
