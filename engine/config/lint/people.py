"""Checks of the people that a channel names, and of the reasons that they give."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.config.finding import Place, Problem
from engine.config.spec import ChannelSpec

__all__ = ["check_owner", "check_people"]

_UNWRITTEN = (
    "todo tbd tba tbc fixme xxx none nobody unknown n/a na nn null owner me you someone somebody anyone"
    " changeme later because reason reviewer needed required to do be done defined change no fill in not"
    " known yet"
)
_NOBODY = frozenset(_UNWRITTEN.split())
"""Words of which a text is made that is still to be written."""
_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")


def check_people(spec: ChannelSpec) -> Iterator[Problem]:
    """Owners and reviewers that are nobody, and reasons that are none."""
    for name in ("business", "technical"):
        yield from check_owner(getattr(spec.owner, name), ("owner", name), "channel")
    for at, widened in enumerate(spec.widen):
        yield from _reviewed(widened.reason, widened.reviewer, ("widen", at))
    for at, known in enumerate(spec.privacy.known_words):
        yield from _reviewed(known.reason, known.reviewer, ("privacy", "known_words", at))


def check_owner(said: str, place: Place, what: str) -> Iterator[Problem]:
    """Who answers for a channel or a table: somebody."""
    if is_placeholder(said):
        yield Problem(place, f"nobody answers for the {what}", "an address or a team that does")
    elif "@" in said and not _ADDRESS.search(said):
        yield Problem(place, "not an address", "write it like interfaces@hospital.example")


def _reviewed(reason: str, reviewer: str, place: Place) -> Iterator[Problem]:
    if is_placeholder(reason):
        yield Problem((*place, "reason"), "no reason is given", "say why it has to pass")
    if is_placeholder(reviewer):
        yield Problem((*place, "reviewer"), "nobody looked at it", "name the person who did")


def is_placeholder(text: str) -> bool:
    """Whether a text stands in for something that is still to be written."""
    plain = re.sub(r"[^a-z0-9/@ ]+", " ", text.casefold()).strip()
    return all(word in _NOBODY for word in plain.split()) or (len(plain) > 2 and len(set(plain)) == 1)
