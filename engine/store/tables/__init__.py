"""The tables of safe storage, the same for SQLite and PostgreSQL.

`messages` are small rows that change state; their sealed bytes lie apart in `contents`, so that a
change of state never rewrites content. A delivery's id is its message's id times `PER_MESSAGE` plus
its place in the message: deliveries of one message are a range of the primary key, order by id is
order of arrival, and no sequence is asked. An index of messages and deliveries is partial: it holds what
is still in work.

A version of a resource is a message too; `resources` are the current ones, numbered by the message that
created them, which is what `terms` and `spans` (what they are found by) point to.
"""

from __future__ import annotations

from engine.store.tables import audit, editions, people, watching  # noqa: F401 - the schema is all of them
from engine.store.tables.messages import PER_MESSAGE, deliveries, messages, owed
from engine.store.tables.resources import resources, versions
from engine.store.tables.schema import metadata
from engine.store.tables.vault import MENTIONS_PART

__all__ = [
    "MENTIONS_PART", "PER_MESSAGE", "deliveries", "messages", "metadata", "owed", "resources", "versions",
]  # fmt: skip
