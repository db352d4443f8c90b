"""How large a store is, and keeping it fit."""

from __future__ import annotations

from typing import Protocol

import msgspec

__all__ = ["CareStore", "Disk", "StoreSize", "TableSize"]


class Disk(msgspec.Struct, frozen=True):
    """Bytes of the disk that the store grows on: in all, and free for its user."""

    total: int
    free: int


class TableSize(msgspec.Struct, frozen=True):
    """Bytes of a table with its indexes, and (PostgreSQL) rows that are dead and not cleared away yet."""

    name: str
    bytes: int
    dead: int = 0


class StoreSize(msgspec.Struct, frozen=True):
    """Bytes of a store with its log; `reusable` is what of them is empty and will be written over first.
    `log` is the part that is not moved into the file yet (SQLite). The largest tables come first; a file does
    not tell of its tables. Of the disk nothing is known where the server is elsewhere."""

    bytes: int
    reusable: int
    log: int
    tables: tuple[TableSize, ...]
    disk: Disk | None


class CareStore(Protocol):
    """Every store has these verbs too. Each raises `Unavailable`."""

    def size(self) -> StoreSize:
        """How large it is now; takes about as long as one look into a file's directory."""
        ...

    def disk(self) -> Disk | None:
        """The disk alone: nothing but the system is asked."""
        ...

    def refuse(self, why: str) -> None:
        """From now on `accept` and `write` of this process raise `Unavailable` with these words, and `check`
        too, until this is called with none: what is stored already goes on."""
        ...

    def damage(self) -> str:
        """What has been found to be wrong with its file since it was opened, or empty."""
        ...

    def examine(self, seconds: float) -> None:
        """Look through what was too large to be looked through when it was opened, for at most so long.
        Raises `Misconfigured`, with a way out, where there is damage."""
        ...

    def vacuum(self) -> int:
        """Give back what is empty, and count anew what the planner goes by; how many bytes smaller it is.

        A file is written anew, which takes as much room again and as long as reading it all: only who
        `own`s the store does that. PostgreSQL clears up beside whatever else it does."""
        ...
