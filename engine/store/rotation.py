"""Going over to new keys while messages flow: what the vault's rows are sealed with, what they are found by.

A rotation begins with a turn of the vault: from that commit on whatever is stored is sealed under a seal key
made since, and found under the new index key as well as under the old. What was there before is gone
through page by page, each page a transaction of its own that leaves no row half-way. When all is done the old
look-ups go, and the keys that nothing needs any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from engine.store.database import Work, insert, rows_of
from engine.store.keys import KeyRing
from engine.store.part import Part
from engine.store.tokens import ROWS, token_row
from engine.store.uses import VAULT_INDEX, carry_uses, put_use, read_uses, turn_vault
from engine.tokens import TokenRow, TurnedRow

__all__ = ["Rotating"]

SEALING: Final = "vault-seal"
"""The purpose whose record is since when (seconds since the epoch) seal keys count as new."""

_AT_ONCE: Final = 2000
_PAGE: Final = f"{ROWS} WHERE token > ? AND sealed IS NOT NULL ORDER BY token LIMIT ?"
_STILL: Final = "SELECT token, key_id FROM tokens WHERE sealed IS NOT NULL AND token IN ({})"
_SEAL: Final = (
    "UPDATE tokens SET key_id = ?, sealed = ?, subject = ?,"
    " moved_to = CASE WHEN moved_to = ? THEN NULL ELSE moved_to END WHERE token = ? AND key_id = ?"
)
_LOOKUP: Final = "INSERT INTO lookups (lookup, token, key_id) VALUES "
_OLD: Final = "SELECT lookup, key_id FROM lookups WHERE lookup > ? ORDER BY lookup LIMIT ?"
_NAMED: Final = "SELECT term, message_id FROM mentions WHERE part = ?"
_AGAIN: Final = "INSERT INTO mentions (part, term, message_id) VALUES "
_FORGET: Final = "DELETE FROM mentions WHERE part = ? AND term = ? AND message_id = ?"


class Rotating(Part):
    """The verbs of `wardline vault rotate`."""

    def begin_rotation(self, index_key: str, now: float) -> float:
        """`VaultStore.begin_rotation`."""
        with self._database.write("keys") as work:
            uses = read_uses(work)
            begun = uses.get(SEALING)
            if begun is None:
                newest = work.rows("SELECT coalesce(max(made_at), 0) FROM seal_keys")[0][0]
                since = max(now, newest + 0.001)  # clocks of others may be ahead
                work.run("INSERT INTO uses (purpose, keys, turn) VALUES (?, ?, 0)", (SEALING, repr(since)))
                turn_vault(work)
            keys = uses[VAULT_INDEX].keys
            if keys[0] != index_key:
                put_use(work, VAULT_INDEX, (index_key, *(key for key in keys if key != index_key)))
            return since if begun is None else float(begun.keys[0])

    def to_rotate(self) -> int:
        """`VaultStore.to_rotate`."""
        with self._database.read() as work:
            return int(work.rows("SELECT count(*) FROM tokens WHERE erased_at IS NULL")[0][0])

    def rotation_page(self, after: str, limit: int) -> list[TokenRow]:
        """`VaultStore.rotation_page`."""
        with self._database.read() as work:
            return [token_row(row) for row in work.rows(_PAGE, (after, limit))]

    def readers(self) -> dict[str, int]:
        """`VaultStore.readers`."""
        with self._database.read() as work:
            return dict(work.rows("SELECT reader, count(*) FROM seal_keys GROUP BY reader"))

    def seal_keys_since(self, since: float) -> set[str]:
        """`VaultStore.seal_keys_since`."""
        with self._database.read() as work:
            return {row[0] for row in work.rows("SELECT id FROM seal_keys WHERE made_at >= ?", (since,))}

    def turn_rows(self, turned: Sequence[TurnedRow]) -> None:
        """`VaultStore.turn_rows`."""
        tokens = sorted(one.before.token for one in turned)
        with self._database.write() as work:
            still = dict(rows_of(work, _STILL + self._database.for_update, tokens))
            rows = [one for one in turned if one.before.token in still]  # the others were erased meanwhile
            lookups = sorted(
                (found.lookup, one.before.token, found.key_id) for one in rows for found in one.lookups
            )
            flat = [column for row in lookups for column in row]
            insert(work, _LOOKUP, 3, flat, " ON CONFLICT DO NOTHING")
            sealed = [
                (one.key_id, one.sealed, one.subject, one.subject, one.before.token, one.before.key_id)
                for one in rows
                if one.sealed
            ]
            if sealed:
                work.run_many(_SEAL, sealed)

    def reterm(self, terms: Mapping[int, int]) -> None:
        """`VaultStore.reterm`."""
        for part in self._parts():
            with self._database.read() as work:
                rows = [row for row in work.rows(_NAMED, (part,)) if row[0] in terms]
            if rows:
                with self._database.write() as work:
                    flat = [value for term, number in sorted(rows) for value in (part, terms[term], number)]
                    insert(work, _AGAIN, 3, flat, " ON CONFLICT DO NOTHING")
                    work.run_many(_FORGET, [(part, term, number) for term, number in rows])

    def end_rotation(self, index_key: str) -> None:
        """`VaultStore.end_rotation`."""
        with self._database.write("keys") as work:
            put_use(work, VAULT_INDEX, (index_key,))
        self._drop_lookups(index_key)
        self._drop_seal_keys()
        with self._database.write("keys") as work:
            work.run("DELETE FROM uses WHERE purpose = ?", (SEALING,))

    def carry_names(self, ring: KeyRing) -> None:
        """`VaultStore.carry_names`."""
        with self._database.write("keys") as work:
            carry_uses(work, ring)

    def forget_strangers(self, index_key: str) -> int:
        """`VaultStore.forget_strangers`."""
        with self._database.read() as work:
            newest = int(work.rows("SELECT coalesce(max(id), 0) FROM messages")[0][0])
        total = 0
        for part in self._parts():
            with self._database.read() as work:
                rows = work.rows(_NAMED, (part,))
                known = {term for term in {row[0] for row in rows} if _leads(work, term, index_key)}
            gone = [(part, term, number) for term, number in rows if term not in known and number <= newest]
            if gone:
                with self._database.write() as work:
                    work.run_many(_FORGET, gone)
            total += len(gone)
        return total

    def _parts(self) -> range:
        with self._database.read() as work:
            first, last = work.rows("SELECT coalesce(min(part), 0), coalesce(max(part), -1) FROM mentions")[0]
        return range(first, last + 1)

    def _drop_lookups(self, index_key: str) -> None:
        """Those of other keys, some at a time: nothing is stored under them any more."""
        after = b""
        while True:
            with self._database.read() as work:
                rows = work.rows(_OLD, (after, _AT_ONCE))
            if not rows:
                return
            after = bytes(rows[-1][0])
            old = [(lookup,) for lookup, key_id in rows if key_id != index_key]
            if old:
                with self._database.write() as work:
                    work.run_many("DELETE FROM lookups WHERE lookup = ?", old)

    def _drop_seal_keys(self) -> None:
        """Those made before the rotation that no row is sealed with: none will be any more."""
        with self._database.write("keys") as work:
            since = float(read_uses(work)[SEALING].keys[0])
            work.run(
                "DELETE FROM seal_keys WHERE made_at < ? AND id NOT IN"
                " (SELECT DISTINCT key_id FROM tokens WHERE sealed IS NOT NULL)",
                (since,),
            )


def _leads(work: Work, term: int, index_key: str) -> bool:
    """Whether a term is that of a token's look-up under this key."""
    low = term.to_bytes(8, "big", signed=True)
    query = "SELECT 1 FROM lookups WHERE lookup >= ? AND lookup <= ? AND key_id = ? LIMIT 1"
    return bool(work.rows(query, (low + bytes(8), low + b"\xff" * 8, index_key)))
