"""What the engine asks every few seconds looks at what is open, however much is kept beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from engine.store import delivery, editions, intake, parking
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
ASKED = {
    "working_editions": (editions._WORKING, ()),
    "unrouted_channels": (editions._UNROUTED, ()),
    "unrouted": (f"SELECT * FROM {intake._UNROUTED.format(channels='?')} one", (0, "charges", 9)),
    "parked": (parking._PARKED, ()),
    "heal": (parking._WAITING.format("?"), (2, "charges", "items", "A")),
    "bring_forward": (delivery._FORWARD, (0.0, "charges", 0.0, 9)),
    "scheduled": (delivery._RUNS, ()),
}
BULK = """
INSERT INTO messages
  (id, channel, type, state, received_at, answered, is_original, original, bytes, fingerprint, digest,
  edition)
  SELECT i, 'charges', 'DFT', CASE WHEN i % 1000 = 0 THEN 'dead' ELSE 'delivered' END, 0, 'accepted', 0, 0, 0,
  '', '', 1 FROM generate_series(1, 50000) i;
INSERT INTO deliveries
  (id, message_id, channel, destination, lane, sequence_key, effect, checksum, state, attempts, due_at)
  SELECT i::bigint * 1000000 + 1, i, 'charges', 'odoo', 1, '', '', 0,
  CASE WHEN i % 1000 = 0 THEN 'due' ELSE 'delivered' END, 0, 0 FROM generate_series(1, 50000) i;
INSERT INTO contents (message_id, key_id, sealed) SELECT i, 'k', '' FROM generate_series(1, 50000) i;
INSERT INTO unmapped (message_id, channel, code_table, code, place, at)
  SELECT i * 1000, 'charges', 'items', 'A', '', 0 FROM generate_series(1, 50) i;
ANALYZE;
"""
"""Fifty thousand messages of which fifty wait for a code and fifty deliveries are due."""


@pytest.mark.parametrize("name", ASKED)
def test_sqlite_never_walks_all_messages_or_deliveries(tmp_path: Path, name: str) -> None:
    open_store(f"sqlite:///{tmp_path}/w.db", RING).close()
    query, given = ASKED[name]
    with closing(sqlite3.connect(tmp_path / "w.db")) as database:
        plan = [row[3] for row in database.execute(f"EXPLAIN QUERY PLAN {query}", given)]
    walked = [step for step in plan if step in ("SCAN m", "SCAN d", "SCAN messages", "SCAN deliveries")]
    assert not walked, plan


def test_postgresql_neither(new_postgres: Callable[[], str]) -> None:
    url = new_postgres()
    open_store(url, RING).close()
    with psycopg.connect(url) as database:
        database.execute(BULK)  # type: ignore[arg-type]
        for name, (query, given) in ASKED.items():
            rows = database.execute(f"EXPLAIN {query.replace('?', '%s')}", given).fetchall()  # type: ignore[arg-type]
            plan = "\n".join(row[0] for row in rows)
            assert "Seq Scan on messages" not in plan, (name, plan)
            assert "Seq Scan on deliveries" not in plan, (name, plan)
