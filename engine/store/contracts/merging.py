"""What every store promises about merges: who is one with whom, and how one is taken back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from engine.auditing import Entry

__all__ = ["MergeStore", "Merged", "Unmerged"]


class Merged(msgspec.Struct, frozen=True):
    """A merge in the history: `gone` into `into`, as message `message_id` said (0: by a version that kept no
    history). Times in seconds since the epoch; `undone_at` is 0 while it holds."""

    id: int
    message_id: int
    at: float
    gone: str
    into: str
    undone_at: float = 0.0


class Unmerged(msgspec.Struct, frozen=True):
    """A merge that was taken back: the message that had said it, and the deliveries (by id) that move back
    what it moved, with their destinations."""

    message_id: int
    destinations: tuple[str, ...]
    deliveries: tuple[int, ...]


class MergeStore(Protocol):
    """Safe storage for merges."""

    def kin(self, tokens: Sequence[str]) -> dict[bytes, str]:
        """All indexes (and their tokens) of those who are one with these tokens, themselves included."""
        ...

    def merges(self, token: str = "") -> list[Merged]:
        """Every merge that ever concerned this token or who is one with it (empty: the last thousand), newest
        first."""
        ...

    def unmerge(self, gone: str, into: str, *, now: float, told: Entry | None = None) -> Unmerged:
        """Take a merge back: from this commit on `gone` stands for itself again, with what was merged into
        it, and for each delivery of the merge another one is due that moves back what that one moved. `told`
        goes into the audit with it. Raises `Unacceptable` (`conflict`, nothing stored) when no such merge
        holds, or while it is still on its way."""
        ...
