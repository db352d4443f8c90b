"""Rules of the allow-list, and the word that no gets: what a place is, and what to use instead."""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "OFFERED",
    "NARROWED",
    "PARTIAL",
    "Forbidden",
    "Rule",
    "Treatment",
    "Use",
    "advice",
    "not_offered",
    "offers",
    "widening",
]

Treatment = Literal[
    "keep", "keep-code", "keep-loc", "token", "opdate", "engine", "scan", "drop", "deny", "reassemble",
    "year", "zip3", "udi-di", "number", "scanned",
]  # fmt: skip
"""What becomes of a value; those of the last line are a channel's choice alone: parts of what is dropped."""

PARTIAL = frozenset({"year", "zip3", "udi-di", "number", "scanned"})
"""Treatments that let a part of a value pass, or a text that was looked through."""

Use = Literal["test", "value", "date", "sequence", "whether"]
"""What a value is read for: a condition; to go out; to go out as a date; to order by; to know that it is
there."""

OFFERED: dict[str, Treatment] = {
    "keep": "keep",
    "keep-code": "keep-code",
    "keep-loc": "keep-loc",
    "token": "token",
    "token:person": "token",
    "keep-code/token": "keep-code",
    "year": "year",
    "year (90+ banded)": "year",
    "zip3": "zip3",
    "keep (UDI-DI only)": "udi-di",
    "keep if NM/SN and OBX-3 allow-listed": "number",
    "explicit per-field allow-list in the channel file": "keep",
}
"""The table's options that a channel can take up."""

_OTHERWISE = {
    "shift": "dates are shifted only where a message is passed on: forward: dates: shift",
    "zip3/state": "widen its parts: the state to 'keep', the ZIP code to 'zip3'",
    "state + zip3": "widen its parts: PID-11.4 to 'keep', PID-11.5 to 'zip3'",
    "state+zip3": "widen its parts: .state and .country to 'keep', .postalCode to 'zip3'",
    "90+ banded": "an age is never read; a birth date may be widened to 'year'",
    "keep if in the channel allow-list": "no address of the web is ever read",
    "keep engine's own table text": "take the text from a table of the channel: lookup(items, name)",
    "keep if the text comes from the engine's own code table": "take it from a table: lookup(items, name)",
    "explicit allow-list of extension URLs": "extensions are never read",
    "token if Device instance": "the ids of devices that pass are this server's own",
    "drop": "a channel may only drop it here",
}
"""What to do where the table offers what no channel file can say."""


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
    codes: tuple[str, ...] = ()  # of OBX-3, for a `number`


def offers(rule: Rule) -> tuple[Treatment, ...]:
    """What a channel may widen a place to, by its row: what the row offers, and of free text that it passes
    scanned."""
    option = OFFERED.get(rule.option)
    found: tuple[Treatment, ...] = () if option is None else (option,)
    return (*found, "scanned") if rule.treatment == "scan" else found


def widening(rule: Rule, use: Use) -> str:
    """How a place could be widened so that it serves this use; empty when it cannot."""
    option = OFFERED.get(rule.option)
    if option is None or (option in PARTIAL and use != "value"):
        return ""
    return f"the channel may widen it to {option!r}, with a reason and a reviewer"


def not_offered(rule: Rule) -> str:
    """Why a place is not widened otherwise."""
    known = " or ".join(map(repr, offers(rule)))
    if known:
        return f"the table offers {known} here"
    return _OTHERWISE.get(rule.option, "a channel may only drop it here; the table offers nothing else")


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
    "zip3": "passes as the first three digits",
    "udi-di": "passes as the product's part",
    "number": "passes as a measured number",
    "scanned": "passes when nothing in it looks like somebody",
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
    if not segment.startswith("Z") and (hint := widening(rule, use)):
        return hint
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
        return "no Z segment passes, but single fields that the channel names under widen:"
    return "use a code, a location or an identifier that the table lets pass"
