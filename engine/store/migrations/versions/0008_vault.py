"""The vault: a token and what it is found under apart; which keys its index uses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uses",
        sa.Column("purpose", sa.Text(), primary_key=True),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
    )
    # Which key they are found with is entered when the store opens with its ring (engine.store.uses).
    op.execute("INSERT INTO lookups (lookup, token, key_id) SELECT lookup, token, '' FROM tokens")
    op.execute("CREATE TABLE tokens_before AS SELECT * FROM tokens")
    op.drop_table("tokens")
    op.create_table(
        "tokens",
        sa.Column("token", sa.Text(), primary_key=True),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False, server_default=""),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("subject", sa.Text(), nullable=False, server_default=""),
        sa.Column("created_at", sa.Float(53), nullable=False),
        sa.Column("merged_into", sa.Text()),
        sa.Column("moved_to", sa.Text()),
        sa.Column("erased_at", sa.Float(53)),
    )
    merged = sa.text("merged_into IS NOT NULL")
    op.create_index("tokens_merged", "tokens", ["merged_into"], sqlite_where=merged, postgresql_where=merged)
    op.execute(
        "INSERT INTO tokens (token, domain, key_id, sealed, created_at, merged_into)"
        " SELECT token, domain, key_id, sealed, created_at, merged_into FROM tokens_before"
    )
    op.drop_table("tokens_before")
