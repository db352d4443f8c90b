"""How entries of the audit hang together, and how one is appended.

Each holds a SHA-256 (FIPS 180-4) of itself and of the value of the one before it, so that whoever has the
rows can follow the chain without a key. Where it ends stands apart, under a key: who cuts rows off, adds
some, or writes the whole chain anew cannot say so there. Whoever appends looks there first, and when it
does not fit the rows, an incident becomes the next entry: nothing that was done to the end is covered up by
what follows.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from engine.auditing import Act, Entry, checked
from engine.store.audit_keys import AuditKeys
from engine.store.chain import START
from engine.store.database import Work, insert

__all__ = ["TURN", "End", "append", "chained", "end_of", "seal_end"]

TURN: Final = "audit"
"""The turn that a transaction takes which appends."""

_END: Final = (
    "SELECT h.upto, h.chain, h.key_id, h.mac, coalesce((SELECT max(id) FROM audit), 0) FROM audit_head h"
)
_NONE: Final = "SELECT coalesce((SELECT max(id) FROM audit), 0), EXISTS (SELECT 1 FROM audit_checkpoints)"
_INSERT: Final = (
    "INSERT INTO audit (id, at, who, role, act, object, why, ticket, outcome, detail, chain) VALUES "
)
_COLUMNS: Final = 11
_REPLACE: Final = (
    "INSERT INTO audit_head (id, upto, chain, key_id, mac) VALUES (1, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET upto = excluded.upto, chain = excluded.chain, key_id = excluded.key_id, mac = excluded.mac"
)


class End(NamedTuple):
    """Where the audit ends: number and value of the newest entry; and what is wrong with that, or nothing."""

    upto: int
    chain: bytes
    wrong: str = ""


def chained(previous: bytes, row: Sequence[Any]) -> bytes:
    """The value of a row (`id` … `detail` as stored) that follows the one whose value is `previous`: SHA-256
    of that value and of the row as a JSON array."""
    *texts, detail = row
    return hashlib.sha256(previous + msgspec.json.encode([*texts, msgspec.Raw(detail)])).digest()


def append(work: Work, keys: AuditKeys, entries: Sequence[Entry]) -> list[int]:
    """Write entries in this transaction, which holds the turn `TURN`; their numbers. Raises `Misconfigured`
    for one that may not be written (`engine.auditing.checked`)."""
    if not entries:
        return []
    end = end_of(work, keys)
    told = [_incident(end, entries[0].at), *entries] if end.wrong else entries
    number, chain = end.upto, end.chain
    flat = list[Any]()
    for entry in map(checked, told):
        number += 1
        row = _row(number, entry)
        chain = chained(chain, row)
        flat += (*row, chain)
    insert(work, _INSERT, _COLUMNS, flat)
    seal_end(work, keys, number, chain)
    return list(range(number - len(entries) + 1, number + 1))


def end_of(work: Work, keys: AuditKeys) -> End:
    """Where the audit ends, and whether that is where it was left."""
    rows = work.rows(_END)
    if not rows:
        newest, signed = work.rows(_NONE)[0]
        return (
            End(newest, _chain_of(work, newest), "the end is missing") if newest or signed else End(0, START)
        )
    upto, chain, key_id, mac, newest = rows[0]
    right = keys.mac(_said(upto, chain), key_id)
    if right is None or not isinstance(mac, bytes) or not hmac.compare_digest(right, mac):
        return End(newest, _chain_of(work, newest), "the end was changed")
    if newest != upto:
        return End(
            newest, _chain_of(work, newest), "entries were cut off" if newest < upto else "entries were added"
        )
    return End(upto, chain)


def seal_end(work: Work, keys: AuditKeys, upto: int, chain: bytes) -> None:
    """Say under the current key where the audit ends."""
    work.run(_REPLACE, (upto, chain, keys.key_id, keys.mac(_said(upto, chain))))


def _said(upto: Any, chain: Any) -> bytes:
    return msgspec.json.encode(["wardline audit end", upto, chain.hex() if isinstance(chain, bytes) else ""])


def _chain_of(work: Work, number: int) -> bytes:
    rows = work.rows("SELECT chain FROM audit WHERE id = ?", (number,))
    return rows[0][0] if rows and isinstance(rows[0][0], bytes) else START


def _incident(end: End, at: float) -> Entry:
    return Entry(
        at=at, who="wardline", role="engine", act=Act.INCIDENT, object="audit", outcome="failed",
        detail={"found": end.wrong, "upto": str(end.upto)},
    )  # fmt: skip


def _row(number: int, entry: Entry) -> tuple[Any, ...]:
    return (
        number, float(entry.at), entry.who, entry.role, entry.act.value, entry.object, entry.why,
        entry.ticket, entry.outcome, msgspec.json.encode(entry.detail, order="sorted"),
    )  # fmt: skip
