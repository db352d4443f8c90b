"""Which keys of the ring are used for what must give the same answer as last year.

Sealing follows the ring's current key. Names that are looked up again (of messages, of identifiers, of what
resources are found by) cannot: the store records which keys make them, so that a new key put first changes no
answer. `wardline vault rotate` moves them on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.errors import Misconfigured
from engine.store.base import VaultTurned
from engine.store.database import Database, Work
from engine.store.keys import KEY_VARIABLE, KeyRing
from engine.tokens import Use

__all__ = ["VAULT_INDEX", "carry_uses", "check_turn", "enter_uses", "put_use", "read_uses", "turn_vault"]

VAULT_INDEX: Final = "vault-index"
_KEPT: Final = ("fingerprint", "digest", "shift")
"""What keeps its key for good, whatever ring key carries it."""

_OLDEST: Final = (*_KEPT, VAULT_INDEX)
_CURRENT: Final = ("term",)
_ANY: Final = {
    "fingerprint": "SELECT EXISTS (SELECT 1 FROM messages)",
    "digest": "SELECT EXISTS (SELECT 1 FROM messages)",
    "shift": "SELECT EXISTS (SELECT 1 FROM tokens)",
    VAULT_INDEX: "SELECT EXISTS (SELECT 1 FROM lookups)",
    "term": "SELECT EXISTS (SELECT 1 FROM terms)",
}
"""Whether anything was named for a purpose."""

_WRITTEN_WITH: Final = (
    "SELECT id FROM keys WHERE first_message <= (SELECT coalesce(max(id), 0) FROM messages)"
)
_TURN: Final = "SELECT turn FROM uses WHERE purpose = 'vault-index'"


def enter_uses(database: Database, ring: KeyRing) -> None:
    """Record what a store without a record was written with: the oldest key, of resources the one that was
    current when it was written last. Raises `Misconfigured` when the ring lacks a key that is used."""
    with database.write("keys") as work:
        known = read_uses(work)
        for purpose in (*_OLDEST, *_CURRENT):
            if purpose not in known:
                key_id = ring.oldest if purpose in _OLDEST else _current_before(work, ring)
                work.run("INSERT INTO uses (purpose, keys, turn) VALUES (?, ?, 0)", (purpose, key_id))
                if purpose == VAULT_INDEX:
                    work.run("UPDATE lookups SET key_id = ? WHERE key_id = ''", (key_id,))
        for purpose, use in known.items():
            for key_id in use.keys if purpose in _ANY else ():
                if key_id not in ring.ids and use.carried_by not in ring.ids:
                    if work.rows(_ANY[purpose])[0][0]:
                        raise Misconfigured(
                            f"names in this store are made with key {key_id!r} ({purpose}), and the key ring"
                            " lacks it",
                            where=KEY_VARIABLE,
                            hint="add it after the current key, as id:base64: wardline vault rotate moves on",
                        )
                    put_use(work, purpose, (ring.current,))


def _current_before(work: Work, ring: KeyRing) -> str:
    """The current key of the ring as it was: without those that no message was received with."""
    known = {row[0] for row in work.rows(_WRITTEN_WITH)}
    return next((key_id for key_id in ring.ids if key_id in known), ring.current)


def read_uses(work: Work) -> Mapping[str, Use]:
    """The record, by purpose."""
    query = "SELECT purpose, keys, turn, carried, carried_by FROM uses"
    return {
        purpose: Use(tuple(keys.split()), turn, carried or b"", carried_by or "")
        for purpose, keys, turn, carried, carried_by in work.rows(query)
    }


def put_use(work: Work, purpose: str, keys: tuple[str, ...]) -> None:
    """From this commit on a purpose uses these keys, and answers of before are void."""
    statement = "UPDATE uses SET keys = ?, turn = turn + 1 WHERE purpose = ?"
    work.run(statement, (" ".join(keys), purpose))


def carry_uses(work: Work, ring: KeyRing) -> None:
    """Let the current key of the ring carry what names messages and shifts dates: resends are known by it,
    and the dates of a person keep their distance, while the ring key that it was derived from may leave."""
    known = read_uses(work)
    following = ring.following(known)
    for purpose in _KEPT:
        use = known[purpose]
        if ring.current not in (use.keys[0], use.carried_by):
            work.run(
                "UPDATE uses SET carried = ?, carried_by = ? WHERE purpose = ?",
                (following.carry(purpose), ring.current, purpose),
            )


def turn_vault(work: Work) -> None:
    """Make void what routers remember of the vault: a person was erased, a merge undone."""
    work.run("UPDATE uses SET turn = turn + 1 WHERE purpose = 'vault-index'")


def check_turn(work: Work, turn: int, for_share: str) -> None:
    """Raise `VaultTurned` unless the vault is what it was; it stays so until the transaction ends."""
    if work.rows(_TURN + for_share)[0][0] != turn:
        raise VaultTurned
