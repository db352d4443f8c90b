"""What was counted, what is wrong, and what the books were held against."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

from engine.store.tables.schema import Id, metadata, partial

__all__ = ["alerts", "checks", "latest", "measures", "notices", "repairs"]

measures = Table(
    "measures",
    metadata,
    Column("span", Integer, primary_key=True, autoincrement=False),  # seconds: 60, 3600 or 86400
    Column("at", BigInteger, primary_key=True, autoincrement=False),  # when the span begins
    Column("series", Text, primary_key=True),  # `wardline_answers_total{channel="x",code="AA"}`
    Column("value", Float(53), nullable=False),
    sqlite_with_rowid=False,
)
"""By how much what the engine counts grew within a span."""

latest = Table(
    "latest",
    metadata,
    Column("series", Text, primary_key=True),
    Column("value", Float(53), nullable=False),
    Column("at", Float(53), nullable=False),
)
"""What was last said of what goes up and down."""

alerts = Table(
    "alerts",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("cause", Text, nullable=False),  # `silent channel:dft-charges`
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False, server_default=""),
    Column("owner", Text, nullable=False),
    Column("opened_at", Float(53), nullable=False),
    Column("closed_at", Float(53), nullable=False, server_default="0"),  # 0: open
    Column("seen_at", Float(53), nullable=False),
    Column("detail", LargeBinary, nullable=False),  # JSON: words of ours
    Column("taken_by", Text, nullable=False, server_default=""),
    Column("taken_at", Float(53), nullable=False, server_default="0"),
    Column("quiet_until", Float(53), nullable=False, server_default="0"),
    Column("why", Text, nullable=False, server_default=""),
    partial("alerts_open", "cause", where="closed_at = 0", unique=True),
    Index("alerts_by_time", "opened_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("alert_id", BigInteger, ForeignKey("alerts.id"), nullable=False),
    Column("event", Text, nullable=False),  # opened, closed
    Column("route", Text, nullable=False),
    Column("state", Text, nullable=False),  # due, sent, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Float(53), nullable=False),
    Column("said", Text, nullable=False, server_default=""),  # why the last attempt failed
    partial("notices_due", "due_at", where="state = 'due'"),
    Index("notices_of_alert", "alert_id"),
)
"""What is to be sent about alerts."""

checks = Table(
    "checks",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("scope", LargeBinary, nullable=False),  # JSON, as is the report
    Column("gaps", Integer, nullable=False),
    Column("report", LargeBinary, nullable=False),
)
"""Runs of the reconciliation with Odoo."""

repairs = Table(
    "repairs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("check_number", Integer, ForeignKey("checks.number"), nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("plan", LargeBinary, nullable=False),  # JSON: its steps, and what came of them
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decided_at", Float(53), nullable=False, server_default="0"),
)
"""What was put forward to mend what a check found."""
