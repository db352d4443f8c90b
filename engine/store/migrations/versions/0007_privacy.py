"""What privacy keeps: look-ups of tokens, seal keys, mentions, merges, erasures, the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _lookups()
    _mentions()
    _histories()
    _audit()


def _lookups() -> None:
    op.create_table(
        "lookups",
        sa.Column("lookup", sa.LargeBinary(), primary_key=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("lookups_of_token", "lookups", ["token"])
    op.create_table(
        "seal_keys",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.Float(53), nullable=False),
    )


def _mentions() -> None:
    op.create_table(
        "mentions",
        sa.Column("term", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _histories() -> None:
    op.create_table(
        "merges",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("gone", sa.Text(), nullable=False),
        sa.Column("into", sa.Text(), nullable=False),
        sa.Column("undone_at", sa.Float(53), nullable=False, server_default="0"),
    )
    op.create_index("merges_of_gone", "merges", ["gone"])
    op.create_index("merges_into", "merges", ["into"])
    op.create_table(
        "erasures",
        sa.Column("token", sa.Text(), primary_key=True),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", _ID, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
    )
    op.create_index("audit_by_time", "audit", ["at"])
    op.create_table(
        "audit_head",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", _ID, primary_key=True, autoincrement=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.Column("versions_upto", sa.BigInteger(), nullable=False),
        sa.Column("versions_chain", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "configured",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("places", sa.LargeBinary(), nullable=False),
    )
