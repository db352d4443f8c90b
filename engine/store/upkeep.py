"""Keeping the store in health: forgetting in time, proving that a commit is still possible."""

from __future__ import annotations

from typing import Final

from engine.errors import Unavailable
from engine.store.database import rows_of
from engine.store.part import Part

__all__ = ["Upkeep"]

AT_ONCE: Final = 1000
"""Rows a purge touches in one transaction: intake never waits long behind it."""

# Dead letters keep theirs, and so do the later pieces of one: they may be routed again. So does what a
# resource is now: clients read it.
_PAST: Final = (
    "SELECT c.message_id FROM contents c"
    " JOIN messages m ON m.id = c.message_id WHERE (m.state IN ('delivered', 'filtered', 'quarantined')"
    " OR (m.state = 'joined' AND EXISTS (SELECT 1 FROM messages f WHERE f.id = m.original"
    " AND f.state IN ('delivered', 'filtered'))))"
    " AND m.received_at < ? AND NOT EXISTS"  # what is owed is written from what came, to the first of pieces
    " (SELECT 1 FROM owed o WHERE o.message_id = m.id AND o.state = 'owed')"
    " AND m.id NOT IN (SELECT l.original FROM owed o JOIN messages l ON l.id = o.message_id"
    " WHERE o.state = 'owed' AND l.state = 'joined')"
    " AND NOT EXISTS (SELECT 1 FROM versions v JOIN resources r ON r.created = v.created"
    " WHERE v.message_id = m.id AND r.message_id = m.id AND r.deleted = 0)"
)
_SOME_PAST: Final = _PAST + " AND c.message_id > ? ORDER BY c.message_id LIMIT ?"
_CONTENT: Final = (
    f"DELETE FROM contents WHERE message_id IN ({_PAST} AND c.message_id IN ({{}})) RETURNING message_id"
)
_ORIGINALS: Final = (
    "UPDATE messages SET is_original = 0 WHERE id IN (SELECT id FROM messages WHERE is_original = 1"
    " AND state IN ('delivered', 'filtered', 'dead', 'joined') AND received_at < ? ORDER BY id LIMIT ?)"
)
_COURSES: Final = (
    "DELETE FROM courses WHERE (space, course) IN (SELECT space, course FROM courses WHERE stands = 0"
    " AND touched_at < ? ORDER BY touched_at LIMIT ?)"
)


class Upkeep(Part):
    """The verbs that no message calls."""

    def purge(self, *, content_before: float, duplicates_before: float) -> int:
        """`MessageStore.purge`. Content goes of what is delivered, filtered or quarantined; a message
        that is not in work any more stops being the original of resends; a visit that is closed or an
        appointment that holds nothing is not remembered any more."""
        return (
            self._past_contents(content_before)
            + self._in_parts(_ORIGINALS, duplicates_before)
            + self._in_parts(_COURSES, duplicates_before)
        )

    def check(self) -> None:
        """`MessageStore.check`: makes one commit durable."""
        if broken := self._database.broken():
            raise Unavailable(broken)
        with self._database.write() as work:
            work.run("UPDATE pulse SET beat = beat + 1 WHERE id = 1")

    def own(self) -> bool:
        """`MessageStore.own`."""
        return self._database.own()

    def idle(self) -> bool:
        """`MessageStore.idle`."""
        return self._database.idle()

    def close(self) -> None:
        """`MessageStore.close`."""
        self.cabinet.close()
        self._database.close()

    def _past_contents(self, before: float) -> int:
        """Looked for without holding up intake: what stays may be far more than what goes."""
        total = after = 0
        while True:
            with self._database.read() as work:
                past = [row[0] for row in work.rows(_SOME_PAST, (before, after, AT_ONCE))]
            if not past:
                return total
            with self._database.write() as work:
                total += len(rows_of(work, _CONTENT, past, before))
            after = past[-1]

    def _in_parts(self, statement: str, before: float) -> int:
        total = 0
        while True:
            with self._database.write() as work:
                count = work.run(statement, (before, AT_ONCE))
            total += count
            if count < AT_ONCE:
                return total
