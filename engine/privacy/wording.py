"""What an answer says in words, held against the message that it answers.

The words of errors are fixed phrases and places; that they are is what this makes sure of. A phrase is
compared once: what was said of one message is said of another too, so it is of neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.privacy.matching import Identities

__all__ = ["Wording"]

_CLEAN = 10_000  # phrases that are remembered, before it starts afresh


class Wording:
    """The phrases of one door. Belongs to one thread."""

    def __init__(self) -> None:
        self._clean: set[str] = set()

    def row_in(self, phrases: Iterable[str], identities: Callable[[], Identities]) -> str:
        """The policy's row of what identifies in one of these phrases, empty when nothing does. `identities`
        reads the message, and is called only for phrases that were never said before."""
        new = [phrase for phrase in phrases if phrase and phrase not in self._clean]
        if not new:
            return ""
        known = identities()
        row = next((row for phrase in new if (row := known.row_in(phrase, whole_names=True))), "")
        if not row:
            if len(self._clean) >= _CLEAN:
                self._clean.clear()
            self._clean.update(new)
        return row
