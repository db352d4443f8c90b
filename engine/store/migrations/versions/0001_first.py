"""Messages, contents, deliveries, tokens, keys."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _messages()
    _deliveries()
    _tokens()
    op.create_table(
        "keys",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("first_message", sa.BigInteger(), nullable=False),
    )
    pulse = op.create_table(
        "pulse",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
    )
    op.bulk_insert(pulse, [{"id": 1, "beat": 0}])


def _messages() -> None:
    op.create_table(
        "messages",
        _id("id"),
        *_columns(sa.Text(), "channel", "type", "state"),
        *_columns(sa.Float(53), "received_at"),
        *_columns(sa.Text(), "answered"),
        *_columns(sa.SmallInteger(), "is_original"),
        *_columns(sa.BigInteger(), "original", "bytes"),
        sa.Column("effects", sa.Integer(), nullable=False, server_default="0"),
        *_columns(sa.LargeBinary(), "fingerprint", "digest"),
        sa.Column("step", sa.Text(), nullable=False, server_default=""),
        sa.Column("reason", sa.LargeBinary()),
        sa.Column("warnings", sa.LargeBinary()),
    )
    _partial("messages", "messages_original", ["fingerprint", "digest"], "is_original = 1", unique=True)
    _partial("messages", "messages_received", ["id", "channel"], "state = 'received'")
    _partial("messages", "messages_for_people", ["state", "id"], "state IN ('dead', 'quarantined')")
    op.create_table(
        "contents",
        _id("message_id", sa.ForeignKey("messages.id")),
        *_columns(sa.Text(), "key_id"),
        *_columns(sa.LargeBinary(), "sealed"),
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        _id("id"),
        sa.Column("message_id", sa.BigInteger(), sa.ForeignKey("messages.id"), nullable=False),
        *_columns(sa.Text(), "channel", "destination"),
        *_columns(sa.SmallInteger(), "lane"),
        *_columns(sa.Text(), "sequence_key"),
        *_columns(sa.LargeBinary(), "effect"),
        *_columns(sa.BigInteger(), "checksum"),
        *_columns(sa.Text(), "state"),
        *_columns(sa.Integer(), "attempts"),
        *_columns(sa.Float(53), "due_at"),
        sa.Column("lease_until", sa.Float(53), nullable=False, server_default="0"),
        sa.Column("holder", sa.Text(), nullable=False, server_default=""),
        sa.Column("progress", sa.LargeBinary()),
        sa.Column("reason", sa.LargeBinary()),
        sa.Column("documents", sa.LargeBinary()),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("settled_at", sa.Float(53), nullable=False, server_default="0"),
    )
    _partial("deliveries", "deliveries_due", ["destination", "lane", "id", "due_at"], "state = 'due'")
    order = ["destination", "sequence_key", "id", "state"]
    _partial("deliveries", "deliveries_in_order", order, "state IN ('due', 'claimed')")
    _partial("deliveries", "deliveries_claimed", ["lease_until"], "state = 'claimed'")
    _partial("deliveries", "deliveries_dead", ["id"], "state = 'dead'")


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("lookup", sa.LargeBinary(), primary_key=True),
        sa.Column("token", sa.Text(), nullable=False, unique=True),
        *_columns(sa.Text(), "domain", "key_id"),
        *_columns(sa.LargeBinary(), "sealed"),
        *_columns(sa.Float(53), "created_at"),
        sa.Column("merged_into", sa.Text()),
    )
    _partial("tokens", "tokens_merged", ["merged_into"], "merged_into IS NOT NULL")


def _id(name: str, *constraints: sa.ForeignKey) -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column(name, kind, *constraints, primary_key=True, autoincrement=False)


def _columns(kind: sa.types.TypeEngine[Any], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=False) for name in names]


def _partial(table: str, name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
