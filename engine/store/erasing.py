"""Erasing a person, so that no copy of the store brings anybody back (GDPR, Article 17).

The person's keys are destroyed in the cabinet first, which also keeps what was erased: tokens and numbers of
messages, no identifier. From then on it is done, whatever happens. The store follows in one transaction; if
that did not come about, or an older copy of the store was put back, it follows at the next start, before
anything is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from engine.auditing import Act, Entry, checked
from engine.errors import Unacceptable
from engine.model import ReasonCode
from engine.store.database import Work, rows_of
from engine.store.mentions import forget_mentions, mentioning
from engine.store.merging import group_of
from engine.store.part import Part
from engine.store.revising import drop_revisions
from engine.store.tables import MENTIONS_PART
from engine.store.trail import TURN, append
from engine.store.unmerging import point_anew
from engine.store.uses import turn_vault
from engine.tokens import Erased, Erasure

__all__ = ["Erasing"]

PERSON: Final = "p"
_AT_ONCE: Final = 500
_OWNED: Final = "SELECT token FROM tokens WHERE coalesce(moved_to, subject) IN ({})"
_SINCE: Final = f"{_OWNED.replace('WHERE', 'WHERE created_at >= ? AND')}"
_LOOKUPS: Final = "SELECT lookup FROM lookups WHERE token IN ({})"
_TERMS: Final = "SELECT term, message_id FROM mentions WHERE part = ? AND message_id IN ({})"
_BY_TERM: Final = (
    "SELECT t.token, t.domain, coalesce(t.moved_to, t.subject) FROM lookups l"
    " JOIN tokens t ON t.token = l.token WHERE l.lookup >= ? AND l.lookup <= ?"
)
_STATES: Final = "SELECT id, state FROM messages WHERE id IN ({})"
_KEPT: Final = "SELECT message_id FROM contents WHERE message_id IN ({})"
_IN_WORK: Final = ("received", "fragment", "waiting")
_BLANK: Final = "UPDATE tokens SET sealed = NULL, erased_at = {} WHERE token IN ({{}}) RETURNING token"
_NO_LOOKUPS: Final = "DELETE FROM lookups WHERE token IN ({}) RETURNING token"
_NO_CONTENTS: Final = "DELETE FROM contents WHERE message_id IN ({}) RETURNING message_id"
_NO_MENTION: Final = "DELETE FROM mentions WHERE part = ? AND term = ? AND message_id = ?"
_RESOURCES: Final = "SELECT created FROM resources WHERE message_id IN ({})"
_TOMBSTONE: Final = (
    "INSERT INTO erasures (token, at, why, ticket, who) VALUES (?, ?, ?, ?, ?) ON CONFLICT (token) DO NOTHING"
)
_UNDO: Final = 'UPDATE merges SET undone_at = ? WHERE undone_at = 0 AND gone = ? AND "into" = ?'
_UNDER: Final = (
    "DELETE FROM {table} WHERE key_id = ? AND message_id IN"
    " (SELECT message_id FROM {table} WHERE key_id = ? LIMIT ?)"
)


class Erasing(Part):
    """The verbs of erasure."""

    def erasable(self, token: str, named: Collection[int] = ()) -> Erased:
        """`VaultStore.erasable`."""
        with self._database.read(snapshot=True) as work:
            persons = _persons(work, token)
            tokens = sorted({*persons, *(row[0] for row in rows_of(work, _OWNED, persons))})
            terms = _terms_of(work, tokens)
            found = sorted({*named, *mentioning(work, terms)})
            kept = {row[0] for row in rows_of(work, _KEPT, found)}
            found = [number for number in found if number in kept]
            shared = _shared(work, found, frozenset(terms), frozenset(tokens))
            states = dict(rows_of(work, _STATES, found))
        alone = tuple(number for number in found if number not in shared)
        open_ = tuple(number for number in alone if states.get(number) in _IN_WORK)
        return Erased(tuple(persons), tuple(tokens), alone, tuple(sorted(shared)), open_)

    def erase(self, erasure: Erasure, planned: Erased, entry: Entry) -> Erased:
        """`VaultStore.erase`."""
        checked(entry)  # what could refuse comes before what cannot be taken back
        if not planned.persons:
            raise KeyError(erasure.token)
        with self._database.read() as work:
            if _persons(work, erasure.token) != sorted(planned.persons):
                text = "numbers of this person were merged or parted meanwhile: look again"
                raise Unacceptable(ReasonCode.CONFLICT, "", text)
        self.cabinet.erase(erasure, planned)
        with self._database.write(TURN, "merge") as work:
            done = self._carry_out(work, erasure, planned, again=False)
            append(work, self._audit, [entry])
        return done

    def erasures(self) -> list[Erasure]:
        """`VaultStore.erasures`."""
        with self._database.read() as work:
            rows = work.rows("SELECT token, at, why, ticket, who FROM erasures ORDER BY at, token")
        return [Erasure(*row) for row in rows]

    def settle_erasures(self, used: Sequence[str], now: float) -> list[Erasure]:
        """What was erased stays erased: carry out what the cabinet knows to be erased and the store does not,
        and the other way round; remove contents whose keys (`used`: those that are sealed with) were
        destroyed. Tells what was carried out again."""
        known = {one.token for one in self.erasures()}
        again = [(one, done) for one, done in self.cabinet.erasures() if one.token not in known]
        for erasure, done in again:
            entry = Entry(
                at=now, who="wardline", role="engine", act=Act.ERASE, object=erasure.token,
                detail={"again": "the store is older than this erasure"},
            )  # fmt: skip
            with self._database.write(TURN, "merge") as work:
                self._carry_out(work, erasure, done, again=True)
                append(work, self._audit, [entry])
        if known:
            back = self.cabinet.subject_keys(sorted(known))
            self.cabinet.bury(known if back else (), "subject", "erasure", now)
        for key_id in self.cabinet.destroyed(used):
            self._drop(key_id)
        return [one for one, _ in again]

    def _carry_out(self, work: Work, erasure: Erasure, planned: Erased, *, again: bool) -> Erased:
        """In the store; of an older copy (`again`) exactly what was erased then, and what came after it."""
        turn_vault(work)  # first: routers hold it before they touch a token
        minted = rows_of(work, _SINCE, planned.persons, erasure.at if again else 0.0)
        tokens = {*planned.tokens, *(row[0] for row in minted)}
        _part_from(work, planned.persons, tokens, erasure.at)
        terms = _terms_of(work, sorted(tokens))
        sure = set(planned.messages) if again else set()
        seen = sorted({*planned.messages, *mentioning(work, terms)} - sure - set(planned.shared))
        shared = _shared(work, seen, frozenset(terms), frozenset(tokens))
        numbers = sorted(sure.union(seen) - shared)
        shared.update(planned.shared)
        created = [row[0] for row in rows_of(work, _RESOURCES, numbers)]
        for one in created:
            work.run("DELETE FROM terms WHERE created = ?", (one,))
            work.run("DELETE FROM spans WHERE created = ?", (one,))
            work.run("UPDATE resources SET terms = ? WHERE created = ?", (b"", one))
        gone = rows_of(work, _NO_CONTENTS, numbers)
        drop_revisions(work, numbers)
        forget_mentions(work, numbers)
        work.run_many(
            _NO_MENTION,
            [(number // MENTIONS_PART, one, number) for number in shared for one in terms],
        )
        rows_of(work, _BLANK.format(float(erasure.at)), sorted(tokens))
        rows_of(work, _NO_LOOKUPS, sorted(tokens))
        work.run_many(
            _TOMBSTONE,
            [(one, erasure.at, erasure.why, erasure.ticket, erasure.who) for one in planned.persons],
        )
        return Erased(
            planned.persons,
            tuple(sorted(tokens)),
            tuple(row[0] for row in gone),
            tuple(sorted(shared)),
            planned.open,
        )

    def _drop(self, key_id: str) -> None:
        for table in ("contents", "revisions"):
            left = 1
            while left:
                with self._database.write() as work:
                    left = work.run(_UNDER.format(table=table), (key_id, key_id, _AT_ONCE))


def _persons(work: Work, token: str) -> list[str]:
    """The numbers that are one with a person's, those that the vault knows."""
    group = group_of(work, [token])
    return sorted(row[0] for row in rows_of(work, "SELECT token FROM tokens WHERE token IN ({})", group))


def _part_from(work: Work, persons: Sequence[str], tokens: set[str], now: float) -> None:
    """What was merged into an erased person, and is not erased, stands for itself: it must not be answered
    with a number that has no key any more."""
    left = sorted(set(group_of(work, persons)) - tokens)
    for one in left:
        work.run_many(_UNDO, [(now, one, into) for into in persons])
    point_anew(work, left)


def _terms_of(work: Work, tokens: Sequence[str]) -> list[int]:
    """What stands in `mentions` for these: the first eight bytes of a look-up (`engine.privacy.mentions`)."""
    found = rows_of(work, _LOOKUPS, tokens)
    return sorted({int.from_bytes(bytes(row[0])[:8], "big", signed=True) for row in found})


def _shared(work: Work, numbers: Sequence[int], own: frozenset[int], tokens: frozenset[str]) -> set[int]:
    """Those of these messages that name another known person too."""
    parts: dict[int, list[int]] = {}
    for number in numbers:
        parts.setdefault(number // MENTIONS_PART, []).append(number)
    named = [row for part, some in parts.items() for row in rows_of(work, _TERMS, some, part)]
    others = {one for one in {row[0] for row in named} - own if _is_of_another(work, one, tokens)}
    return {number for one, number in named if one in others}


def _is_of_another(work: Work, one: int, tokens: frozenset[str]) -> bool:
    low = one.to_bytes(8, "big", signed=True)
    for token, domain, owner in work.rows(_BY_TERM, (low + bytes(8), low + b"\xff" * 8)):
        if token not in tokens and (domain == PERSON or (owner and owner not in tokens)):
            return True
    return False
