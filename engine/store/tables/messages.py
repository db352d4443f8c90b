"""Messages on their way, and what becomes of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from engine.model import DeliveryState, MessageState
from engine.store.tables.schema import Id, metadata, partial

__all__ = [
    "PER_MESSAGE",
    "contents",
    "courses",
    "deliveries",
    "fragments",
    "holds",
    "messages",
    "owed",
    "pulse",
    "revisions",
    "sequences",
    "unmapped",
]

PER_MESSAGE: Final = 1_000_000
"""Room for the deliveries of one message in the ids of all."""

messages = Table(
    "messages",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("received_at", Float(53), nullable=False),
    Column("answered", Text, nullable=False),
    Column("is_original", SmallInteger, nullable=False),  # 1: a resend of it is its duplicate
    Column("original", BigInteger, nullable=False),  # of a duplicate: the message it repeats
    Column("bytes", BigInteger, nullable=False),
    Column("effects", Integer, nullable=False, server_default="0"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("step", Text, nullable=False, server_default=""),
    Column("reason", LargeBinary),  # JSON, as are warnings
    Column("warnings", LargeBinary),
    Column("edition", Integer, nullable=False, server_default="0"),  # Arrival.edition
    Column("again", Integer, nullable=False, server_default="0"),  # how often it was sent through again
    partial("messages_original", "fingerprint", "digest", where="is_original = 1", unique=True),
    partial("messages_repeats", "original", where="original <> 0"),
    partial("messages_received", "id", "channel", where=f"state = '{MessageState.RECEIVED}'"),
    partial(
        "messages_for_people",
        "state",
        "id",
        where=f"state IN ('{MessageState.DEAD}', '{MessageState.QUARANTINED}')",
    ),
)

contents = Table(
    "contents",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("contents_of_key", "key_id"),
)

revisions = Table(
    "revisions",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),  # 0: as it was received
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # as of contents
    Column("sealed", LargeBinary, nullable=False),
    Index("revisions_of_key", "key_id"),
)
"""Contents of a message before persons corrected it; the newest is in `contents`."""

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, ForeignKey("messages.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("sequence_key", Text, nullable=False),
    Column("effect", LargeBinary, nullable=False),  # JSON (engine.effects)
    Column("checksum", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float(53), nullable=False),
    Column("lease_until", Float(53), nullable=False, server_default="0"),
    Column("holder", Text, nullable=False, server_default=""),
    Column("progress", LargeBinary),  # JSON, as are reason and documents
    Column("reason", LargeBinary),
    Column("documents", LargeBinary),
    Column("note", Text, nullable=False, server_default=""),
    Column("settled_at", Float(53), nullable=False, server_default="0"),
    partial("deliveries_due", "destination", "lane", "id", "due_at", where=f"state = '{DeliveryState.DUE}'"),
    partial(
        "deliveries_in_order",
        "destination",
        "sequence_key",
        "id",
        "state",
        where=f"state IN ('{DeliveryState.DUE}', '{DeliveryState.CLAIMED}')",
    ),
    partial("deliveries_claimed", "lease_until", where=f"state = '{DeliveryState.CLAIMED}'"),
    partial("deliveries_dead", "id", where=f"state = '{DeliveryState.DEAD}'"),
    partial("deliveries_scheduled", "due_at", "id", where=f"state = '{DeliveryState.SCHEDULED}'"),
)

fragments = Table(
    "fragments",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("follows", LargeBinary, nullable=False),  # keyed digests of the pointers, or empty
    Column("leads", LargeBinary, nullable=False),
    Column("since", Float(53), nullable=False),
)
"""The pieces of messages that wait for the others: rows go when they are joined or given up."""

unmapped = Table(
    "unmapped",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("code_table", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Index("unmapped_codes", "code_table", "code"),
)
"""Dead letters that wait for a code: rows go when they are routed again."""

owed = Table(
    "owed",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),  # engine.model.Application
    Column("attempts", Integer, nullable=False),
    partial("owed_still", "channel", "message_id", where="state = 'owed'"),
)

sequences = Table(
    "sequences",
    metadata,
    Column("link", LargeBinary, primary_key=True),  # Numbered.link
    Column("last", BigInteger, nullable=False),
)

courses = Table(
    "courses",
    metadata,
    Column("space", Text, primary_key=True),
    Column("course", Text, primary_key=True),  # a token
    Column("version", BigInteger, nullable=False),
    Column("stands", SmallInteger, nullable=False),  # 1: something of it stands in Odoo
    Column("touched_at", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON (engine.courses), free of PHI
    Column("checksum", BigInteger, nullable=False),
    partial("courses_over", "touched_at", where="stands = 0"),
)

holds = Table(
    "holds",
    metadata,
    Column("kind", Text, primary_key=True),  # engine.store.contracts.holding.Hold
    Column("name", Text, primary_key=True),  # a channel or a destination
    Column("since", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""What a person stopped, until somebody lets it go."""

pulse = Table(
    "pulse",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("beat", BigInteger, nullable=False),
)
"""A row to write to, to see whether a commit holds (`MessageStore.check`)."""
