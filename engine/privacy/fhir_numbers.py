"""Which of a resource's identifiers is the one, and whose number it is.

The same words as for HL7 v2 decide (`engine.privacy.identifiers`): which types may stand for a person, which
never become a token, one name for every assigning authority. So `PID-3` and `Patient.identifier` of one
person are one identifier (spec: PHI, section 5.1, check P04).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from engine.privacy.authorities import Authorities
from engine.privacy.identifiers import NEVER, PREFERENCE, SPELLINGS, is_number
from engine.privacy.tokens import DOMAINS, PERSON

__all__ = ["ANY", "Choice", "Number", "Numbers", "tellable"]

_NEVER_SYSTEMS = (
    "http://hl7.org/fhir/sid/us-ssn", "http://hl7.org/fhir/sid/us-medicare", "http://hl7.org/fhir/sid/us-mbi",
    "http://hl7.org/fhir/sid/passport", "urn:oid:2.16.840.1.113883.4.1", "urn:oid:2.16.840.1.113883.4.572",
    "urn:oid:2.16.840.1.113883.4.927", "urn:oid:2.16.840.1.113883.4.330",
)  # fmt: skip
"""Systems whose numbers a nation or an insurer gave: never a token, like `NEVER` among the types."""

_TYPES = ("http://terminology.hl7.org/CodeSystem/v2-0203", "http://hl7.org/fhir/v2/0203")
_BEST = {DOMAINS["visit"]: "VN", DOMAINS["account"]: "AN"}
_PERSON_RANKS = {kind: rank for rank, kind in enumerate(PREFERENCE)}


class Choice(msgspec.Struct, frozen=True):
    """What a path's brackets say: a type (`MR`), an authority's name behind it (`MR@HOSP`), or a system."""

    kind: str = ""
    authority: str = ""
    system: str = ""


ANY = Choice()


class Number(msgspec.Struct, frozen=True):
    """One identifier as the vault knows it; `system` as it was sent."""

    authority: str
    kind: str
    value: str
    system: str = ""

    def __repr__(self) -> str:
        return "Number()"


class Numbers:
    """Finds the number of a resource among its identifiers. Shared between threads."""

    def __init__(self, authorities: Authorities) -> None:
        self._authorities = authorities

    def find(self, identifiers: Iterable[Any], domain: str, choice: Choice = ANY) -> Number | None:
        """The best number of this domain (a letter; empty: the first that was chosen); None when none may
        become a token. One that is marked as old never is."""
        found = (self._ranked(one, domain, choice) for one in identifiers)
        ranked = [one for one in found if one is not None]
        return min(ranked, key=lambda one: one[0])[1] if ranked else None

    def every(self, identifiers: Iterable[Any], domain: str) -> Iterator[Number]:
        """All numbers of this domain that may become a token, not only the best."""
        return (found[1] for one in identifiers if (found := self._ranked(one, domain, ANY)) is not None)

    def possible(self, choice: Choice, domain: str) -> bool:
        """Whether a number that is chosen so may become a token, or be told, at all."""
        kind = SPELLINGS.get(choice.kind, choice.kind)
        return not _never(choice.system) and kind not in NEVER and _rank(kind, domain) is not None

    def chosen(self, identifiers: Iterable[Any], choice: Choice) -> Iterator[Mapping[str, Any]]:
        """Identifiers that fit a choice and are not marked as old."""
        for one in identifiers:
            if isinstance(one, dict) and one.get("use") != "old" and self._fits(one, _kind(one), choice):
                yield one

    def _ranked(self, one: Any, domain: str, choice: Choice) -> tuple[int, Number] | None:
        if not any(True for _ in self.chosen([one], choice)):
            return None
        value, kind, system = one.get("value"), _kind(one), one.get("system") or ""
        rank = _rank(kind, domain)
        if rank is None or not isinstance(value, str) or not isinstance(system, str):
            return None
        authority = self._authorities.name("", system) or self._authorities.default
        if not authority or not is_number(value) or _never(system):
            return None
        meant = kind or ("MR" if domain == PERSON else "")
        return rank, Number(authority, meant, value, system)

    def _fits(self, one: Mapping[str, Any], kind: str, choice: Choice) -> bool:
        if choice.kind and kind != SPELLINGS.get(choice.kind, choice.kind):
            return False
        system = one.get("system")
        if choice.system and system != choice.system:
            return False
        named = self._authorities.name("", system) if isinstance(system, str) else ""
        return not choice.authority or named == self._authorities.name(choice.authority, "")


def tellable(one: Mapping[str, Any]) -> bool:
    """Whether a number is none that a nation or an insurer gave: those are not told either."""
    system = one.get("system")
    return _kind(one) not in NEVER and not (isinstance(system, str) and _never(system))


def _never(system: str) -> bool:
    return system.rstrip("/").startswith(_NEVER_SYSTEMS)


def _kind(one: Mapping[str, Any]) -> str:
    """The identifier's type (table 0203), empty when it has none."""
    concept = one.get("type")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    every = codings if isinstance(codings, list) else []
    listed = [each for each in every if isinstance(each, dict) and isinstance(each.get("code"), str)]
    standard = [each for each in listed if each.get("system") in _TYPES]
    kind = next((str(each["code"]).strip() for each in (*standard, *listed)), "")
    return SPELLINGS.get(kind, kind)


def _rank(kind: str, domain: str) -> int | None:
    """How good a number of this type is, 0 the best; None: it never becomes a token."""
    if domain == PERSON:
        return _PERSON_RANKS.get(kind)
    if kind in NEVER:
        return None
    return 0 if kind == _BEST.get(domain) else 1 if not kind else 2
