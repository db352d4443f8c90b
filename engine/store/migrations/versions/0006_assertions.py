"""Assertions of clients that were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assertions",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("until", sa.Float(53), nullable=False),
    )
