"""Dead letters that wait for a code that a table of their channel lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from engine.auditing import Entry, spread
from engine.model import Dead, Routing
from engine.store.contracts.parking import Parked
from engine.store.database import Work, rows_of
from engine.store.part import Part
from engine.store.trail import TURN, append

__all__ = ["SAID", "Parking", "park", "route_again"]

LONGEST: Final = 200
"""Characters of a code: what is longer is none that a table would have."""

_PARK: Final = (
    "INSERT INTO unmapped (message_id, channel, code_table, code, place, at) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (message_id) DO UPDATE SET code_table = excluded.code_table, code = excluded.code,"
    " place = excluded.place, at = excluded.at"
)
# What was purged cannot be routed again. What a later version of its resource has followed must not be, nor
# what its sender was told to be refused: it corrects and sends again. They wait for nothing.
# (CROSS JOIN keeps SQLite from beginning with the messages.)
_OPEN: Final = (
    " FROM unmapped u CROSS JOIN messages m CROSS JOIN contents c"
    " WHERE m.id = u.message_id AND c.message_id = u.message_id AND m.state = 'dead'"
    " AND m.answered = 'accepted'"
    " AND NOT EXISTS (SELECT 1 FROM versions v JOIN resources r"
    " ON r.created = v.created WHERE v.message_id = m.id AND r.message_id <> m.id)"
)
_PARKED: Final = (
    "SELECT u.channel, u.code_table, u.code, min(u.place), count(*), min(m.received_at), max(m.received_at)"
    f"{_OPEN} GROUP BY u.channel, u.code_table, u.code ORDER BY min(m.received_at), u.code"
)
_WAITING: Final = (
    f"SELECT u.message_id{_OPEN} AND m.edition <> ? AND u.channel = ?"
    " AND u.code_table = ? AND u.code IN ({})"
)
# By what is active now: a dead letter is often what a new edition was made for.
_ANEW: Final = (
    "state = 'received', again = again + 1, edition = coalesce(?,"
    " (SELECT a.edition FROM activations a ORDER BY a.id DESC LIMIT 1), edition)"
)
SAID: Final = "said before"
"""The step of a message that is to be routed again although it was: what it said stands in its course."""

_AGAIN: Final = (
    f"UPDATE messages SET {_ANEW}, step = CASE WHEN reason IS NULL THEN '{SAID}' ELSE '' END, reason = NULL"
    " WHERE id = ?"
)
_PIECES: Final = f"UPDATE messages SET {_ANEW}, original = 0 WHERE state = 'joined' AND original = ?"


class Parking(Part):
    """The verbs of the worklist of codes."""

    def parked(self) -> list[Parked]:
        """`ParkingStore.parked`."""
        words = Parked.__struct_fields__
        with self._database.read() as work:
            return [Parked(**dict(zip(words, row, strict=True))) for row in work.rows(_PARKED)]

    def heal(self, channel: str, table: str, codes: Sequence[str], *, edition: int, told: Entry) -> int:
        """`ParkingStore.heal`."""
        with self._database.write(TURN) as work:
            found = sorted(
                number for (number,) in rows_of(work, _WAITING, list(codes), edition, channel, table)
            )
            if not found:
                return 0
            route_again(work, found, edition)
            counted = replace(told, detail={**told.detail, "count": str(len(found))})
            append(work, self._audit, spread(counted, "redelivered", found))
        return len(found)


def park(work: Work, routed: Iterable[tuple[Routing, str]], now: float) -> None:
    """Note of messages (with their channels) that became dead letters for want of a code which one it is."""
    rows = [
        (one.message_id, channel, *one.result.lacks, one.result.reason.place, now)
        for one, channel in routed
        if isinstance(one.result, Dead) and one.result.lacks and len(one.result.lacks[1]) <= LONGEST
    ]
    if rows:
        work.run_many(_PARK, rows)


def route_again(work: Work, ids: Sequence[int], edition: int | None = None) -> None:
    """Dead letters are to be routed anew, with the later pieces of those that came in several: by this
    edition, without one by the active one. What they wait for now shows then."""
    again = [(edition, number) for number in ids]
    work.run_many(_AGAIN, again)
    work.run_many(_PIECES, again)
    work.run_many("DELETE FROM unmapped WHERE message_id = ?", [(number,) for number in ids])
