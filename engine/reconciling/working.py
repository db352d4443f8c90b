"""What was asked for and approved, done: checks that people or the schedule want, and repairs.

One process of the engine looks every few seconds (`engine.app.books`), and where there is something to do it
is done in a process of its own, which takes nothing from those that listen. Whatever is interrupted is begun
again: each step may be repeated.

A repair looks at Odoo once more before it does anything, and again when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import msgspec
from msgspec.structs import replace

from engine.auditing import Act, Entry
from engine.destinations.odoo.connecting import connect
from engine.destinations.odoo.connection import OdooConnection
from engine.errors import WardlineError
from engine.model import DeliveryState
from engine.reconciling.checking import check, open_gaps
from engine.reconciling.mending import AGAIN, do_double, planned
from engine.reconciling.standing import Standing
from engine.reconciling.words import Gap, Remedy, Repair, RepairState, Report, Scope, encode
from engine.store.base import Store
from engine.store.contracts.checks import RepairRow
from engine.store.contracts.views import Query
from engine.telemetry import series

__all__ = ["Worker", "repair_of"]

_remedies = msgspec.json.Decoder(tuple[Remedy, ...])
_scope = msgspec.json.Decoder(Scope)
_OPEN = (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED)
_MOST = 1000
_FINE = ("done", "was no longer there")


def repair_of(row: RepairRow) -> Repair:
    """A repair as it is kept."""
    state = cast(RepairState, row.state)
    return Repair(
        number=row.number, check=row.check, state=state, at=row.at, who=row.who, why=row.why,
        ticket=row.ticket, remedies=_remedies.decode(row.plan), decided_by=row.decided_by,
        decided_at=row.decided_at,
    )  # fmt: skip


class Worker:
    """Does what is to be done now. `connection` gives the settings of an Odoo by its name, `holder` is who
    this is in the audit. Blocking, for one thread."""

    def __init__(
        self,
        store: Store,
        connection: Callable[[str], OdooConnection],
        *,
        holder: str,
        clock: Callable[[], float],
    ) -> None:
        self._store, self._connection, self._holder, self._clock = store, connection, holder, clock

    def work(self) -> int:
        """Do all of it; how many things were done. Raises `Unavailable` when the store is not there."""
        done = 0
        for row in reversed(self._store.checks(_MOST, state="asked")):
            self.make_check(row.number, _scope.decode(row.scope))
            done += 1
        for state in ("approved", "working", "sent"):
            for kept in reversed(self._store.repairs(state=state, limit=_MOST)):
                done += self._carry(repair_of(kept))
        return done

    def make_check(self, number: int, scope: Scope) -> Report:
        """Make a check that was asked for, and keep what it found."""
        began = self._clock()
        try:
            report = check(self._store, scope, self._connection, now=began)
        except WardlineError as error:
            told = replace(self._told("check", {"error": str(error)}), outcome="failed")
            report = Report(unread={"store": str(error)})
            self._store.end_check(number, "failed", gaps=0, report=encode(report), told=told)
            return report
        report = replace(report, seconds=self._clock() - began)
        count = open_gaps(report)
        told = self._told("check", {"gaps": str(count), "unread": " ".join(report.unread)})
        self._store.end_check(number, "done", gaps=count, report=encode(report), told=told)
        self.tell(scope, report)
        return report

    def tell(self, scope: Scope, report: Report) -> None:
        """Say how it stands, for alerts: after a check of everything, until now."""
        if scope.channel or scope.destination or scope.until or report.unread:
            return
        name = "wardline_reconciliation_gaps"
        counts = dict.fromkeys(self._store.last_values([name]), 0.0) | {series(name, channel=""): 0.0}
        counts |= {series(name, channel=channel): float(n) for channel, n in report.by_channel.items()}
        counts[series("wardline_reconciliation_checked_at")] = self._clock()
        self._store.measure({}, counts, at=self._clock())

    # Repairs

    def _carry(self, repair: Repair) -> int:
        """Bring a repair a step further; 1 when something was done."""
        if repair.state == "sent":
            return self._finish(repair)
        if repair.state == "approved":
            self._keep(repair, "working")
        still = self._still([one.gap for one in repair.remedies])
        remedies = tuple(
            one if one.outcome else replace(one, outcome=self._do(repair, one, still))
            for one in repair.remedies
        )
        self._keep(replace(repair, remedies=remedies), "sent")
        return 1

    def _do(self, repair: Repair, remedy: Remedy, still: Mapping[str, Gap]) -> str:
        """Do one remedy for the gap as it is now, a later message may have come under its key; what became of
        it."""
        if self._is_open(remedy.gap):  # an attempt before sent it
            return "on its way"
        gap = still.get(remedy.gap.mark)
        if gap is None:
            return "was no longer there"
        told = self._told(
            f"repair:{repair.number}", {"gap": str(remedy.number), "mend": remedy.mend, "key": gap.key}
        )
        try:
            if remedy.mend not in AGAIN:
                self._double(gap, told)
                return "done"
            settings = self._connection(gap.destination.partition(":")[2])
            (again,) = planned(self._store, settings, [(remedy.number, gap)])
            if again.outcome:
                return again.outcome
            moved = self._store.redo([gap.delivery_id], AGAIN[remedy.mend], now=self._clock(), told=told)
        except WardlineError as error:
            return f"failed: {error}"
        return "on its way" if moved else "was no longer there"

    def _double(self, gap: Gap, told: Entry) -> None:
        settings = self._connection(gap.destination.partition(":")[2])
        self._store.record([told])
        standing = Standing(settings)
        try:
            client = connect(settings)
            try:
                do_double(standing, client, gap)
            finally:
                client.close()
        finally:
            standing.close()

    def _finish(self, repair: Repair) -> int:
        """Look once more when what is on its way has settled."""
        if any(self._is_open(one.gap) for one in repair.remedies):
            return 0
        still = self._still([one.gap for one in repair.remedies])
        remedies = tuple(replace(one, outcome=_outcome(one, still)) for one in repair.remedies)
        whole = all(one.outcome in _FINE for one in remedies)
        self._keep(replace(repair, remedies=remedies), "done" if whole else "failed")
        return 1

    def _still(self, gaps: Sequence[Gap]) -> dict[str, Gap]:
        """Those gaps as they are now, by their marks; where Odoo cannot be asked, as they were."""
        since = min(gap.since for gap in gaps)
        report = check(
            self._store, Scope(since=since), self._connection, now=self._clock(),
            only=frozenset(gap.key for gap in gaps),
        )  # fmt: skip
        unread = {gap.mark: gap for gap in gaps if gap.destination in report.unread}
        return unread | {gap.mark: gap for gap in report.gaps}

    def _is_open(self, gap: Gap) -> bool:
        views = self._store.deliveries(Query(ids=(gap.delivery_id,), limit=1)) if gap.delivery_id else []
        return any(view.state in _OPEN for view in views)

    def _keep(self, repair: Repair, state: RepairState) -> None:
        told = None
        if state != "working":
            counts = {one.outcome for one in repair.remedies}
            told = self._told(
                f"repair:{repair.number}", {"state": state, "outcomes": "; ".join(sorted(counts))}
            )
        self._store.carry_repair(repair.number, state, encode(repair.remedies), told=told)

    def _told(self, object_: str, detail: dict[str, str]) -> Entry:
        return Entry(
            at=self._clock(),
            who=self._holder,
            role="engine",
            act=Act.RECONCILE,
            object=object_,
            detail=detail,
        )


def _outcome(remedy: Remedy, still: Mapping[str, Gap]) -> str:
    if remedy.outcome not in (*_FINE, "on its way"):
        return remedy.outcome
    if remedy.gap.mark in still:
        return "Odoo still differs"
    return "done" if remedy.outcome == "on its way" else remedy.outcome
