"""Who may come to the console."""

from __future__ import annotations

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

from engine.store.tables.schema import metadata, partial

__all__ = ["api_tokens", "sessions", "users"]

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("who", Text, nullable=False),  # which human being
    Column("roles", Text, nullable=False),  # apart by blanks
    Column("state", Text, nullable=False),  # invited, active, disabled
    Column("password", Text, nullable=False, server_default=""),  # a slow hash (PHC); empty: none
    Column("issuer", Text, nullable=False, server_default=""),  # of OpenID Connect
    Column("subject", Text, nullable=False, server_default=""),
    Column("invitation", LargeBinary),  # digest of the one-time link
    Column("invited_until", Float(53), nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until", Float(53), nullable=False, server_default="0"),
    Column("made_at", Float(53), nullable=False),
    Column("changed_at", Float(53), nullable=False),
    Column("seen_at", Float(53), nullable=False, server_default="0"),
    partial("users_of_issuer", "issuer", "subject", where="issuer <> ''", unique=True),
)
"""Who may come to the console."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_name", Text, ForeignKey("users.name"), nullable=False),
    Column("since", Float(53), nullable=False),
    Column("seen_at", Float(53), nullable=False),
    Column("until", Float(53), nullable=False),
    Column("address", Text, nullable=False),
    Column("how", Text, nullable=False),  # password, oidc, invitation
    Index("sessions_of_user", "user_name"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("user_name", Text, ForeignKey("users.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("made_at", Float(53), nullable=False),
    Column("until", Float(53), nullable=False),
    Column("used_at", Float(53), nullable=False, server_default="0"),
    Column("revoked_at", Float(53), nullable=False, server_default="0"),
    Index("api_tokens_of_user", "user_name"),
)
