"""How one leaf of a message is shown: as it is, or masked as the privacy step would remove it."""

from __future__ import annotations

import msgspec

from engine.privacy.rules import Rule
from engine.privacy.tokens import DOMAINS

__all__ = ["MASK", "SHOWN", "Line", "mask", "treatment_shown"]

MASK = "*****"
SHOWN = frozenset({"keep", "engine", "opdate"})
"""Treatments of what is shown to anybody who may see messages."""

_DOMAINS = {letter: word for word, letter in DOMAINS.items()}


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One leaf as it is shown: its path, its names from the field down, its datatype, the value or its
    mask (`masked` says which it is, `treatment` what the privacy step makes of it, by which `row` of its
    table)."""

    path: str
    segment: str
    title: str
    datatype: str
    value: str
    treatment: str
    masked: bool = False
    row: str = ""


def mask(treatment: str, domain: str, text: str) -> str:
    """What stands in place of a value."""
    if text == '""':
        return text
    if treatment == "token":
        return f"<{_DOMAINS[domain]} token>"
    return text[:4] if treatment == "year" and text[:4].isdecimal() else MASK


def treatment_shown(rule: Rule) -> str:
    """The treatment by its word: `token:person`, `drop` …"""
    return f"token:{_DOMAINS[rule.domain]}" if rule.treatment == "token" else rule.treatment
