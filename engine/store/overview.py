"""What people on duty look at, asked so that a store of years answers within a second
(`engine.store.narrowing`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import ColumnElement, Select, and_, or_, select

from engine.model import MessageState
from engine.store.contents import channel_of
from engine.store.contracts.overview import Ahead, Sought, Stopped
from engine.store.contracts.views import MessageView
from engine.store.database import Work, rows_of
from engine.store.narrowing import FOR_PEOPLE, among_messages, between, id_at, said
from engine.store.part import Part, reason_of
from engine.store.tables import PER_MESSAGE, deliveries, messages, owed
from engine.store.views import message_view

__all__ = ["Overview"]

_STOPPED: Final = (
    "SELECT channel, state, '', reason, count(*), min(received_at), max(received_at), max(id) FROM messages"
    " WHERE state IN ('dead', 'quarantined') AND reason IS NOT NULL GROUP BY channel, state, reason"
    " UNION ALL SELECT d.channel, 'dead', d.destination, d.reason, count(DISTINCT m.id), min(m.received_at),"
    " max(m.received_at), max(m.id) FROM deliveries d JOIN messages m ON m.id = d.message_id"
    " WHERE d.state = 'dead' GROUP BY d.channel, d.destination, d.reason"
)
_OWN_REASONS: Final = (
    "SELECT DISTINCT reason FROM messages WHERE state IN ('dead', 'quarantined') AND reason IS NOT NULL"
)
_REFUSALS: Final = "SELECT DISTINCT reason FROM deliveries WHERE state = 'dead' AND reason IS NOT NULL"
_HOLDS: Final = (
    "SELECT DISTINCT message_id FROM deliveries WHERE id >= ? AND ({holds}) ORDER BY message_id DESC LIMIT ?"
)
_AHEAD: Final = (
    "SELECT d.id, (SELECT e.message_id FROM deliveries e WHERE e.state IN ('due', 'claimed')"
    " AND e.destination = d.destination AND e.sequence_key = d.sequence_key AND e.message_id < d.message_id"
    " ORDER BY e.id LIMIT 1) FROM deliveries d WHERE d.id BETWEEN ? AND ? AND d.sequence_key <> ''"
    " AND d.state IN ('due', 'claimed') ORDER BY d.id"
)
# One look into the index for each key: a day's key of a channel seals thousands.
_KEYS: Final = (
    "WITH RECURSIVE k(id) AS (SELECT min(key_id) FROM contents"
    " UNION ALL SELECT (SELECT min(key_id) FROM contents WHERE key_id > k.id) FROM k WHERE k.id IS NOT NULL)"
    " SELECT id FROM k WHERE id IS NOT NULL ORDER BY id DESC"
)
_SEALED_WITH: Final = "SELECT message_id FROM contents WHERE key_id = ? ORDER BY message_id DESC LIMIT ?"
_CONTENT: Final = "SELECT 1 FROM contents WHERE message_id = ? AND sealed IS NOT NULL"
_REFUSED: Final = (
    "SELECT m.id, (SELECT d.reason FROM deliveries d WHERE d.state = 'dead'"
    f" AND d.id BETWEEN m.id * {PER_MESSAGE} AND m.id * {PER_MESSAGE} + {PER_MESSAGE - 1}"
    " ORDER BY d.id LIMIT 1) FROM messages m WHERE m.id IN ({})"
)
_VERSIONS: Final = "SELECT message_id, type, id, version FROM versions WHERE message_id IN ({})"


class Overview(Part):
    """The verbs of those who look (`OverviewStore`)."""

    def seek(self, sought: Sought) -> list[MessageView]:
        """`OverviewStore.seek`."""
        with self._database.read(snapshot=True) as work:
            wanted = select(messages, owed.c.state.label("application")).outerjoin(owed)
            wanted = wanted.where(*self._conditions(work, sought))
            rows = work.core.execute(_newest_first(wanted, sought))
            return _with_reasons(work, [message_view(row) for row in rows])

    def stopped(self) -> list[Stopped]:
        """`OverviewStore.stopped`. Reasons that name the same cause are one line, whatever else they list."""
        with self._database.read(snapshot=True) as work:
            return list(_together(map(_stopped, work.rows(_STOPPED))))

    def delivering(self, word: str, *, since: float, limit: int) -> list[int]:
        """`OverviewStore.delivering`."""
        effect, documents = (self._database.as_bytes.format(one) for one in ("effect", "documents"))
        held = (f'"key":"{word}"', f'"{word}"', f'"{word},', f",{word},", f',{word}"')
        marks = [self._database.holds.format(column) for column in (effect, *(documents,) * 4)]
        with self._database.read(snapshot=True) as work:
            first = id_at(work, since) * PER_MESSAGE if since else 0
            query = _HOLDS.format(holds=" OR ".join(marks))
            rows = work.rows(query, (first, *(one.encode() for one in held), limit))
        return [number for (number,) in rows]

    def ahead(self, message_id: int) -> list[Ahead]:
        """`OverviewStore.ahead`."""
        first = message_id * PER_MESSAGE
        with self._database.read() as work:
            rows = work.rows(_AHEAD, (first, first + PER_MESSAGE - 1))
        return [Ahead(*row) for row in rows if row[1] is not None]

    def kept(self, channels: Collection[str], limit: int) -> dict[str, list[int]]:
        """`OverviewStore.kept`, by the keys of their days."""
        found: dict[str, list[int]] = {channel: [] for channel in channels}
        with self._database.read() as work:
            for (key_id,) in work.rows(_KEYS):
                mine = found.get(channel_of(key_id))
                if mine is not None and len(mine) < limit:
                    mine += [row[0] for row in work.rows(_SEALED_WITH, (key_id, limit - len(mine)))]
        return found

    def has_content(self, message_id: int) -> bool:
        """`OverviewStore.has_content`."""
        with self._database.read() as work:
            return bool(work.rows(_CONTENT, (message_id,)))

    def resources_of(self, message_ids: Sequence[int]) -> dict[int, str]:
        """`OverviewStore.resources_of`."""
        with self._database.read() as work:
            rows = rows_of(work, _VERSIONS, list(message_ids))
        return {number: f"{type_}/{id_}/_history/{version}" for number, type_, id_, version in rows}

    def _conditions(self, work: Work, sought: Sought) -> list[ColumnElement[bool]]:
        table = messages.c
        equal = {
            table.channel: sought.channel, table.state: sought.state, table.edition: sought.edition,
            table.original: sought.original,
        }  # fmt: skip
        found: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value]
        if sought.original:
            found.append(table.original != 0)
        if sought.type:
            found.append(
                or_(table.type == sought.type, table.type.startswith(f"{sought.type}^", autoescape=True))
            )
        found += among_messages(sought.state)
        if sought.fingerprints:
            found.append(_named(sought.fingerprints))
        if sought.code or sought.place or sought.destination:
            found.append(self._of_cause(work, sought))
        return [*found, *_between(work, sought)]

    def _of_cause(self, work: Work, sought: Sought) -> ColumnElement[bool]:
        """Of the reasons that stand there, those that are meant; then by what they are stored as."""
        table = deliveries.c
        own, refused = (_means(work, query, sought) for query in (_OWN_REASONS, _REFUSALS))
        before = and_(said(FOR_PEOPLE), messages.c.reason.in_(own))
        by = select(table.message_id).where(said("deliveries.state = 'dead'"), table.reason.in_(refused))
        if sought.destination == "-":
            return before
        if sought.destination:
            return messages.c.id.in_(by.where(table.destination == sought.destination))
        return or_(before, messages.c.id.in_(by))


def _with_reasons(work: Work, views: list[MessageView]) -> list[MessageView]:
    """Dead ones that have no reason of their own are shown with that of the first effect that was refused."""
    wanting = [view.id for view in views if view.state is MessageState.DEAD and view.reason is None]
    refused = dict(rows_of(work, _REFUSED, wanting)) if wanting else {}
    return [
        replace(view, reason=reason_of(refused[view.id])) if refused.get(view.id) else view for view in views
    ]


def _means(work: Work, query: str, sought: Sought) -> list[bytes]:
    found = []
    for (column,) in work.rows(query):
        reason = reason_of(column)
        if reason and sought.code in ("", reason.code) and sought.place in ("", reason.place):
            found.append(bytes(column))
    return found


def _named(fingerprints: Sequence[bytes]) -> ColumnElement[bool]:
    """By the index of originals, and among what stopped; their resends too."""
    table = messages.c
    originals = (
        select(table.id)
        .where(said("messages.is_original = 1"), table.fingerprint.in_(fingerprints))
        .correlate(None)
    )
    stopped = select(table.id).where(said(FOR_PEOPLE), table.fingerprint.in_(fingerprints)).correlate(None)
    again = and_(table.original != 0, table.original.in_(originals))
    return or_(table.id.in_(originals), table.id.in_(stopped), again)


def _between(work: Work, sought: Sought) -> list[ColumnElement[bool]]:
    table = messages.c
    found = [table.received_at >= sought.since] if sought.since else []
    found += [table.received_at < sought.until] if sought.until else []
    return [*found, *between(work, table.id, sought.since, sought.until, before=sought.before)]


def _newest_first(wanted: Select[Any], sought: Sought) -> Select[Any]:
    return wanted.order_by(messages.c.id.desc()).limit(sought.limit)


def _stopped(row: tuple[Any, ...]) -> Stopped:
    channel, state, destination, reason, count, first_at, last_at, newest = row
    found = reason_of(reason)
    assert found is not None  # noqa: S101 - the books find what is dead without a reason
    return Stopped(
        channel=channel, state=MessageState(state), destination=destination, reason=found,
        messages=count, first_at=first_at, last_at=last_at, newest=newest,
    )  # fmt: skip


def _together(lines: Iterable[Stopped]) -> Iterable[Stopped]:
    found: dict[tuple[str, ...], Stopped] = {}
    for one in lines:
        at = (one.channel, one.state, one.destination, one.reason.code, one.reason.place, one.reason.owner)
        other = found.get(at)
        found[at] = _added(other, one) if other else one
    return found.values()


def _added(one: Stopped, other: Stopped) -> Stopped:
    newer = max(one, other, key=lambda line: line.newest)
    return Stopped(
        channel=one.channel, state=one.state, destination=one.destination, reason=newer.reason,
        messages=one.messages + other.messages, first_at=min(one.first_at, other.first_at),
        last_at=max(one.last_at, other.last_at), newest=newer.newest,
    )  # fmt: skip
