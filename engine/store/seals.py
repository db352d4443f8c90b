"""The store remembers which keys sealed it, so that a wrong key or cabinet is found at the door.

Started with another key, every stored message would look damaged. Each key of the ring leaves a proof
(derived from it one way), and the cabinet its name.
"""

from __future__ import annotations

from typing import Final

from engine.errors import Misconfigured
from engine.store.cabinet import CABINET_VARIABLE, Cabinet
from engine.store.database import Database, Work
from engine.store.keys import KEY_VARIABLE, KeyRing

__all__ = ["bind", "check_cabinet", "check_keys", "give_up"]

_IN_USE: Final = (
    "SELECT EXISTS (SELECT 1 FROM contents WHERE key_id = ?)"
    " OR EXISTS (SELECT 1 FROM tokens WHERE key_id = ? AND erased_at IS NULL)"
    " OR EXISTS (SELECT 1 FROM audit_head WHERE key_id = ?)"
    " OR EXISTS (SELECT 1 FROM seal_keys WHERE reader = ?)"
)
# One step per key, not per row: each looks for the next id in the index.
_CONTENT_KEYS: Final = (
    "WITH RECURSIVE used (id) AS (SELECT min(key_id) FROM {table} UNION ALL"
    " SELECT (SELECT min(c.key_id) FROM {table} c WHERE c.key_id > u.id) FROM used u WHERE u.id IS NOT NULL)"
    " SELECT id FROM used WHERE id IS NOT NULL"
)
_BOUND: Final = "SELECT id FROM cabinets"


def check_keys(database: Database, ring: KeyRing) -> None:
    """Enter the ring's keys. Raises `Misconfigured` when a key that is needed is missing or not the
    one it was."""
    with database.write("keys") as work:
        known = {row[0]: row[1] for row in work.rows("SELECT id, proof FROM keys")}
        for key_id in ring.ids:
            proof = ring.derive("proof", key_id)[:8]
            if key_id not in known:
                work.run(
                    "INSERT INTO keys (id, proof, first_message)"
                    " SELECT ?, ?, coalesce(max(id), 0) + 1 FROM messages",
                    (key_id, proof),
                )
            elif known[key_id] != proof:
                raise Misconfigured(
                    f"key {key_id!r} is not the key of that name that sealed this store", where=KEY_VARIABLE
                )
        for key_id in known:
            if key_id not in ring.ids and _in_use(work, key_id):
                raise _lacks(key_id)


def check_cabinet(database: Database, cabinet: Cabinet, ring: KeyRing, *, is_there: bool) -> list[str] | None:
    """The keys of contents that are in use; None when the store has no cabinet yet.

    Raises `Misconfigured` when the cabinet is not the one that this store's keys lie in, or lacks some of
    them, or is wrapped under a key that the ring lacks. `is_there`: whether there may be one at its place."""
    with database.read() as work:
        bound = [row[0] for row in work.rows(_BOUND)]
        used = _day_keys(work)
        entered = [row[0] for row in work.rows("SELECT id FROM keys")]
    if not bound:
        if not (is_there and cabinet.known() and cabinet.holds_keys()):
            return None
        with database.read() as work:  # another process may have made the first key meanwhile
            if not work.rows(_BOUND):
                raise _foreign()
        return check_cabinet(database, cabinet, ring, is_there=is_there)
    if not is_there or cabinet.known() != bound[0]:
        raise Misconfigured(
            "the cabinet with this store's keys is not here",
            where=CABINET_VARIABLE,
            hint="put its newest copy in place; if there is none: wardline cabinet give-up",
        )
    if lost := cabinet.missing(used):
        raise Misconfigured(
            f"the cabinet lacks {len(lost)} keys of contents, the first is {lost[0]!r}: it is an older copy",
            where=CABINET_VARIABLE,
            hint="put its newest copy in place; if there is none: wardline cabinet give-up",
        )
    for key_id in entered:
        if key_id not in ring.ids and cabinet.needs(key_id):
            raise _lacks(key_id)
    return used


def bind(database: Database, cabinet: Cabinet) -> None:
    """Make this cabinet the store's, before its first key is made. Raises `Misconfigured` when it is another
    store's: who purges one would destroy keys of the other."""
    with database.read() as work:
        if work.rows(_BOUND) == [(cabinet.id,)]:
            return
    foreign = cabinet.holds_keys()
    with database.write("cabinets") as work:
        bound = work.rows(_BOUND)
        if not bound and not foreign:
            work.run("INSERT INTO cabinets (id) VALUES (?)", (cabinet.id,))
        elif bound != [(cabinet.id,)]:
            raise _foreign()


def give_up(database: Database, cabinet: Cabinet, now: float, *, is_there: bool) -> list[str]:
    """Go on without keys that are lost: with the older copy of the cabinet that is here, else with a new one.
    The ids of the contents' keys that were lost; they count as destroyed from now on.

    Raises `Misconfigured` when nothing is lost, or when what is here is another store's."""
    with database.read() as work:
        bound = [row[0] for row in work.rows(_BOUND)]
        used = _day_keys(work)
    here = cabinet.known() if is_there else ""
    if here and here not in bound and cabinet.holds_keys():
        raise _foreign()
    lost = cabinet.missing(used) if here else used
    if not bound or (here in bound and not lost):
        raise Misconfigured("no key of this store is lost", where=CABINET_VARIABLE)
    if here not in bound:
        with database.write("cabinets") as work:
            work.run("DELETE FROM cabinets")
            work.run("INSERT INTO cabinets (id) VALUES (?)", (cabinet.id,))
    cabinet.bury(lost, "day", "lost", now)
    return lost


def _day_keys(work: Work) -> list[str]:
    """The keys of days that contents are sealed with, those of today and those before a correction."""
    tables = ("contents", "revisions")
    found = {row[0] for table in tables for row in work.rows(_CONTENT_KEYS.format(table=table))}
    return sorted(one for one in found if "/" in one)


def _in_use(work: Work, key_id: str) -> bool:
    return bool(work.rows(_IN_USE, (*(key_id,) * 3, f"ring:{key_id}"))[0][0])


def _foreign() -> Misconfigured:
    return Misconfigured(
        "the cabinet holds the keys of another store",
        where=CABINET_VARIABLE,
        hint="name another, or move it away: each store has one of its own",
    )


def _lacks(key_id: str) -> Misconfigured:
    return Misconfigured(
        f"this store holds what key {key_id!r} sealed, and the key ring lacks it",
        where=KEY_VARIABLE,
        hint="add it after the current key, as id:base64",
    )
