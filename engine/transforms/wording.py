"""Suggestions: the word that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["listed", "meant"]

_SHOWN = 12


def meant(word: str, known: Iterable[str]) -> str:
    """A hint for a word that is not among `known`: the closest one, or else all of them."""
    choices = [choice for choice in known if choice]
    close = get_close_matches(word.lower(), [choice.lower() for choice in choices], n=1, cutoff=0.6)
    if close:
        return f"did you mean {next(choice for choice in choices if choice.lower() == close[0])}?"
    return f"one of: {listed(choices)}" if choices else ""


def listed(words: Iterable[str]) -> str:
    """Words in a row, not too many."""
    row = list(words)
    return ", ".join(row[:_SHOWN]) + (", …" if len(row) > _SHOWN else "")
