"""The tables of safe storage, the same for SQLite and PostgreSQL.

`messages` are small rows that change state; their sealed bytes lie apart in `contents`, so that a
change of state never rewrites content. A delivery's id is its message's id times `PER_MESSAGE` plus
its place in the message: deliveries of one message are a range of the primary key, order by id is
order of arrival, and no sequence is asked. An index of messages and deliveries is partial: it holds what
is still in work.

A version of a resource is a message too; `resources` are the current ones, numbered by the message that
created them, which is what `terms` and `spans` (what they are found by) point to.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from engine.model import DeliveryState, MessageState

__all__ = [
    "MENTIONS_PART", "PER_MESSAGE", "activations", "alerts", "api_tokens", "assertions", "audit",
    "audit_checkpoints", "audit_head", "authorities", "cabinets", "checks", "configured", "contents",
    "courses", "deliveries", "editions", "erasures", "fragments", "holds", "keys", "latest", "lookups",
    "measures", "mentions", "merges", "messages", "metadata", "notices", "owed", "pulse", "repairs",
    "resources", "revisions", "running", "seal_keys", "sequences", "sessions", "spans", "terms", "tokens",
    "unmapped", "users", "uses", "versions",
]  # fmt: skip

PER_MESSAGE: Final = 1_000_000
"""Room for the deliveries of one message in the ids of all."""

MENTIONS_PART: Final = 4096
"""Messages whose mentions lie together."""

metadata = MetaData()
_Id = BigInteger().with_variant(Integer, "sqlite")


def _partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)


messages = Table(
    "messages",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("received_at", Float(53), nullable=False),
    Column("answered", Text, nullable=False),
    Column("is_original", SmallInteger, nullable=False),  # 1: a resend of it is its duplicate
    Column("original", BigInteger, nullable=False),  # of a duplicate: the message it repeats
    Column("bytes", BigInteger, nullable=False),
    Column("effects", Integer, nullable=False, server_default="0"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("step", Text, nullable=False, server_default=""),
    Column("reason", LargeBinary),  # JSON, as are warnings
    Column("warnings", LargeBinary),
    Column("edition", Integer, nullable=False, server_default="0"),  # Arrival.edition
    Column("again", Integer, nullable=False, server_default="0"),  # how often it was sent through again
    _partial("messages_original", "fingerprint", "digest", where="is_original = 1", unique=True),
    _partial("messages_repeats", "original", where="original <> 0"),
    _partial("messages_received", "id", "channel", where=f"state = '{MessageState.RECEIVED}'"),
    _partial(
        "messages_for_people",
        "state",
        "id",
        where=f"state IN ('{MessageState.DEAD}', '{MessageState.QUARANTINED}')",
    ),
)

contents = Table(
    "contents",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("contents_of_key", "key_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, ForeignKey("messages.id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("sequence_key", Text, nullable=False),
    Column("effect", LargeBinary, nullable=False),  # JSON (engine.effects)
    Column("checksum", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Float(53), nullable=False),
    Column("lease_until", Float(53), nullable=False, server_default="0"),
    Column("holder", Text, nullable=False, server_default=""),
    Column("progress", LargeBinary),  # JSON, as are reason and documents
    Column("reason", LargeBinary),
    Column("documents", LargeBinary),
    Column("note", Text, nullable=False, server_default=""),
    Column("settled_at", Float(53), nullable=False, server_default="0"),
    _partial("deliveries_due", "destination", "lane", "id", "due_at", where=f"state = '{DeliveryState.DUE}'"),
    _partial(
        "deliveries_in_order",
        "destination",
        "sequence_key",
        "id",
        "state",
        where=f"state IN ('{DeliveryState.DUE}', '{DeliveryState.CLAIMED}')",
    ),
    _partial("deliveries_claimed", "lease_until", where=f"state = '{DeliveryState.CLAIMED}'"),
    _partial("deliveries_dead", "id", where=f"state = '{DeliveryState.DEAD}'"),
    _partial("deliveries_scheduled", "due_at", "id", where=f"state = '{DeliveryState.SCHEDULED}'"),
)

fragments = Table(
    "fragments",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("follows", LargeBinary, nullable=False),  # keyed digests of the pointers, or empty
    Column("leads", LargeBinary, nullable=False),
    Column("since", Float(53), nullable=False),
)
"""The pieces of messages that wait for the others: rows go when they are joined or given up."""

tokens = Table(
    "tokens",
    metadata,
    Column("token", Text, primary_key=True),
    Column("domain", Text, nullable=False),
    Column("tenant", Text, nullable=False, server_default=""),
    Column("key_id", Text, nullable=False),  # a seal key's, or of a ring key before there were any
    Column("sealed", LargeBinary),  # NULL: erased
    Column("subject", Text, nullable=False, server_default=""),  # NewToken.subject
    Column("created_at", Float(53), nullable=False),
    Column("merged_into", Text),
    Column("moved_to", Text),  # the person it belongs to now, when not `subject`
    Column("erased_at", Float(53)),
    _partial("tokens_merged", "merged_into", where="merged_into IS NOT NULL"),
)

uses = Table(
    "uses",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("keys", Text, nullable=False),  # Use.keys, apart by blanks
    Column("turn", BigInteger, nullable=False),
    Column("carried", LargeBinary),  # KeyRing.carry
    Column("carried_by", Text),
)
"""Which keys of the ring the purposes use that must give the same answer as last year."""

courses = Table(
    "courses",
    metadata,
    Column("space", Text, primary_key=True),
    Column("course", Text, primary_key=True),  # a token
    Column("version", BigInteger, nullable=False),
    Column("stands", SmallInteger, nullable=False),  # 1: something of it stands in Odoo
    Column("touched_at", Float(53), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON (engine.courses), free of PHI
    Column("checksum", BigInteger, nullable=False),
    _partial("courses_over", "touched_at", where="stands = 0"),
)

cabinets = Table("cabinets", metadata, Column("id", Text, primary_key=True))
"""The one cabinet that holds the keys of this store's contents and subjects, once there are any."""

keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("proof", LargeBinary, nullable=False),  # derived one way from the key: is it the same one?
    Column("first_message", BigInteger, nullable=False),
)

sequences = Table(
    "sequences",
    metadata,
    Column("link", LargeBinary, primary_key=True),  # Numbered.link
    Column("last", BigInteger, nullable=False),
)

owed = Table(
    "owed",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),  # engine.model.Application
    Column("attempts", Integer, nullable=False),
    _partial("owed_still", "channel", "message_id", where="state = 'owed'"),
)

pulse = Table(
    "pulse",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("beat", BigInteger, nullable=False),
)

resources = Table(
    "resources",
    metadata,
    Column("created", _Id, primary_key=True, autoincrement=False),  # message id of version 1
    Column("id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("deleted", SmallInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("terms", LargeBinary, nullable=False),  # its rows of `terms`, one after the other
    Index("resources_by_id", "id", "type", "release", unique=True),
    _partial("resources_of_type", "release", "type", "created", where="deleted = 0"),
    _partial("resources_written", "release", "type", "at", "created", where="deleted = 0"),
)

versions = Table(
    "versions",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("created", BigInteger, nullable=False),
    Column("release", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("deleted", SmallInteger, nullable=False),
    Column("unit", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("body_hash", LargeBinary, nullable=False),  # keyed, of the body as transmitted
    Column("chain", LargeBinary, nullable=False),  # engine.store.chain
    Index("versions_of_resource", "created", "version", unique=True),
    Index("versions_of_type", "release", "type", "message_id"),
    Index("versions_written", "release", "type", "at"),
    _partial("versions_of_unit", "unit", "message_id", where="unit <> ''"),
)

terms = Table(
    "terms",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("created", _Id, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

spans = Table(
    "spans",
    metadata,
    Column("created", _Id, primary_key=True, autoincrement=False),
    Column("param", Text, primary_key=True),
    Column("low", Float(53), primary_key=True),
    Column("high", Float(53), primary_key=True),
    Column("release", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("wide", SmallInteger, nullable=False),  # 1: longer than engine.store.finding.NARROW
    Index("spans_in_time", "release", "type", "param", "wide", "low", "high", "created"),
    sqlite_with_rowid=False,
)

assertions = Table(
    "assertions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),  # engine.access.assertions
    Column("until", Float(53), nullable=False),
)
"""Assertions of clients that were used, until they would have expired."""

lookups = Table(
    "lookups",
    metadata,
    Column("lookup", LargeBinary, primary_key=True),  # keyed, of the canonical identifier
    Column("token", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # the ring key that it is keyed with
    Index("lookups_of_token", "token"),
    sqlite_with_rowid=False,
)
"""Under what an identifier is found: several may lead to one token."""

seal_keys = Table(
    "seal_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("reader", Text, nullable=False),  # whose private key opens it
    Column("wrapped", LargeBinary, nullable=False),
    Column("made_at", Float(53), nullable=False),
)
"""The keys that identifiers are sealed with, which only re-identification can open."""

mentions = Table(
    "mentions",
    metadata,
    Column("part", Integer, primary_key=True, autoincrement=False),  # message_id // MENTIONS_PART
    Column("term", BigInteger, primary_key=True, autoincrement=False),  # the first 8 bytes of a lookup
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which messages name an identifier: messages that came one after the other lie together, so that writing
them changes few pages and forgetting them is a range."""

authorities = Table(
    "authorities",
    metadata,
    Column("sealed", LargeBinary, primary_key=True),  # engine.privacy.searching
    sqlite_with_rowid=False,
)
"""The names of the authorities whose numbers came by: a number is searched for under each."""

merges = Table(
    "merges",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("message_id", BigInteger, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("gone", Text, nullable=False),
    Column("into", Text, nullable=False),
    Column("undone_at", Float(53), nullable=False, server_default="0"),
    Index("merges_of_gone", "gone"),
    Index("merges_into", "into"),
)

erasures = Table(
    "erasures",
    metadata,
    Column("token", Text, primary_key=True),
    Column("at", Float(53), nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("who", Text, nullable=False),
)
"""Persons whose identifiers are gone for good."""

audit = Table(
    "audit",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", LargeBinary, nullable=False),  # JSON
    Column("chain", LargeBinary, nullable=False),
    Index("audit_by_time", "at"),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),  # 1
    Column("upto", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)
"""Where the audit ends, under a key: rows that were cut off are missed."""

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("number", _Id, primary_key=True, autoincrement=False),
    Column("upto", BigInteger, nullable=False),  # the newest entry that it covers
    Column("at", Float(53), nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("versions_upto", BigInteger, nullable=False),  # where the chain over versions stood
    Column("versions_chain", LargeBinary, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

editions = Table(
    "editions",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("packed", LargeBinary, nullable=False),  # its files (engine.editions.packing)
    Column("sites", Text, nullable=False),  # apart by blanks
    Column("state", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("decided_at", Float(53), nullable=False, server_default="0"),
)
"""Sets of channels that were put forward to be run."""

activations = Table(
    "activations",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("edition", Integer, ForeignKey("editions.number"), nullable=False),
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""Which edition was to be run from when on: the newest row is the active one."""

running = Table(
    "running",
    metadata,
    Column("holder", Text, primary_key=True),
    Column("activation", Integer, nullable=False),
    Column("edition", Integer, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("refused", Text, nullable=False),
)
"""What each process of an engine runs."""

unmapped = Table(
    "unmapped",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("channel", Text, nullable=False),
    Column("code_table", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("at", Float(53), nullable=False),
    Index("unmapped_codes", "code_table", "code"),
)
"""Dead letters that wait for a code: rows go when they are routed again."""

holds = Table(
    "holds",
    metadata,
    Column("kind", Text, primary_key=True),  # engine.store.contracts.holding.Hold
    Column("name", Text, primary_key=True),  # a channel or a destination
    Column("since", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
)
"""What a person stopped, until somebody lets it go."""

revisions = Table(
    "revisions",
    metadata,
    Column("message_id", _Id, ForeignKey("messages.id"), primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),  # 0: as it was received
    Column("at", Float(53), nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("key_id", Text, nullable=False),  # as of contents
    Column("sealed", LargeBinary, nullable=False),
    Index("revisions_of_key", "key_id"),
)
"""Contents of a message before persons corrected it; the newest is in `contents`."""

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("who", Text, nullable=False),  # which human being
    Column("roles", Text, nullable=False),  # apart by blanks
    Column("state", Text, nullable=False),  # invited, active, disabled
    Column("password", Text, nullable=False, server_default=""),  # a slow hash (PHC); empty: none
    Column("issuer", Text, nullable=False, server_default=""),  # of OpenID Connect
    Column("subject", Text, nullable=False, server_default=""),
    Column("invitation", LargeBinary),  # digest of the one-time link
    Column("invited_until", Float(53), nullable=False, server_default="0"),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until", Float(53), nullable=False, server_default="0"),
    Column("made_at", Float(53), nullable=False),
    Column("changed_at", Float(53), nullable=False),
    Column("seen_at", Float(53), nullable=False, server_default="0"),
    _partial("users_of_issuer", "issuer", "subject", where="issuer <> ''", unique=True),
)
"""Who may come to the console."""

sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("user_name", Text, ForeignKey("users.name"), nullable=False),
    Column("since", Float(53), nullable=False),
    Column("seen_at", Float(53), nullable=False),
    Column("until", Float(53), nullable=False),
    Column("address", Text, nullable=False),
    Column("how", Text, nullable=False),  # password, oidc, invitation
    Index("sessions_of_user", "user_name"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("id", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("user_name", Text, ForeignKey("users.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("made_at", Float(53), nullable=False),
    Column("until", Float(53), nullable=False),
    Column("used_at", Float(53), nullable=False, server_default="0"),
    Column("revoked_at", Float(53), nullable=False, server_default="0"),
    Index("api_tokens_of_user", "user_name"),
)

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
    Column("id", _Id, primary_key=True, autoincrement=False),
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
    _partial("alerts_open", "cause", where="closed_at = 0", unique=True),
    Index("alerts_by_time", "opened_at"),
)

notices = Table(
    "notices",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=False),
    Column("alert_id", BigInteger, ForeignKey("alerts.id"), nullable=False),
    Column("event", Text, nullable=False),  # opened, closed
    Column("route", Text, nullable=False),
    Column("state", Text, nullable=False),  # due, sent, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due_at", Float(53), nullable=False),
    Column("said", Text, nullable=False, server_default=""),  # why the last attempt failed
    _partial("notices_due", "due_at", where="state = 'due'"),
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

configured = Table(
    "configured",
    metadata,
    Column("name", Text, primary_key=True),  # `channel:charges`, `settings`, `policy`
    Column("digest", LargeBinary, nullable=False),
    Column("places", LargeBinary, nullable=False),  # JSON: place → keyed digest of what stands there
)
"""What was loaded last, to tell what is different next time."""
