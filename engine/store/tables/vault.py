"""What stands behind tokens, whom messages name, and the keys it is all kept with."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, Table, Text

from engine.store.tables.schema import Id, metadata, partial

__all__ = [
    "MENTIONS_PART",
    "authorities",
    "cabinets",
    "erasures",
    "keys",
    "lookups",
    "mentions",
    "merges",
    "seal_keys",
    "tokens",
    "uses",
]

MENTIONS_PART: Final = 4096
"""Messages whose mentions lie together."""

tokens = Table(
    "tokens",
    metadata,
    Column("token", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("tenant", Text, nullable=False, server_default=""),
    Column("key_id", Text, nullable=False),  # a seal key's, or of a ring key before there were any
    Column("sealed", LargeBinary),  # NULL: erased
    Column("subject", Text, nullable=False, server_default=""),  # NewToken.subject
    Column("created_at", Float(53), nullable=False),
    Column("merged_into", Text),
    Column("moved_to", Text),  # the person it belongs to now, when not `subject`
    Column("erased_at", Float(53)),
    partial("tokens_merged", "merged_into", where="merged_into IS NOT NULL"),
)

lookups = Table(
    "lookups",
    metadata,
    Column("lookup", LargeBinary, primary_key=True),  # keyed, of the canonical identifier
    Column("token", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # the ring key that it is keyed with
    Index("lookups_of_token", "token"),
    sqlite_with_rowid=False,
)
"""Under what an identifier is found: several may lead to one token."""

seal_keys = Table(
    "seal_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reader", Text, nullable=False),  # whose private key opens it
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_at", Float(53), nullable=False),
)
"""The keys that identifiers are sealed with, which only re-identification can open."""

merges = Table(
    "merges",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=True),
    Column("message_id", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("gone", Text, nullable=False),
    Column("into", Text, nullable=False),
    Column("undone_at", Float(53), nullable=False, server_default="0"),
    Index("merges_of_gone", "gone"),
    Index("merges_into", "into"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("token", Text, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("who", Text, nullable=False),
)
"""Persons whose identifiers are gone for good."""

mentions = Table(
    "mentions",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),  # message_id // MENTIONS_PART
    Column("term", BigInteger, primary_key=True, autoincrement=False),  # the first 8 bytes of a lookup
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which messages name an identifier: messages that came one after the other lie together, so that writing
them changes few pages and forgetting them is a range."""

authorities = Table(
    "authorities",
    metadata,
    Column("sealed", LargeBinary, primary_key=True),  # engine.privacy.searching
    sqlite_with_rowid=False,
)
"""The names of the authorities whose numbers came by: a number is searched for under each."""

uses = Table(
    "uses",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("keys", Text, nullable=False),  # Use.keys, apart by blanks
    Column("turn", BigInteger, nullable=False),
    Column("carried", LargeBinary),  # KeyRing.carry
    Column("carried_by", Text),
)
"""Which keys of the ring the purposes use that must give the same answer as last year."""

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("proof", LargeBinary, nullable=False),  # derived one way from the key: is it the same one?
    Column("first_message", BigInteger, nullable=False),
)

cabinets = Table("cabinets", metadata, Column("id", Text, primary_key=True))
"""The one cabinet that holds the keys of this store's contents and subjects, once there are any."""
