"""Keys of purposes, carried by newer keys of the ring."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uses", sa.Column("carried", sa.LargeBinary()))
    op.add_column("uses", sa.Column("carried_by", sa.Text()))
