"""Which identifying data a channel takes in, and what of it leaves, by the static proof
(`engine.config.flows`).

A channel reads a message through compiled paths and nothing else, so this is the whole of it: what is not
listed stays in safe storage."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from engine.config.flows import Flow
from engine.privacy.tokens import DOMAINS

__all__ = ["DataClass", "data_classes"]

IDENTIFIERS: Final = {
    "A": "names",
    "B": "places smaller than a state",
    "C": "dates",
    "D": "telephone numbers",
    "E": "fax numbers",
    "F": "e-mail addresses",
    "G": "social security numbers",
    "H": "medical record numbers",
    "I": "health plan numbers",
    "J": "account numbers",
    "K": "certificate and licence numbers",
    "L": "vehicle identifiers",
    "M": "device identifiers",
    "N": "web addresses",
    "O": "network addresses",
    "P": "biometric identifiers",
    "Q": "photographs",
    "R": "other identifying numbers",
}
"""The identifiers of 45 CFR 164.514(b)(2)(i), by letter."""

_LEAVING: Final = frozenset({"key", "value", "date", "passed on"})
_BECOMES: Final = {
    "opdate": "an operational date",
    "year": "its year",
    "zip3": "three digits of it",
    "udi-di": "the kind of device",
    "number": "a number",
    "scanned": "text that was searched for identifiers",
    "engine": "read inside the engine only",
}
_KINDS: Final = {letter: word for word, letter in DOMAINS.items()}
_WORDS: Final = {
    "account": "an account",
    "order": "an order",
    "staff": "a member of staff",
    "txn": "a transaction",
    "msg": "a message",
    "appt": "an appointment",
}


class DataClass(msgspec.Struct, frozen=True, order=True):
    """One class of identifying data: what it is, by its letters, what becomes of it, where it stands, and
    whether that leaves for a destination (else it is only asked inside the engine)."""

    letters: str
    what: str
    becomes: str
    paths: tuple[str, ...]
    leaves: bool


def data_classes(flows: Iterable[Flow]) -> list[DataClass]:
    """The classes that a channel reads, by letter."""
    paths: dict[tuple[str, str], set[str]] = {}
    leaving: set[tuple[str, str]] = set()
    for flow in flows:
        if flow.letter:
            found = (flow.letter, _becomes(flow))
            paths.setdefault(found, set()).add(flow.path)
            if flow.goes in _LEAVING and flow.treatment != "engine":
                leaving.add(found)
    return sorted(
        DataClass(letters, _what(letters), becomes, tuple(sorted(where)), (letters, becomes) in leaving)
        for (letters, becomes), where in paths.items()
    )


def _what(letters: str) -> str:
    return ", ".join(IDENTIFIERS.get(letter, letter) for letter in letters.split("/"))


def _becomes(flow: Flow) -> str:
    if flow.treatment == "token":
        kind = _KINDS.get(flow.domain, "number")
        return f"the token of {_WORDS.get(kind, f'a {kind}')}"
    return _BECOMES.get(flow.treatment, "itself")
