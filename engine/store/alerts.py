"""Alerts and what is to be told about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from engine.auditing import Entry
from engine.model import Owner
from engine.store.contracts.alerts import Seen
from engine.store.database import Work
from engine.store.part import Part
from engine.store.trail import TURN, append
from engine.watching import Alert, AlertQuery, Kind, Notice, Opening, SentNotice

__all__ = ["Alerts"]

_COLUMNS: Final = (
    "id, cause, kind, channel, owner, opened_at, closed_at, seen_at, detail, taken_by, taken_at, quiet_until,"
    " why"
)
_NEW: Final = f"INSERT INTO alerts ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, '', 0, ?, ?)"
_NOTICE_COLUMNS: Final = "id, alert_id, event, route, state, due_at, attempts, said"
_NEW_NOTICE: Final = (
    "INSERT INTO notices (id, alert_id, event, route, state, due_at) VALUES (?, ?, ?, ?, 'due', ?)"
)
_LATER: Final = "alert_id = ? AND state = 'due' AND attempts = 0 AND due_at > ?"
_DUE: Final = (
    "SELECT {columns} FROM notices n WHERE n.state = 'due' AND n.due_at <= ?"
    " AND NOT EXISTS (SELECT 1 FROM notices e WHERE e.state = 'due' AND e.alert_id = n.alert_id"
    " AND e.route = n.route AND e.id < n.id) ORDER BY n.id LIMIT ?"
)
_TAKES_TURNS: Final = "alerts"


class _Detail(msgspec.Struct, omit_defaults=True):
    """What stands of an alert in one column."""

    subject: str
    value: float
    worst: float
    limit: float
    times: int = 1
    said: dict[str, str] = {}


class Alerts(Part):
    """The verbs of those who watch, and of those who are told."""

    def change_alerts(
        self, opened: Sequence[Opening], closed: Sequence[int], seen: Sequence[Seen], *, now: float
    ) -> list[Alert]:
        """`AlertStore.change_alerts`."""
        with self._database.write(_TAKES_TURNS) as work:
            stand = {alert.cause: alert for alert in self._alerts_where(work, "closed_at = 0")}
            by_id = {alert.id: alert for alert in stand.values()}
            for one in seen:
                if one.alert_id in by_id:
                    _renew(work, by_id[one.alert_id], one, now)
            for alert_id in closed:
                if alert_id in by_id:
                    _close(work, alert_id, now)
            left = {cause for cause, alert in stand.items() if alert.id not in closed}
            fresh = {one.found.cause: one for one in opened if one.found.cause not in left}
            return [self._raise(work, one, now) for one in fresh.values()]

    def open_alerts(self) -> list[Alert]:
        """`AlertStore.open_alerts`."""
        with self._database.read() as work:
            return self._alerts_where(work, "closed_at = 0")

    def alerts(self, query: AlertQuery) -> list[Alert]:
        """`AlertStore.alerts`."""
        where, given = _conditions(query)
        with self._database.read() as work:
            return self._alerts_where(work, f"{where} ORDER BY id DESC LIMIT ?", (*given, query.limit))

    def openings(self, since: float) -> dict[str, int]:
        """`AlertStore.openings`."""
        with self._database.read() as work:
            query = "SELECT cause, count(*) FROM alerts WHERE opened_at >= ? GROUP BY cause"
            return dict(work.rows(query, (since,)))

    def take_alert(self, alert_id: int, *, at: float, told: Entry) -> Alert | None:
        """`AlertStore.take_alert`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            if not (found := self._alerts_where(work, "id = ? AND closed_at = 0", (alert_id,))):
                return None
            work.run("UPDATE alerts SET taken_by = ?, taken_at = ? WHERE id = ?", (told.who, at, alert_id))
            append(work, self._audit, [told])
            return replace(found[0], taken_by=told.who, taken_at=at)

    def quiet_alert(self, alert_id: int, *, until: float, at: float, told: Entry) -> Alert | None:
        """`AlertStore.quiet_alert`."""
        with self._database.write(TURN, _TAKES_TURNS) as work:
            if not (found := self._alerts_where(work, "id = ? AND closed_at = 0", (alert_id,))):
                return None
            said = (until, told.why, alert_id)
            work.run("UPDATE alerts SET quiet_until = ?, why = ? WHERE id = ?", said)
            _tell_again(work, alert_id, until, at)
            append(work, self._audit, [told])
            return replace(found[0], quiet_until=until, why=told.why)

    def notices(self, alert_id: int) -> list[Notice]:
        """`AlertStore.notices`."""
        with self._database.read() as work:
            query = f"SELECT {_NOTICE_COLUMNS} FROM notices WHERE alert_id = ? ORDER BY id"
            return [_notice(row) for row in work.rows(query, (alert_id,))]

    def due_notices(self, now: float, limit: int) -> list[tuple[Notice, Alert]]:
        """`AlertStore.due_notices`."""
        with self._database.read(snapshot=True) as work:
            rows = work.rows(_DUE.format(columns=_NOTICE_COLUMNS), (now, limit))
            due = [_notice(row) for row in rows]
            alerts = {one.alert_id: self._alerts_where(work, "id = ?", (one.alert_id,))[0] for one in due}
            return [(one, alerts[one.alert_id]) for one in due]

    def settle_notices(self, sent: Sequence[SentNotice]) -> None:
        """`AlertStore.settle_notices`."""
        with self._database.write(_TAKES_TURNS) as work:
            work.run_many(
                "UPDATE notices SET state = ?, due_at = ?, said = ?, attempts = attempts + 1"
                " WHERE id = ? AND state = 'due'",
                [(one.state, one.due_at, one.said, one.id) for one in sent],
            )

    def drop_alerts(self, before: float) -> int:
        """`AlertStore.drop_alerts`."""
        over = "closed_at > 0 AND closed_at < ?"
        with self._database.write(_TAKES_TURNS) as work:
            work.run(f"DELETE FROM notices WHERE alert_id IN (SELECT id FROM alerts WHERE {over})", (before,))
            return work.run(f"DELETE FROM alerts WHERE {over}", (before,))

    def _raise(self, work: Work, one: Opening, now: float) -> Alert:
        found = one.found
        last = work.rows(
            "SELECT quiet_until, why FROM alerts WHERE cause = ? ORDER BY id DESC LIMIT 1", (found.cause,)
        )
        quiet, why = last[0] if last and last[0][0] > now else (0.0, "")
        number = 1 + work.rows("SELECT coalesce(max(id), 0) FROM alerts")[0][0]
        detail = _Detail(found.subject, found.value, found.value, found.limit, one.times, found.said)
        packed = msgspec.json.encode(detail)
        work.run(
            _NEW,
            (
                number,
                found.cause,
                found.kind.value,
                found.channel,
                found.owner.value,
                now,
                now,
                packed,
                quiet,
                why,
            ),
        )
        _tell(work, number, "opened", dict.fromkeys(found.to), max(now, quiet))
        return self._alerts_where(work, "id = ?", (number,))[0]

    def _alerts_where(self, work: Work, where: str, given: Sequence[Any] = ()) -> list[Alert]:
        columns = _COLUMNS.replace("detail", self._database.as_bytes.format("detail"))
        order = "" if "ORDER BY" in where else " ORDER BY id"
        return [_alert(row) for row in work.rows(f"SELECT {columns} FROM alerts WHERE {where}{order}", given)]


def _renew(work: Work, alert: Alert, seen: Seen, now: float) -> None:
    detail = _Detail(alert.subject, seen.value, seen.worst, alert.limit, alert.times, alert.said)
    packed = msgspec.json.encode(detail)
    work.run("UPDATE alerts SET seen_at = ?, detail = ? WHERE id = ?", (now, packed, alert.id))


def _conditions(query: AlertQuery) -> tuple[str, list[Any]]:
    parts, given = ["1 = 1"], list[Any]()
    if query.open is not None:
        parts.append("closed_at = 0" if query.open else "closed_at > 0")
    for column, value in (("channel", query.channel), ("kind", query.kind)):
        if value:
            parts.append(f"{column} = ?")
            given.append(value)
    if query.since:
        parts.append("(opened_at >= ? OR closed_at = 0 OR closed_at >= ?)")
        given += [query.since, query.since]
    if query.before:
        parts.append("id < ?")
        given.append(query.before)
    return " AND ".join(parts), given


def _close(work: Work, alert_id: int, now: float) -> None:
    """Whoever was told of it, or is about to be, is told of its end; who was to be told later is not."""
    work.run("UPDATE alerts SET closed_at = ?, seen_at = ? WHERE id = ?", (now, now, alert_id))
    work.run(f"DELETE FROM notices WHERE {_LATER}", (alert_id, now))
    told = work.rows(
        "SELECT route, min(id) FROM notices WHERE alert_id = ? GROUP BY route ORDER BY 2", (alert_id,)
    )
    _tell(work, alert_id, "closed", [route for route, _ in told], now)


def _tell_again(work: Work, alert_id: int, until: float, now: float) -> None:
    """What waits for the end of a quiet time waits for this one; who was told is told again then."""
    when = max(until, now)
    work.run(f"UPDATE notices SET due_at = ? WHERE {_LATER}", (when, alert_id, now))
    rows = work.rows("SELECT DISTINCT route FROM notices WHERE alert_id = ?", (alert_id,))
    waits = work.rows(
        "SELECT DISTINCT route FROM notices WHERE alert_id = ? AND state = 'due' AND due_at = ?",
        (alert_id, when),
    )
    if until > now:
        _tell(
            work,
            alert_id,
            "still",
            sorted({route for (route,) in rows} - {route for (route,) in waits}),
            when,
        )


def _tell(
    work: Work, alert_id: int, event: str, routes: Sequence[str] | dict[str, None], due_at: float
) -> None:
    number = work.rows("SELECT coalesce(max(id), 0) FROM notices")[0][0]
    rows = [(number + 1 + more, alert_id, event, route, due_at) for more, route in enumerate(routes)]
    if rows:
        work.run_many(_NEW_NOTICE, rows)


def _alert(row: tuple[Any, ...]) -> Alert:
    id_, cause, kind, channel, owner, opened, closed, seen, detail, taken_by, taken_at, quiet, why = row
    more = msgspec.json.decode(detail, type=_Detail)
    return Alert(
        id=id_, cause=cause, kind=Kind(kind), subject=more.subject, channel=channel, owner=Owner(owner),
        opened_at=opened, closed_at=closed, seen_at=seen, value=more.value, worst=more.worst,
        limit=more.limit, times=more.times, said=more.said, taken_by=taken_by, taken_at=taken_at,
        quiet_until=quiet, why=why,
    )  # fmt: skip


def _notice(row: tuple[Any, ...]) -> Notice:
    return Notice(**dict(zip(Notice.__struct_fields__, row, strict=True)))
