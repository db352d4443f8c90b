"""What people on duty need: holds, corrected contents, accounts, measures, alerts, checks of the books."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TEXT, TIME, NUMBER, BYTES = sa.Text(), sa.Float(53), sa.Integer(), sa.LargeBinary()
ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _texts(*names: str, **more: Any) -> list[sa.Column[Any]]:
    return [sa.Column(name, TEXT, nullable=False, **more) for name in names]


def _times(*names: str, **more: Any) -> list[sa.Column[Any]]:
    return [sa.Column(name, TIME, nullable=False, **more) for name in names]


def _key(name: str, kind: Any, *refers: sa.ForeignKey) -> sa.Column[Any]:
    return sa.Column(name, kind, *refers, primary_key=True, autoincrement=False)


def _partial(name: str, table: str, column: str | list[str], where: str, *, unique: bool = False) -> None:
    columns = [column] if isinstance(column, str) else column
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


def upgrade() -> None:
    op.add_column("messages", sa.Column("again", NUMBER, nullable=False, server_default="0"))
    op.create_table("holds", _key("kind", TEXT), _key("name", TEXT), *_times("since"), *_texts("who", "why"))
    op.create_table(
        "revisions",
        _key("message_id", ID, sa.ForeignKey("messages.id")),
        _key("revision", NUMBER),
        *_times("at"),
        *_texts("who", "why", "key_id"),
        sa.Column("sealed", BYTES, nullable=False),
    )
    op.create_index("revisions_of_key", "revisions", ["key_id"])
    _accounts()
    _measures()
    _alerts()
    op.create_table(
        "checks",
        _key("number", NUMBER),
        *_times("at"),
        *_texts("who", "state"),
        sa.Column("scope", BYTES, nullable=False),
        sa.Column("gaps", NUMBER, nullable=False),
        sa.Column("report", BYTES, nullable=False),
    )
    op.create_table(
        "repairs",
        _key("number", NUMBER),
        sa.Column("check_number", NUMBER, sa.ForeignKey("checks.number"), nullable=False),
        *_texts("state"),
        *_times("at"),
        *_texts("who", "why", "ticket"),
        sa.Column("plan", BYTES, nullable=False),
        *_texts("decided_by", server_default=""),
        *_times("decided_at", server_default="0"),
    )


def _accounts() -> None:
    op.create_table(
        "users",
        _key("name", TEXT),
        *_texts("who", "roles", "state"),
        *_texts("password", "issuer", "subject", server_default=""),
        sa.Column("invitation", BYTES),
        *_times("invited_until", server_default="0"),
        sa.Column("failures", NUMBER, nullable=False, server_default="0"),
        *_times("locked_until", server_default="0"),
        *_times("made_at", "changed_at"),
        *_times("seen_at", server_default="0"),
    )
    _partial("users_of_issuer", "users", ["issuer", "subject"], "issuer <> ''", unique=True)
    op.create_table(
        "sessions",
        _key("digest", BYTES),
        sa.Column("user_name", TEXT, sa.ForeignKey("users.name"), nullable=False),
        *_times("since", "seen_at", "until"),
        *_texts("address", "how"),
    )
    op.create_index("sessions_of_user", "sessions", ["user_name"])
    op.create_table(
        "api_tokens",
        _key("id", TEXT),
        sa.Column("digest", BYTES, nullable=False, unique=True),
        sa.Column("user_name", TEXT, sa.ForeignKey("users.name"), nullable=False),
        *_texts("name", "roles"),
        *_times("made_at", "until"),
        *_times("used_at", "revoked_at", server_default="0"),
    )
    op.create_index("api_tokens_of_user", "api_tokens", ["user_name"])


def _measures() -> None:
    op.create_table(
        "measures",
        _key("span", NUMBER),
        _key("at", sa.BigInteger()),
        _key("series", TEXT),
        *_times("value"),
        sqlite_with_rowid=False,
    )
    op.create_table("latest", _key("series", TEXT), *_times("value", "at"))


def _alerts() -> None:
    op.create_table(
        "alerts",
        _key("id", ID),
        *_texts("cause", "kind"),
        *_texts("channel", server_default=""),
        *_texts("owner"),
        *_times("opened_at"),
        *_times("closed_at", server_default="0"),
        *_times("seen_at"),
        sa.Column("detail", BYTES, nullable=False),
        *_texts("taken_by", server_default=""),
        *_times("taken_at", "quiet_until", server_default="0"),
        *_texts("why", server_default=""),
    )
    _partial("alerts_open", "alerts", "cause", "closed_at = 0", unique=True)
    op.create_index("alerts_by_time", "alerts", ["opened_at"])
    op.create_table(
        "notices",
        _key("id", ID),
        sa.Column("alert_id", sa.BigInteger(), sa.ForeignKey("alerts.id"), nullable=False),
        *_texts("event", "route", "state"),
        sa.Column("attempts", NUMBER, nullable=False, server_default="0"),
        *_times("due_at"),
        *_texts("said", server_default=""),
    )
    _partial("notices_due", "notices", "due_at", "state = 'due'")
    op.create_index("notices_of_alert", "notices", ["alert_id"])
