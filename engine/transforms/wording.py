"""Suggestions: the word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches

__all__ = ["listed", "meant", "near"]

_SHOWN = 12


def meant(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not among `known`: the closest one, or else all of them."""
    choices = [choice for choice in known if choice]
    return near(word, choices) or (f"one of: {listed(choices)}" if choices else "")


def near(word: str, known: Iterable[str]) -> str:
    """The same where all of them would be too many: nothing when none is close."""
    choices = {choice.lower(): choice for choice in sorted(known, reverse=True)}
    close = get_close_matches(word.lower(), choices, n=100, cutoff=0.6)
    if not close:
        return ""
    best = max(close, key=lambda one: _likeness(one, word.lower()))
    return f"did you mean {choices[best]}?"


_LOOKS = str.maketrans("ilo", "110")
"""Letters that look like digits."""


def _likeness(one: str, other: str) -> tuple[float, bool, int]:
    """How alike two words are: of those with as many characters in common, one that looks the same comes
    first, then one that starts the same."""
    same = one.translate(_LOOKS) == other.translate(_LOOKS)
    pairs = enumerate(zip(one, other, strict=False))
    start = next((at for at, (first, second) in pairs if first != second), len(one))
    return SequenceMatcher(None, one, other).ratio(), same, start


def listed(words: Iterable[str]) -> str:
    """Words in a row, not too many."""
    row = list(words)
    return ", ".join(row[:_SHOWN]) + (", …" if len(row) > _SHOWN else "")
