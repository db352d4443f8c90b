"""Rules of the allow-list, and the word that no gets: what a place is, and what to use instead."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = ["OFFERED", "NARROWED", "Forbidden", "Rule", "Treatment", "Use", "advice"]

Treatment = Literal[
    "keep", "keep-code", "keep-loc", "token", "opdate", "year", "engine", "scan", "drop", "deny", "reassemble"
]
Use = Literal["test", "value", "date", "sequence", "whether"]
"""What a value is read for: a condition; to go out; to go out as a date; to order by; to know that it is
there."""

OFFERED: dict[str, Treatment] = {
    "keep": "keep",
    "keep-code": "keep-code",
    "keep-loc": "keep-loc",
    "token": "token",
    "token:person": "token",
    "year": "year",
}
"""The table's options that a channel can take up."""


class Rule(msgspec.Struct, frozen=True):
    """What becomes of one place, and which row of the table says so."""

    treatment: Treatment
    option: str = ""  # the most that a channel may do instead
    domain: str = ""  # letter of the token domain
    row: str = "*-*"
    name: str = "ANY_FIELD_BEYOND_THE_TABLE"
    letter: str = ""  # of the 18 identifiers, `A` (names) to `R`
    phi_class: str = ""
    narrowed: bool = False  # by the channel itself


class Forbidden(Exception):
    """The policy does not let this place be read for this use: lint shows what is `said` of it and the
    `advice`."""

    def __init__(self, path: str, use: str, rule: Rule, advice: str) -> None:
        shown = f"{rule.name}, class {rule.letter}" if rule.letter.strip("-") else rule.name
        self.said = f"{path}: {_SAID[rule.treatment]} ({shown})"
        super().__init__(f"{self.said}: {advice}")
        self.path, self.use, self.rule, self.advice = path, use, rule, advice


_SAID: dict[str, str] = {
    "keep": "passes",
    "keep-code": "passes as a code",
    "keep-loc": "passes as point of care and facility",
    "token": "is replaced by a token",
    "opdate": "is an operational date",
    "year": "passes as a year",
    "engine": "is used inside the engine only",
    "scan": "is dropped as free text",
    "drop": "is dropped",
    "deny": "is not on the allow-list",
    "reassemble": "is the continuation of another segment",
}


def advice(segment: str, rule: Rule, use: Use) -> str:
    """What to use instead."""
    if rule.narrowed:
        return NARROWED
    if rule.treatment == "token":
        return "a token has no place in a condition or a date; use it as a value or to order by"
    if rule.treatment == "opdate":
        return "use it where a date goes out (needed_at, date)"
    if rule.treatment == "engine":
        return "it can be tested in `when:`" if use != "test" else "ask whether it is present or absent"
    if rule.option in OFFERED:
        return f"the channel may widen it to {OFFERED[rule.option]!r}, with a reason and a reviewer"
    return _INSTEAD.get(rule.phi_class) or _BY_LETTER.get(rule.letter) or _elsewhere(segment)


NARROWED = "the channel itself keeps it back: privacy: narrow"

_INSTEAD = {
    "name": "use PID-3 for a token",
    "staff-name": "use component 1 for a token",
    "text": "use the code in component 1",
    "room": "use component 1, the point of care",
    "bed": "use component 1, the point of care",
    "building": "use component 4, the facility",
    "check": "use component 1 for a token",
}
_BY_LETTER = {
    "A": "use PID-3 for a token",
    "B": "use a point of care such as PV1-3.1",
    "C": "use an operational date such as PV1-44 or FT1-4, where a date goes out",
    "G": "use PID-3 for a token",
    "I": "use PID-3 for a token",
    "K": "use PID-3 for a token",
    "J": "use PID-18 for a token of the account",
}


def _elsewhere(segment: str) -> str:
    if segment.startswith("Z"):
        return "no Z segment passes; use a field of the standard"
    return "use a code, a location or an identifier that the table lets pass"
