"""Sets of channels, and which of them runs."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Integer, LargeBinary, Table, Text

from engine.store.tables.schema import metadata

__all__ = ["activations", "editions", "running"]

editions = Table(
    "editions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("packed", LargeBinary, nullable=False),  # its files (engine.editions.packing)
    Column("sites", Text, nullable=False),  # apart by blanks
    Column("state", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decided_at", Float(53), nullable=False, server_default="0"),
)
"""Sets of channels that were put forward to be run."""

activations = Table(
    "activations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("edition", Integer, ForeignKey("editions.number"), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""Which edition was to be run from when on: the newest row is the active one."""

running = Table(
    "running",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("activation", Integer, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("refused", Text, nullable=False),
)
"""What each process of an engine runs."""
