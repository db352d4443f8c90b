"""The allow-list: what becomes of every place in a message (spec: PHI, sections 1 and 2).

Precedence: a component's own row, then how the field's treatment spreads over its datatype, then the
field's row; nothing found, a Z segment, or a place beyond the datatype: denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from engine.hl7.path import Path
from engine.privacy.rules import PARTIAL, Forbidden, Rule, Treatment, Use, advice, not_offered, offers
from engine.privacy.table import Row, components_of, v2_table
from engine.privacy.tokens import DOMAINS, PERSON

__all__ = ["MAY_READ", "Change", "Policy"]

MAY_READ: dict[Use, frozenset[str]] = {
    "test": frozenset({"keep", "engine"}),
    "value": frozenset({"keep", "token", *PARTIAL}),
    "date": frozenset({"keep", "opdate"}),
    "sequence": frozenset({"keep", "token"}),
    "whether": frozenset({"keep", "engine", "token", "opdate", *PARTIAL}),
}
_NUMBERS = frozenset({"H", "R"})
"""Letters of numbers that name one message or person: no condition asks which one it is."""

_CODED = frozenset({"CE", "CWE", "CNE", "CF"})
_PLACES = frozenset({"PL", "CM_INTERNAL_LOCATION"})

_STRICTER: dict[tuple[str, int], Treatment] = {
    ("EIP", 2): "token",  # the filler's own number, not a namespace as the row takes it for
    ("PRL", 3): "scan",  # descriptive text of the parent's result
    ("NDL", 10): "drop",  # a building, dropped in every other location
}
"""Where we are stricter than the table, by the datatype of a component's row."""

_MEANT_BEFORE: dict[tuple[str, int], Treatment] = {
    ("CM_INTERNAL_LOCATION", 6): "drop",  # the floor in 2.2, where PL has the kind of location
}
"""Where an older datatype of a field had what does not pass: one list speaks for all versions."""


class Change(msgspec.Struct, frozen=True):
    """A channel's change to the policy at one place (`PV1-7`, `PID-3.9`): `drop` narrows, anything
    else widens and needs a reason and a reviewer."""

    path: str
    treatment: Treatment
    reason: str = ""
    reviewer: str = ""
    codes: tuple[str, ...] = ()  # of OBX-3: what a `number` may be of


_DENIED = Rule("deny")
_BY_NAME = "explicit per-field allow-list in the channel file"
_Z = Rule("deny", _BY_NAME, row="Z*-*", name="ANY_Z_SEGMENT", letter="A-R")
_Place = tuple[str, int, int]  # segment, field, component (0: the field)


class Policy:
    """The table with a channel's changes. Immutable; safe to share between threads.

    Raises `Forbidden` for a change that the table does not offer, `Misconfigured` for no path."""

    def __init__(self, changes: Sequence[Change] = ()) -> None:
        self._table = v2_table()
        self._changes: dict[_Place, Change] = {}
        for change in changes:
            place = _place(change.path)
            self._permit(change, Policy().treatment(*place))
            self._changes[place] = change

    @property
    def changed(self) -> list[_Place]:
        """The places that the channel has otherwise than the table."""
        return list(self._changes)

    def treatment(self, segment: str, field: int, component: int = 0, subcomponent: int = 0) -> Rule:
        """What becomes of a place. Component 0 asks about the field as a whole (`keep-code`,
        `token`, …), a component about the leaf that is read (`keep`, `token`, `drop`, …)."""
        row = self._table.fields.get((segment, field))
        if row is None:
            return self._local(segment, field, component, subcomponent)
        changed = self._changes.get((segment, field, 0))
        rule = _rule(row, DOMAINS.get(row.domain, ""), changed)
        if component == 0:
            return rule
        rule = self._component(row, rule, (segment, field, component), whole=changed is not None)
        return rule if subcomponent <= 1 else self._subcomponent(row, rule, component, subcomponent)

    def permitted(self, path: Path, use: Use) -> Rule:
        """The rule for a place that may be read for this use. Raises `Forbidden`."""
        rule = self.treatment(path.segment, path.field, path.component, path.subcomponent)
        told = use == "test" and rule.treatment == "engine" and rule.letter in _NUMBERS
        if rule.treatment in MAY_READ[use] and not told:
            return rule
        raise Forbidden(path.text, use, rule, advice(path.segment, rule, use))

    def _local(self, segment: str, field: int, component: int, subcomponent: int) -> Rule:
        """A place beyond the table: denied, but for the single fields of Z segments that a channel names."""
        if not segment.startswith("Z"):
            return _DENIED
        change = self._changes.get((segment, field, component))
        if change is None and component == 1:
            change = self._changes.get((segment, field, 0))
        return _Z if change is None or subcomponent > 1 else _changed(_Z, change)

    def _component(self, row: Row, field: Rule, place: _Place, *, whole: bool) -> Rule:
        """`whole`: the channel changed the field, so its components' own rows no longer speak."""
        change = self._changes.get(place)
        own = None if whole else self._table.components.get(place)
        if own is None:
            spread = self._spread(row, field, place[2])
            return spread if change is None else _changed(spread, change)
        stricter = _STRICTER.get((own.datatypes[0], place[2])) or _meant_before(row.datatypes, place[2])
        rule = _rule(own, DOMAINS.get(own.domain, field.domain), change)
        return rule if stricter is None else msgspec.structs.replace(rule, treatment=stricter)

    def _spread(self, row: Row, field: Rule, component: int) -> Rule:
        """How the field's treatment spreads over its datatype's components."""
        treatment = field.treatment
        if treatment in ("drop", "deny", "scan", "reassemble"):
            return field
        if not _exists(row, component):
            return _DENIED
        spelled = {"keep-code": ["CWE"], "keep-loc": ["PL"]}.get(treatment, row.datatypes)
        typed = [type_ for type_ in spelled if (treatment, type_) in self._table.typed]
        if treatment in PARTIAL:
            return field if component == 1 else _DENIED
        if typed:
            own = self._table.types.get((treatment, typed[-1], component))
            return _DENIED if own is None else _rule(own, field.domain)
        return _DENIED if treatment == "token" and component != 1 else field

    def _subcomponent(self, row: Row, rule: Rule, component: int, subcomponent: int) -> Rule:
        """What lies deeper: like its component where its datatype has such a place, with the text
        of codes, the rooms of places and the numbers of identifiers treated as everywhere else."""
        if rule.treatment in PARTIAL:
            return _DENIED
        if rule.treatment in ("drop", "deny", "scan", "reassemble"):
            return rule
        types = [type_ for type_ in _types_at(row, component) if len(components_of(type_)) >= subcomponent]
        rules = [self._nested(rule, type_, subcomponent) for type_ in types] or [_DENIED]
        return min(rules, key=lambda found: found.treatment == rule.treatment)

    def _nested(self, rule: Rule, datatype: str, subcomponent: int) -> Rule:
        if rule.treatment == "token":
            key = ("token", datatype, subcomponent)
        elif rule.treatment == "keep" and datatype in _CODED:
            key = ("keep-code", "CWE", subcomponent)
        elif rule.treatment == "keep" and datatype in _PLACES:
            key = ("keep-loc", "PL", subcomponent)
        else:
            return rule
        own = self._table.types.get(key)
        if own is None or (datatype, subcomponent) in _MEANT_BEFORE:
            return _DENIED
        return _rule(own, rule.domain)

    def _permit(self, change: Change, rule: Rule) -> None:
        if change.treatment == "drop":
            return
        if change.treatment not in offers(rule):
            raise Forbidden(change.path, "change", rule, not_offered(rule))
        if change.treatment == "number" and not change.codes:
            raise Forbidden(
                change.path, "change", rule, "name the codes of OBX-3 that are only numbers: codes:"
            )
        if not (change.reason.strip() and change.reviewer.strip()):
            raise Forbidden(change.path, "change", rule, "to widen it, give a reason and a reviewer")


def _rule(row: Row, domain: str, change: Change | None = None) -> Rule:
    """The rule of a row, with the letter of its token domain."""
    treatment = cast(Treatment, row.treatment)
    narrowed = change is not None and change.treatment == "drop"
    if change is not None:
        treatment = change.treatment
        if treatment == "token":
            domain = domain or PERSON  # the offered tokens without a domain: PID-4, PID-21
    codes = change.codes if change is not None else ()
    return Rule(treatment, row.option, domain, row.path, row.name, row.letter, row.phi_class, narrowed, codes)


def _changed(rule: Rule, change: Change) -> Rule:
    narrowed = change.treatment == "drop"
    return msgspec.structs.replace(rule, treatment=change.treatment, narrowed=narrowed)


def _meant_before(datatypes: Sequence[str], component: int) -> Treatment | None:
    return next((found for one in datatypes if (found := _MEANT_BEFORE.get((one, component)))), None)


def _exists(row: Row, component: int) -> bool:
    return component == 1 or any(len(components_of(type_)) >= component for type_ in row.datatypes)


def _types_at(row: Row, component: int) -> list[str]:
    found = (components_of(type_)[component - 1 : component] for type_ in row.datatypes)
    return sorted({type_ for entry in found for types in entry for type_ in types})


def _place(text: str) -> _Place:
    path = Path.parse(text)
    return path.segment, path.field, path.component if "." in text else 0
