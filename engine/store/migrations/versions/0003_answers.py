"""Sequence numbers per link, and application answers owed on a link of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "sequences",
        sa.Column("link", sa.LargeBinary(), primary_key=True),
        sa.Column("last", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "owed",
        sa.Column(
            "message_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.ForeignKey("messages.id"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
    )
    condition = sa.text("state = 'owed'")
    op.create_index(
        "owed_still", "owed", ["channel", "message_id"], sqlite_where=condition, postgresql_where=condition
    )
