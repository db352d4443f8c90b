"""Application answers that are owed on a link of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.store.contracts.owing import Owed
from engine.store.part import Part

__all__ = ["Owing"]

_OWED: Final = (
    "SELECT o.message_id, o.attempts FROM owed o JOIN messages m ON m.id = o.message_id"
    " WHERE o.state = 'owed' AND o.channel = ?"
    " AND m.state <> 'fragment' AND (m.answered <> ''"
    " OR m.state IN ('delivered', 'filtered', 'dead', 'shadowed', 'skipped')"
    " OR EXISTS (SELECT 1 FROM messages w WHERE m.state = 'joined' AND w.id = m.original"
    " AND w.state IN ('delivered', 'filtered', 'dead', 'shadowed', 'skipped')))"
    " ORDER BY o.message_id LIMIT ?"
)


class Owing(Part):
    """The verbs of whoever tells them."""

    def owed(self, channel: str, limit: int) -> list[Owed]:
        """`OwingStore.owed`."""
        with self._database.read() as work:
            return [Owed(*row) for row in work.rows(_OWED, (channel, limit))]

    def told(self, answers: Sequence[Owed]) -> None:
        """`OwingStore.told`."""
        rows = [(one.how, one.attempts, one.message_id) for one in answers]
        with self._database.write() as work:
            work.run_many("UPDATE owed SET state = ?, attempts = ? WHERE message_id = ?", rows)
