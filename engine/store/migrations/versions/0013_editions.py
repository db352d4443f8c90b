"""Editions: sets of channels, which of them is run, which one accepted a message; what waits for a code."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TEXT, TIME, NUMBER = sa.Text(), sa.Float(53), sa.Integer()


def upgrade() -> None:
    op.add_column("messages", sa.Column("edition", NUMBER, nullable=False, server_default="0"))
    scheduled = sa.text("state = 'scheduled'")
    op.create_index(
        "deliveries_scheduled", "deliveries", ["due_at", "id"],
        sqlite_where=scheduled, postgresql_where=scheduled,
    )  # fmt: skip
    op.create_table(
        "editions",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("sites", "state")),
        sa.Column("at", TIME, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("who", "why", "ticket")),
        sa.Column("decided_by", TEXT, nullable=False, server_default=""),
        sa.Column("decided_at", TIME, nullable=False, server_default="0"),
    )
    op.create_table(
        "activations",
        sa.Column("id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("edition", NUMBER, sa.ForeignKey("editions.number"), nullable=False),
        sa.Column("at", TIME, nullable=False),
        *(sa.Column(name, TEXT, nullable=False) for name in ("who", "why")),
    )
    op.create_table(
        "running",
        sa.Column("holder", TEXT, primary_key=True),
        *(sa.Column(name, NUMBER, nullable=False) for name in ("activation", "edition")),
        sa.Column("at", TIME, nullable=False),
        sa.Column("refused", TEXT, nullable=False),
    )
    op.create_table(
        "unmapped",
        sa.Column(
            "message_id",
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("messages.id"),
            primary_key=True,
            autoincrement=False,
        ),
        *(sa.Column(name, TEXT, nullable=False) for name in ("channel", "code_table", "code", "place")),
        sa.Column("at", TIME, nullable=False),
    )
    op.create_index("unmapped_codes", "unmapped", ["code_table", "code"])
