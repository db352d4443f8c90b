"""The cabinet that a store belongs to, and which contents a key seals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("cabinets", sa.Column("id", sa.Text(), primary_key=True))
    op.create_index("contents_of_key", "contents", ["key_id"])
