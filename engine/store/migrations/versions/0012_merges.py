"""Merges of before there was a history: each becomes a line of it, said by no message."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        'INSERT INTO merges (message_id, at, gone, "into")'
        " SELECT 0, created_at, token, merged_into FROM tokens"
        " WHERE merged_into IS NOT NULL AND token NOT IN (SELECT gone FROM merges WHERE undone_at = 0)"
    )
