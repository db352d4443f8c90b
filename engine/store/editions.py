"""Sets of channels that are, were or may be run, and which of them is to be run now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

from msgspec.structs import replace

from engine.auditing import Entry
from engine.errors import Misconfigured
from engine.model import DeliveryState
from engine.store.contracts.editions import Activation, Edition, Running
from engine.store.database import Work
from engine.store.part import Part
from engine.store.trail import TURN, append

__all__ = ["Editions"]

_EDITION: Final = (
    "SELECT number, digest, state, at, who, why, ticket, sites, decided_by, decided_at FROM editions"
)
_ACTIVATION: Final = "SELECT id, edition, at, who, why FROM activations"
_NEW: Final = (
    "INSERT INTO editions (number, digest, packed, sites, state, at, who, why, ticket)"
    " VALUES (?, ?, ?, ?, 'proposed', ?, ?, ?, ?)"
)
_ANEW: Final = (
    "UPDATE editions SET state = 'proposed', at = ?, who = ?, why = ?, ticket = ?, decided_by = '',"
    " decided_at = 0 WHERE number = ?"
)
_ACTIVATE: Final = "INSERT INTO activations (id, edition, at, who, why) VALUES (?, ?, ?, ?, ?)"
_SAY: Final = (
    "INSERT INTO running (holder, activation, edition, at, refused) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (holder) DO UPDATE SET activation = excluded.activation, edition = excluded.edition,"
    " at = excluded.at, refused = excluded.refused"
)
# Each part by its partial index: what is open is few beside all that is kept. (CROSS JOIN keeps SQLite from
# beginning with the messages.)
_WORKING: Final = (
    "SELECT DISTINCT edition FROM messages WHERE edition > 0 AND state = 'received'"
    " UNION SELECT DISTINCT m.edition FROM fragments f CROSS JOIN messages m"
    " WHERE m.id = f.message_id AND m.edition > 0"
    + "".join(
        " UNION SELECT DISTINCT m.edition FROM deliveries d JOIN messages m ON m.id = d.message_id"
        f" WHERE m.edition > 0 AND d.state = '{state.value}'"
        for state in (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED)
    )
)
_UNROUTED: Final = "SELECT DISTINCT channel FROM messages WHERE state = 'received'"
_TAKES_TURNS: Final = "editions"


class Editions(Part):
    """The verbs of those who deploy, and of the engine that takes up what they deployed."""

    def propose(
        self, digest: bytes, packed: bytes, sites: Sequence[str], *, at: float, why: str, told: Entry
    ) -> Edition:
        """`EditionStore.propose`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            known = work.rows(f"{_EDITION} WHERE digest = ?", (digest,))
            said = (at, told.who, why, told.ticket)
            if known and not _again(_edition(known[0]), told):
                return _edition(known[0])
            if known:
                number = known[0][0]
                work.run(_ANEW, (*said, number))
            else:
                number = 1 + work.rows("SELECT coalesce(max(number), 0) FROM editions")[0][0]
                work.run(_NEW, (number, digest, packed, " ".join(sites), *said))
            append(work, self._audit, [_about(number, told)])
            return _found(work, number)

    def decide(
        self, number: int, state: Literal["approved", "withdrawn"], *, at: float, told: Entry
    ) -> Edition:
        """`EditionStore.decide`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            if _found(work, number).state != "proposed":
                raise Misconfigured("it is not proposed any more", where=f"edition {number}")
            work.run(
                "UPDATE editions SET state = ?, decided_by = ?, decided_at = ? WHERE number = ?",
                (state, told.who, at, number),
            )
            append(work, self._audit, [_about(number, told)])
            return _found(work, number)

    def activate(
        self, number: int, *, at: float, why: str, told: Entry, after: int | None = None
    ) -> Activation:
        """`EditionStore.activate`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            if _found(work, number).state != "approved":
                raise Misconfigured("it is not approved", where=f"edition {number}")
            newest = work.rows("SELECT coalesce(max(id), 0) FROM activations")[0][0]
            if after not in (None, newest):
                raise Misconfigured(
                    "another edition became active meanwhile", where=f"edition {number}", hint="look again"
                )
            id_ = 1 + newest
            activation = Activation(id_, number, at, told.who, why)
            work.run(_ACTIVATE, (id_, number, at, told.who, why))
            append(work, self._audit, [_about(number, told)])
            return activation

    def active(self) -> Activation | None:
        """`EditionStore.active`."""
        found = self.activations(1)
        return found[0] if found else None

    def edition(self, number: int) -> Edition | None:
        """`EditionStore.edition`."""
        with self._database.read() as work:
            rows = work.rows(f"{_EDITION} WHERE number = ?", (number,))
        return _edition(rows[0]) if rows else None

    def packed(self, number: int) -> bytes:
        """`EditionStore.packed`."""
        column = self._database.as_bytes.format("packed")
        with self._database.read() as work:
            rows = work.rows(f"SELECT {column} FROM editions WHERE number = ?", (number,))
        if not rows:
            raise KeyError(number)
        return bytes(rows[0][0])

    def editions(self, limit: int = 1000) -> list[Edition]:
        """`EditionStore.editions`."""
        with self._database.read() as work:
            return [_edition(row) for row in work.rows(f"{_EDITION} ORDER BY number DESC LIMIT ?", (limit,))]

    def activations(self, limit: int = 1000) -> list[Activation]:
        """`EditionStore.activations`."""
        with self._database.read() as work:
            return [
                Activation(*row) for row in work.rows(f"{_ACTIVATION} ORDER BY id DESC LIMIT ?", (limit,))
            ]

    def working_editions(self) -> list[int]:
        """`EditionStore.working_editions`."""
        with self._database.read() as work:
            return sorted(number for (number,) in work.rows(_WORKING))

    def unrouted_channels(self) -> list[str]:
        """`EditionStore.unrouted_channels`."""
        with self._database.read() as work:
            return sorted(name for (name,) in work.rows(_UNROUTED))

    def say_running(self, running: Running) -> None:
        """`EditionStore.say_running`."""
        with self._database.write() as work:
            row = (running.holder, running.activation, running.edition, running.at, running.refused)
            work.run(_SAY, row)

    def forget_running(self, holders: Sequence[str]) -> None:
        """`EditionStore.forget_running`."""
        with self._database.write() as work:
            known = [holder for (holder,) in work.rows("SELECT holder FROM running")]
            gone = [(holder,) for holder in known if holder not in holders]
            if gone:
                work.run_many("DELETE FROM running WHERE holder = ?", gone)

    def running(self) -> list[Running]:
        """`EditionStore.running`."""
        with self._database.read() as work:
            query = "SELECT holder, activation, edition, at, refused FROM running ORDER BY holder"
            return [Running(*row) for row in work.rows(query)]


def _again(known: Edition, told: Entry) -> bool:
    """Whether one that is known is proposed anew."""
    alone = known.state == "approved" and known.decided_by == known.who
    keyless = known.state == "proposed" and "@" in known.who
    return known.state == "withdrawn" or ((alone or keyless) and told.role in ("author", "user"))


def _about(number: int, told: Entry) -> Entry:
    return replace(told, object=f"edition:{number}")


def _found(work: Work, number: int) -> Edition:
    rows = work.rows(f"{_EDITION} WHERE number = ?", (number,))
    if not rows:
        raise Misconfigured("there is no such edition", where=f"edition {number}", hint="wardline editions")
    return _edition(rows[0])


def _edition(row: tuple[Any, ...]) -> Edition:
    number, digest, state, at, who, why, ticket, sites, decided_by, decided_at = row
    return Edition(
        number=number,
        digest=bytes(digest),
        state=state,
        at=at,
        who=who,
        why=why,
        ticket=ticket,
        sites=tuple(sites.split()),
        decided_by=decided_by,
        decided_at=decided_at,
    )
