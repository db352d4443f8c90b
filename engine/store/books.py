"""The books in SQL: what must never be found, and what waits.

Message ids are given out without holes and rows are never removed, so a hole is a lost row. What is said of a
message and what belongs to it is asked in stretches of ids (`engine.store.accounting`), what is few at once.
"""

from __future__ import annotations

from typing import Final

from engine.model import DeliveryState, MessageState
from engine.store.tables import PER_MESSAGE

__all__ = ["ANY_UNFIT", "BACKLOG", "HOLES", "OF_DELIVERIES", "OF_MESSAGES", "OF_OTHERS", "OPEN_DELIVERIES"]


def _words(kind: type[MessageState] | type[DeliveryState]) -> str:
    return ", ".join(f"'{state.value}'" for state in kind)


_OF_MESSAGE: Final = f"d.id BETWEEN m.id * {PER_MESSAGE} AND m.id * {PER_MESSAGE} + {PER_MESSAGE - 1}"
_HAS: Final = f"EXISTS (SELECT 1 FROM deliveries d WHERE {_OF_MESSAGE}"
_COUNT: Final = f"(SELECT count(*) FROM deliveries d WHERE {_OF_MESSAGE} AND d.state <> 'replaced')"
_OPEN: Final = "d.state IN ('due', 'claimed', 'scheduled')"

_M: Final = "m.id >= ? AND m.id < ?"
_D: Final = "d.id >= ? AND d.id < ?"

HOLES: Final = (
    "messages whose row is missing just before",
    "SELECT id FROM (SELECT m.id, lag(m.id, 1, ?) OVER (ORDER BY m.id) AS previous FROM messages m"
    f" WHERE {_M}) AS in_order WHERE id <> previous + 1",
)
"""Asked of a stretch with the last message before it."""

OF_MESSAGES: Final[tuple[tuple[str, str], ...]] = (
    (
        "messages in no known state",
        f"SELECT m.id FROM messages m WHERE {_M} AND m.state NOT IN ({_words(MessageState)})",
    ),
    (
        "received messages without content",
        "SELECT m.id FROM messages m LEFT JOIN contents c ON c.message_id = m.id"
        f" WHERE {_M} AND m.state IN ('received', 'fragment') AND c.message_id IS NULL",
    ),
    (
        "content without its message",
        "SELECT c.message_id FROM contents c LEFT JOIN messages m ON m.id = c.message_id"
        " WHERE c.message_id >= ? AND c.message_id < ? AND m.id IS NULL",
    ),
    (
        "duplicates and pieces of a message that is not there",
        "SELECT m.id FROM messages m LEFT JOIN messages o ON o.id = m.original"
        f" WHERE {_M} AND m.state IN ('duplicate', 'joined') AND o.id IS NULL",
    ),
    (
        "pieces of a message that are not held",
        "SELECT m.id FROM messages m LEFT JOIN fragments f ON f.message_id = m.id"
        f" WHERE {_M} AND m.state = 'fragment' AND f.message_id IS NULL",
    ),
    (
        "waiting messages with nothing open to wait for",
        f"SELECT m.id FROM messages m WHERE {_M} AND m.state = 'waiting' AND NOT {_HAS} AND {_OPEN})",
    ),
    (
        "dead letters without a reason",
        f"SELECT m.id FROM messages m WHERE {_M} AND m.state = 'dead' AND m.reason IS NULL"
        f" AND NOT {_HAS} AND d.state = 'dead')",
    ),
    (
        "messages with an effect on its way to nowhere",
        "SELECT id FROM (SELECT m.id, m.effects, m.again, "
        f"{_COUNT} AS found FROM messages m WHERE {_M} AND m.state IN ('waiting', 'delivered')) AS counted"
        " WHERE effects = 0 OR found = 0 OR (again = 0 AND found % effects <> 0)",
    ),
)
"""What must never be found, in words, and the query that finds its ids among messages from an id on and below
another."""

_UNFIT: Final = (
    ("deliveries without their message", "d.id", "m.id IS NULL"),
    ("deliveries that say another message's id", "d.id", f"d.id / {PER_MESSAGE} <> d.message_id"),
    ("deliveries in no known state", "d.id", f"d.state NOT IN ({_words(DeliveryState)})"),
    (
        "delivered messages with a delivery that does not stand",
        "m.id",
        "m.state = 'delivered' AND d.state NOT IN ('delivered', 'shadowed', 'replaced')",
    ),
    (
        "shadowed messages with a delivery that was carried out, or is open",
        "m.id",
        "m.state = 'shadowed' AND d.state NOT IN ('shadowed', 'replaced')",
    ),
    (
        "skipped messages with a delivery open or dead",
        "m.id",
        f"m.state = 'skipped' AND ({_OPEN} OR d.state = 'dead')",
    ),
    ("dead letters with a delivery still open", "m.id", f"m.state = 'dead' AND {_OPEN}"),
    (
        "messages with deliveries they should not have",
        "m.id",
        "(m.state IN ('joined', 'filtered', 'duplicate', 'quarantined') AND d.state <> 'replaced')"
        f" OR (m.state IN ('received', 'fragment') AND (m.again = 0 OR {_OPEN}))",
    ),
)
_BESIDE: Final = f"FROM deliveries d LEFT JOIN messages m ON m.id = d.id / {PER_MESSAGE} AND {_M} WHERE {_D}"

ANY_UNFIT: Final = f"SELECT 1 {_BESIDE} AND ({' OR '.join(f'({unfit})' for *_, unfit in _UNFIT)}) LIMIT 1"
"""Whether any delivery, between two ids, does not go with its message, between ids of its own: one look."""

OF_DELIVERIES: Final = tuple(
    (words, f"SELECT DISTINCT {key} {_BESIDE} AND ({unfit}) ORDER BY 1") for words, key, unfit in _UNFIT
)
"""Then, how and which."""

OF_OTHERS: Final[tuple[tuple[str, str], ...]] = (
    (
        "held pieces of a message that are none",
        "SELECT f.message_id FROM fragments f LEFT JOIN messages m ON m.id = f.message_id"
        " WHERE m.id IS NULL OR m.state <> 'fragment'",
    ),
    (
        "claimed deliveries that nobody holds",
        "SELECT id FROM deliveries WHERE state = 'claimed' AND holder = ''",
    ),
    (
        "application answers owed for a message that is not there",
        "SELECT o.message_id FROM owed o LEFT JOIN messages m ON m.id = o.message_id WHERE m.id IS NULL",
    ),
    (
        "versions of resources without their message",
        "SELECT v.message_id FROM versions v LEFT JOIN messages m ON m.id = v.message_id WHERE m.id IS NULL",
    ),
    (
        "resources that cannot be read",
        "SELECT r.created FROM resources r LEFT JOIN versions v ON v.message_id = r.message_id"
        " LEFT JOIN contents c ON c.message_id = r.message_id"
        " WHERE v.message_id IS NULL OR (r.deleted = 0 AND c.message_id IS NULL)",
    ),
    (
        "resources found by what is not theirs",
        "SELECT t.created FROM (SELECT created FROM terms UNION SELECT created FROM spans) AS t"
        " LEFT JOIN resources r ON r.created = t.created WHERE r.created IS NULL OR r.deleted = 1",
    ),
    (
        "tokens merged into one that is not there",
        "SELECT t.token FROM tokens t LEFT JOIN tokens s ON s.token = t.merged_into"
        " WHERE t.merged_into IS NOT NULL AND s.token IS NULL",
    ),
)
"""The same of what is few beside them, or has an index of its own."""

OPEN_DELIVERIES: Final = " UNION ALL ".join(
    f"SELECT id, destination, sequence_key, {{effect}}, checksum FROM deliveries WHERE state = '{state}'"
    for state in ("due", "claimed", "scheduled")
)
"""What is compared with its checksum."""

BACKLOG: Final[dict[str, str]] = {
    "unrouted": (
        "SELECT channel, count(*), min(received_at) FROM messages WHERE state = 'received' GROUP BY channel"
    ),
    "fragments": "SELECT channel, count(*), min(since) FROM fragments GROUP BY channel",
    "due": (
        "SELECT d.channel, count(*), min(m.received_at)"
        " FROM deliveries d JOIN messages m ON m.id = d.message_id"
        " WHERE d.state IN ('due', 'claimed') GROUP BY d.channel"
    ),
    "scheduled": (
        "SELECT channel, count(*), NULL FROM deliveries WHERE state = 'scheduled' GROUP BY channel"
    ),
    "owed": "SELECT channel, count(*), NULL FROM owed WHERE state = 'owed' GROUP BY channel",
    "dead": (
        "SELECT channel, count(*), NULL FROM messages WHERE state IN ('dead', 'quarantined')"
        " AND state = 'dead' GROUP BY channel"
    ),
}
"""Per channel: how many, and when the oldest of them was received."""
