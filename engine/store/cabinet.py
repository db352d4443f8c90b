"""The cabinet: keys that may be destroyed, kept apart from what they open.

The store and its backups hold what is sealed; the cabinet holds the keys, each wrapped under the ring. A key
that is destroyed here makes every copy of what it sealed unreadable, also in backups of the store taken
before: that is what a retention period and an erasure rest on (NIST SP 800-88 r1, section 2.6,
cryptographic erase). Hence the cabinet has no history: copies of it are overwritten, never collected.

Two kinds of keys: of the contents that a channel received on one day (`2026-11-22/adt`, and
`2026-11-22/adt/2` when that one was destroyed), and of a subject (named by its token). A destroyed key leaves
its id, when and why.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import Misconfigured, Unavailable
from engine.store.database import Database, Work, rows_of
from engine.store.keys import KeyRing
from engine.tokens import Erased, Erasure

__all__ = ["CABINET_VARIABLE", "Cabinet", "KeyRow", "Kind"]

CABINET_VARIABLE: Final = "WARDLINE_CABINET"
SCHEMA: Final = "wardline_cabinet"
"""Where a cabinet lies in PostgreSQL: `pg_dump --exclude-schema` keeps it out of a backup."""

Kind = Literal["day", "subject"]

_KEY_BYTES: Final = 32
_NONCE: Final = 12
_TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS {at}about (id TEXT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS {at}keys (id TEXT PRIMARY KEY, kind TEXT NOT NULL, ring TEXT NOT NULL,"
    " wrapped {bytes}, made_at DOUBLE PRECISION NOT NULL, destroyed_at DOUBLE PRECISION NOT NULL,"
    " why TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS {at}erasures (token TEXT PRIMARY KEY, body TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS keys_of_ring ON {at}keys (ring) WHERE wrapped IS NOT NULL",
)
_ROW: Final = "SELECT id, kind, ring, wrapped FROM {at}keys"
_NEW: Final = (
    "INSERT INTO {at}keys (id, kind, ring, wrapped, made_at, destroyed_at, why) VALUES (?, ?, ?, ?, ?, 0, '')"
    " ON CONFLICT (id) DO NOTHING"
)
_DESTROY: Final = (
    "UPDATE {at}keys SET wrapped = NULL, destroyed_at = ?, why = ? WHERE id = ? AND wrapped IS NOT NULL"
)
_TOMBSTONE: Final = (
    "INSERT INTO {at}keys (id, kind, ring, wrapped, made_at, destroyed_at, why)"
    " VALUES (?, ?, '', NULL, 0, ?, ?) ON CONFLICT (id) DO NOTHING"
)

_ERASURE: Final = "INSERT INTO {at}erasures (token, body) VALUES (?, ?) ON CONFLICT (token) DO NOTHING"
_erasures = msgspec.json.Decoder(tuple[Erasure, Erased])


class KeyRow(NamedTuple):
    """What may be told of a key: `destroyed_at` (seconds since the epoch) is 0 while it opens something."""

    id: str
    kind: Kind
    made_at: float
    destroyed_at: float
    why: str


class Cabinet:
    """Opened (and made) when its first key is wanted: a store without content needs none."""

    def __init__(
        self,
        connect: Callable[[], Database],
        ring: KeyRing,
        bind: Callable[[Cabinet], None],
        *,
        shared: bool = False,
    ) -> None:
        """`connect` gives its database, which is closed with the cabinet unless it is `shared` with the
        store; `bind` is called before a key is made: the store remembers its cabinet."""
        self._connect, self._ring, self._bind, self._shared = connect, ring, bind, shared
        self._is_bound = self._closed = False
        self._database: Database | None = None
        self._id = self._at = ""
        self._boxes = {key_id: AESGCM(ring.derive("cabinet", key_id)) for key_id in ring.ids}
        self._lock = threading.Lock()

    @property
    def shared(self) -> bool:
        """Whether it lies in the store's own database: then a backup of all of it holds the keys too."""
        return self._shared

    @property
    def id(self) -> str:
        """Its name, given when it was made. Raises `Unavailable`."""
        self._opened()
        return self._id

    def known(self) -> str:
        """Its name, or empty when there is none yet; never makes one."""
        if not self._id:
            with self._reached().write("cabinet") as work:  # the connection that is there already
                self._id = self._name(work) if self._is_made(work) else ""
        return self._id

    def keys(self, kind: Kind, *, destroyed: bool = False) -> list[KeyRow]:
        """The keys of a kind, by id; with `destroyed` what was destroyed instead."""
        query = (
            f"SELECT id, kind, made_at, destroyed_at, why FROM {self._at}keys"
            f" WHERE kind = ? AND wrapped IS {'' if destroyed else 'NOT '}NULL ORDER BY id"
        )
        with self._opened().read() as work:
            return [KeyRow(*row) for row in work.rows(query, (kind,))]

    def key(self, key_id: str) -> bytes | None:
        """The 32 bytes of a key; nothing when it was destroyed or never was."""
        with self._opened().read() as work:
            return self._unwrapped(work, [key_id]).get(key_id)

    def day_key(self, day: str, channel: str, now: float) -> tuple[str, bytes]:
        """The id and the bytes of the key for what a channel receives on a day (`2026-11-22`), durable before
        it is used."""
        number = 1
        while True:
            key_id = f"{day}/{channel}" if number == 1 else f"{day}/{channel}/{number}"
            if found := self._made("day", [key_id], now):
                return key_id, found[key_id]
            number += 1  # destroyed: a clock that went back, or a purge that was asked for early

    def subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        """The keys of those subjects that have one; absent: never made, or destroyed by an erasure."""
        with self._opened().read() as work:
            return self._unwrapped(work, tokens)

    def make_subject_keys(self, tokens: Sequence[str]) -> dict[str, bytes]:
        """The keys of these subjects, the missing ones made in one commit. A subject that was erased gets
        none: it is absent."""
        return self._made("subject", tokens, 0.0)

    def destroy(self, key_ids: Iterable[str], why: str, now: float) -> list[str]:
        """Destroy keys for good; which ones still were there. What overwrote them is on the disk when this
        returns."""
        database = self._opened()
        with database.write("cabinet") as work:
            gone = [
                key_id
                for key_id in sorted(set(key_ids))
                if work.run(_DESTROY.format(at=self._at), (now, why, key_id))
            ]
        if gone:
            database.forget(f"{self._at}keys")
        return gone

    def bury(self, key_ids: Iterable[str], kind: Kind, why: str, now: float) -> None:
        """Destroy keys, and note as destroyed also those that are not known here: they never come back."""
        ids = sorted(set(key_ids))
        self.destroy(ids, why, now)
        with self._opened().write("cabinet") as work:
            work.run_many(_TOMBSTONE.format(at=self._at), [(key_id, kind, now, why) for key_id in ids])

    def erase(self, erasure: Erasure, erased: Erased) -> None:
        """Destroy the keys of a person for good, and keep what was erased with them, in one commit."""
        database = self._opened()
        body = msgspec.json.encode((erasure, erased)).decode()
        with database.write("cabinet") as work:
            for token in erased.persons:
                work.run(_DESTROY.format(at=self._at), (erasure.at, "erasure", token))
                work.run(_TOMBSTONE.format(at=self._at), (token, "subject", erasure.at, "erasure"))
                work.run(_ERASURE.format(at=self._at), (token, body))
        database.forget(f"{self._at}keys")

    def erasures(self) -> list[tuple[Erasure, Erased]]:
        """What was erased, each once."""
        with self._opened().read() as work:
            rows = work.rows(f"SELECT DISTINCT body FROM {self._at}erasures ORDER BY body")
        return [_erasures.decode(row[0]) for row in rows]

    def destroyed(self, key_ids: Iterable[str]) -> list[str]:
        """Those of these keys that were destroyed."""
        query = f"SELECT id FROM {self._at}keys WHERE wrapped IS NULL AND id IN ({{}})"
        with self._opened().read() as work:
            return [row[0] for row in rows_of(work, query, sorted(set(key_ids)))]

    def missing(self, key_ids: Iterable[str]) -> list[str]:
        """Those that are neither here nor known to be destroyed."""
        ids = sorted(set(key_ids))
        with self._opened().read() as work:
            known = {
                row[0] for row in rows_of(work, f"SELECT id FROM {self._at}keys WHERE id IN ({{}})", ids)
            }
        return [key_id for key_id in ids if key_id not in known]

    def rewrap(self, at_once: int = 500) -> int:
        """Wrap every key under the ring's current key, some at a time; how many there were to wrap anew.
        Afterwards older ring keys open nothing here."""
        query = f"{_ROW.format(at=self._at)} WHERE wrapped IS NOT NULL AND ring <> ? LIMIT {at_once}"
        total, database = 0, self._opened()
        while True:
            with database.write("cabinet") as work:
                rows = work.rows(query, (self._ring.current,))
                for key_id, kind, ring, wrapped in rows:
                    again = self._wrap(kind, key_id, self._unwrap(kind, key_id, ring, wrapped))
                    work.run(
                        f"UPDATE {self._at}keys SET ring = ?, wrapped = ? WHERE id = ?",
                        (self._ring.current, again, key_id),
                    )
            total += len(rows)
            if len(rows) < at_once:
                database.forget(f"{self._at}keys")
                return total

    def holds_keys(self) -> bool:
        """Whether any key was ever made here."""
        with self._opened().read() as work:
            return bool(work.rows(f"SELECT 1 FROM {self._at}keys LIMIT 1"))

    def needs(self, ring: str) -> bool:
        """Whether something here is wrapped under this key of the ring."""
        query = f"SELECT 1 FROM {self._at}keys WHERE ring = ? AND wrapped IS NOT NULL LIMIT 1"
        with self._opened().read() as work:
            return bool(work.rows(query, (ring,)))

    def close(self) -> None:
        """Let go of its connections."""
        with self._lock:
            self._closed = True
            if self._database is not None and not self._shared:
                self._database.close()

    # Opening

    def _reached(self) -> Database:
        with self._lock:
            if self._closed:
                raise Unavailable("the store is closed")
            if self._database is None:
                self._database = self._connect()
                self._at = f"{SCHEMA}." if self._database.has_schemas else ""
            return self._database

    def _opened(self) -> Database:
        if self._id and self._database is not None:
            return self._database
        database = self._reached()
        with database.write("cabinet") as work:
            if not self._is_made(work):
                self._make(work, database)
            name = self._name(work)
        self._id = name  # only now: a cabinet that could not be written down is none
        return database

    def _is_made(self, work: Work) -> bool:
        if self._at:
            return bool(work.rows(f"SELECT to_regclass('{SCHEMA}.about') IS NOT NULL")[0][0])
        return bool(work.rows("SELECT 1 FROM sqlite_master WHERE name = 'about'"))

    def _name(self, work: Work) -> str:
        return str(work.rows(f"SELECT id FROM {self._at}about")[0][0])

    def _make(self, work: Work, database: Database) -> None:
        if self._at:
            work.run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        for statement in _TABLES:
            work.run(statement.format(at=self._at, bytes=database.bytes_type))
        work.run(f"INSERT INTO {self._at}about (id) VALUES (?)", (os.urandom(16).hex(),))

    # Keys

    def _made(self, kind: Kind, ids: Sequence[str], now: float) -> dict[str, bytes]:
        database = self._opened()
        if not self._is_bound:
            self._bind(self)
            self._is_bound = True
        with database.read() as work:
            known = self._rows(work, ids)
        new = sorted(set(ids) - known.keys())
        if new:
            drawn = {key_id: os.urandom(_KEY_BYTES) for key_id in new}
            rows = [
                (key_id, kind, self._ring.current, self._wrap(kind, key_id, key), now)
                for key_id, key in drawn.items()
            ]
            with database.write("cabinet") as work:
                work.run_many(_NEW.format(at=self._at), rows)
                known |= self._rows(work, new)  # another process may have been first
        return self._opened_keys(known.values())

    def _unwrapped(self, work: Work, ids: Sequence[str]) -> dict[str, bytes]:
        return self._opened_keys(self._rows(work, ids).values())

    def _rows(self, work: Work, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        query = f"{_ROW.format(at=self._at)} WHERE id IN ({{}})"
        return {row[0]: row for row in rows_of(work, query, list(ids))}

    def _opened_keys(self, rows: Iterable[tuple[Any, ...]]) -> dict[str, bytes]:
        return {
            key_id: self._unwrap(kind, key_id, ring, wrapped)
            for key_id, kind, ring, wrapped in rows
            if wrapped is not None
        }

    def _wrap(self, kind: str, key_id: str, key: bytes) -> bytes:
        nonce, ring = os.urandom(_NONCE), self._ring.current
        return nonce + self._boxes[ring].encrypt(nonce, key, self._bound(kind, key_id, ring))

    def _unwrap(self, kind: str, key_id: str, ring: str, wrapped: bytes) -> bytes:
        try:
            bound = self._bound(kind, key_id, ring)
            return self._boxes[ring].decrypt(wrapped[:_NONCE], wrapped[_NONCE:], bound)
        except (InvalidTag, KeyError):
            raise Misconfigured(
                f"the cabinet's key {key_id!r} does not open with ring key {ring!r}",
                where=CABINET_VARIABLE,
                hint="the ring lacks that key, or the cabinet was changed",
            ) from None

    def _bound(self, kind: str, key_id: str, ring: str) -> bytes:
        return f"wardline/1/cabinet/{self._id}\x1f{kind}\x1f{key_id}\x1f{ring}".encode()
