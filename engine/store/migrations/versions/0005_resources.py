"""Resources: their versions, which are messages, and what they are found by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _resources()
    _versions()
    _terms()
    _spans()


def _resources() -> None:
    op.create_table(
        "resources",
        sa.Column("created", _ID, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("deleted", sa.SmallInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("terms", sa.LargeBinary(), nullable=False),
    )
    op.create_index("resources_by_id", "resources", ["id", "type", "release"], unique=True)
    _partial("resources_of_type", "resources", ["release", "type", "created"], "deleted = 0")
    _partial("resources_written", "resources", ["release", "type", "at", "created"], "deleted = 0")


def _versions() -> None:
    op.create_table(
        "versions",
        sa.Column("message_id", _ID, sa.ForeignKey("messages.id"), primary_key=True, autoincrement=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.Column("deleted", sa.SmallInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
    )
    op.create_index("versions_of_resource", "versions", ["created", "version"], unique=True)
    op.create_index("versions_of_type", "versions", ["release", "type", "message_id"])
    op.create_index("versions_written", "versions", ["release", "type", "at"])
    _partial("versions_of_unit", "versions", ["unit", "message_id"], "unit <> ''")


def _terms() -> None:
    op.create_table(
        "terms",
        sa.Column("digest", sa.LargeBinary(), primary_key=True),
        sa.Column("created", _ID, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def _spans() -> None:
    op.create_table(
        "spans",
        sa.Column("created", _ID, primary_key=True, autoincrement=False),
        sa.Column("param", sa.Text(), primary_key=True),
        sa.Column("low", sa.Float(53), primary_key=True),
        sa.Column("high", sa.Float(53), primary_key=True),
        sa.Column("release", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("wide", sa.SmallInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    columns = ["release", "type", "param", "wide", "low", "high", "created"]
    op.create_index("spans_in_time", "spans", columns)


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
