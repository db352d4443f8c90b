"""What resources are found by, going over to a new key: terms are digests of values in their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.resources import Version
from engine.store.database import insert
from engine.store.uses import put_use, read_uses
from engine.store.versions import Versions

__all__ = ["RotatingTerms"]

_STILL: Final = "SELECT terms FROM resources WHERE created = ? AND message_id = ?"
_NEW: Final = "INSERT INTO terms (digest, created) VALUES "
_GONE: Final = "DELETE FROM terms WHERE digest = ? AND created = ?"
_PACKED: Final = "UPDATE resources SET terms = ? WHERE created = ?"
_TERM_BYTES: Final = 16


class RotatingTerms(Versions):
    """The verbs of `wardline vault rotate` about resources."""

    def begin_terms(self, key_id: str) -> None:
        """`VaultStore.begin_terms`."""
        with self._database.write("keys") as work:
            keys = read_uses(work)["term"].keys
            if keys[0] != key_id:
                put_use(work, "term", (key_id, *(key for key in keys if key != key_id)))

    def foundable(self, after: int, limit: int) -> list[Version]:
        """`VaultStore.foundable`."""
        query = self._with_body("resources r JOIN versions v ON v.message_id = r.message_id")
        page = f"{query} WHERE r.deleted = 0 AND r.created > ? ORDER BY r.created LIMIT ?"
        with self._database.read() as work:
            return [self._version(row) for row in work.rows(page, (after, limit))]

    def turn_terms(self, turned: Sequence[tuple[Version, tuple[bytes, ...]]]) -> None:
        """`VaultStore.turn_terms`."""
        with self._database.write("accept") as work:
            for version, terms in turned:
                found = work.rows(_STILL, (version.created, version.message_id))
                if not found:
                    continue  # written meanwhile, with terms of its own
                packed = bytes(found[0][0])
                old = {packed[at : at + _TERM_BYTES] for at in range(0, len(packed), _TERM_BYTES)}
                new = sorted(set(terms) - old)
                gone = sorted(old - set(terms))
                insert(work, _NEW, 2, [value for digest in new for value in (digest, version.created)])
                work.run_many(_GONE, [(digest, version.created) for digest in gone])
                work.run(_PACKED, (b"".join(sorted(set(terms))), version.created))

    def end_terms(self, key_id: str) -> None:
        """`VaultStore.end_terms`."""
        with self._database.write("keys") as work:
            put_use(work, "term", (key_id,))
