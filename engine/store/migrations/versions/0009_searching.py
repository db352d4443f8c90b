"""Searching by number: mentions lie together as their messages came, whose numbers came by, and which
messages repeat one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("mentions")  # nothing has written it yet
    op.create_table(
        "mentions",
        sa.Column("part", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("term", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "authorities", sa.Column("sealed", sa.LargeBinary(), primary_key=True), sqlite_with_rowid=False
    )
    condition = sa.text("original <> 0")
    op.create_index(
        "messages_repeats", "messages", ["original"], sqlite_where=condition, postgresql_where=condition
    )
