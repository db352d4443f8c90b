"""The store remembers which keys sealed it, so that a wrong key is found at the door.

Started with another key, every stored message would look damaged. Each key leaves a proof (derived
from it one way) and the id of the first message it sealed.
"""

from __future__ import annotations

from typing import Final

from engine.errors import Misconfigured
from engine.store.database import Database, Work
from engine.store.keys import KEY_VARIABLE, KeyRing

__all__ = ["check_keys"]

MESSAGES_PER_KEY: Final = 2**32
"""Random 96-bit nonces: NIST SP 800-38D, section 8.3, allows so many under one key."""

_IN_USE: Final = (
    "SELECT EXISTS (SELECT 1 FROM contents WHERE key_id = ?)"
    " OR EXISTS (SELECT 1 FROM tokens WHERE key_id = ? AND sealed IS NOT NULL)"
    " OR EXISTS (SELECT 1 FROM seal_keys WHERE reader = ?)"
)


def check_keys(database: Database, ring: KeyRing) -> None:
    """Enter the ring's keys. Raises `Misconfigured` when a key that is needed is missing or not the
    one it was, or when the current one has sealed as many messages as it may."""
    with database.write("keys") as work:
        known = {row[0]: row[1:] for row in work.rows("SELECT id, proof, first_message FROM keys")}
        newest = int(work.rows("SELECT coalesce(max(id), 0) FROM messages")[0][0])
        for key_id in ring.ids:
            proof = ring.derive("proof", key_id)[:8]
            if key_id not in known:
                work.run(
                    "INSERT INTO keys (id, proof, first_message) VALUES (?, ?, ?)",
                    (key_id, proof, newest + 1),
                )
            elif known[key_id][0] != proof:
                raise Misconfigured(
                    f"key {key_id!r} is not the key of that name that sealed this store", where=KEY_VARIABLE
                )
        for key_id in known:
            if key_id not in ring.ids and _in_use(work, key_id):
                raise Misconfigured(
                    f"this store holds what key {key_id!r} sealed, and the key ring lacks it",
                    where=KEY_VARIABLE,
                    hint="add it after the current key, as id:base64",
                )
        if ring.current in known and newest - known[ring.current][1] >= MESSAGES_PER_KEY:
            raise Misconfigured(
                f"key {ring.current!r} has sealed as much as it may", hint="put a new key first"
            )


def _in_use(work: Work, key_id: str) -> bool:
    return bool(work.rows(_IN_USE, (key_id, key_id, f"ring:{key_id}"))[0][0])
