"""Resources that came over FHIR, their versions, and what finds them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, LargeBinary, SmallInteger, Table, Text

from engine.store.tables.schema import Id, metadata, partial

__all__ = ["assertions", "resources", "spans", "terms", "versions"]

resources = Table(
    "resources",
    metadata,
    Column("created", Id, primary_key=True, autoincrement=False),  # message id of version 1
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("deleted", SmallInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("terms", LargeBinary, nullable=False),  # its rows of `terms`, one after the other
    Index("resources_by_id", "id", "type", "release", unique=True),
    partial("resources_of_type", "release", "type", "created", where="deleted = 0"),
    partial("resources_written", "release", "type", "at", "created", where="deleted = 0"),
)

versions = Table(
    "versions",
    metadata,
    Column("message_id", Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("created", BigInteger, nullable=False),
    Column("release", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("deleted", SmallInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),  # keyed, of the body as transmitted
    Column("chain", LargeBinary, nullable=False),  # engine.store.chain
    Index("versions_of_resource", "created", "version", unique=True),
    Index("versions_of_type", "release", "type", "message_id"),
    Index("versions_written", "release", "type", "at"),
    partial("versions_of_unit", "unit", "message_id", where="unit <> ''"),
)

terms = Table(
    "terms",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("created", Id, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    metadata,
    Column("created", Id, primary_key=True, autoincrement=False),
    Column("param", Text, primary_key=True),
    Column("low", Float(53), primary_key=True),
    Column("high", Float(53), primary_key=True),
    Column("release", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("wide", SmallInteger, nullable=False),  # 1: longer than engine.store.finding.NARROW
    Index("spans_in_time", "release", "type", "param", "wide", "low", "high", "created"),
    sqlite_with_rowid=False,
)

assertions = Table(
    "assertions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # engine.access.assertions
    Column("until", Float(53), nullable=False),
)
"""Assertions of clients that were used, until they would have expired."""
