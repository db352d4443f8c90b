"""Who did what, and what was loaded."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, LargeBinary, SmallInteger, Table, Text

from engine.store.tables.schema import Id, metadata

__all__ = ["audit", "audit_checkpoints", "audit_head", "configured"]

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", LargeBinary, nullable=False),  # JSON
    Column("chain", LargeBinary, nullable=False),
    Index("audit_by_time", "at"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),  # 1
    Column("upto", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
"""Where the audit ends, under a key: rows that were cut off are missed."""

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("number", Id, primary_key=True, autoincrement=False),
    Column("upto", BigInteger, nullable=False),  # the newest entry that it covers
    Column("at", Float(53), nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("versions_upto", BigInteger, nullable=False),  # where the chain over versions stood
    Column("versions_chain", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

configured = Table(
    "configured",
    metadata,
    Column("name", Text, primary_key=True),  # `channel:charges`, `settings`, `policy`
    Column("digest", LargeBinary, nullable=False),
    Column("places", LargeBinary, nullable=False),  # JSON: place → keyed digest of what stands there
)
"""What was loaded last, to tell what is different next time."""
