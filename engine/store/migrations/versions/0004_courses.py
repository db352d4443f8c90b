"""Courses of visits and appointments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "courses",
        sa.Column("space", sa.Text(), primary_key=True),
        sa.Column("course", sa.Text(), primary_key=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stands", sa.SmallInteger(), nullable=False),
        sa.Column("touched_at", sa.Float(53), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
    )
    over = sa.text("stands = 0")
    op.create_index("courses_over", "courses", ["touched_at"], sqlite_where=over, postgresql_where=over)
