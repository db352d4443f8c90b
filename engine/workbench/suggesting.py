"""Codes of a table that a missing code may stand for, for a person to decide.

Senders write one code in several ways: with and without leading zeros, signs and blanks, in capitals or not.
Such a one is told as the same code written otherwise; others only when few characters differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

__all__ = ["Suggestion", "suggest"]

ALIKE = 0.75  # of 1, as difflib counts: two of eight characters differ
MOST = 3
_LARGE = 20_000  # codes of a table above which only other spellings are looked for


class Suggestion(NamedTuple):
    """A code of the table, and why it may be meant."""

    code: str
    why: str


def suggest(code: str, known: Iterable[str], *, alike: bool = True) -> list[Suggestion]:
    """The likeliest first, three at most; `known` are the table's codes. Without `alike` other spellings
    alone."""
    codes = list(known)
    plain = _plain(code)
    same = [Suggestion(one, "the same, written otherwise") for one in codes if _plain(one) == plain]
    if same or not alike or len(codes) > _LARGE or len(plain) < 3:
        return same[:MOST]
    near = sorted(_alike(plain, codes), key=lambda one: (-one[0], one[1]))
    return [Suggestion(one, "few characters differ") for _, one in islice(near, MOST)]


def _alike(plain: str, codes: Iterable[str]) -> Iterator[tuple[float, str]]:
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(plain)
    for one in codes:
        matcher.set_seq1(_plain(one))
        quick = matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE
        if quick and (ratio := matcher.ratio()) >= ALIKE:
            yield ratio, one


def _plain(code: str) -> str:
    """What all spellings of a code have in common; the code itself when it has nothing but signs."""
    kept = "".join(filter(str.isalnum, code)).casefold()
    return kept.lstrip("0") or kept or code
