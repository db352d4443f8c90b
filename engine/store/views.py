"""What people and the books may see: messages and deliveries without content, counts, gaps."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Row, Select, select

from engine.effects import decode
from engine.model import Delivery, DeliveryState, MessageState
from engine.overtaking import AGAIN
from engine.store.books import BACKLOG
from engine.store.contracts.views import DeliveryView, MessageView, Query
from engine.store.database import Work
from engine.store.narrowing import among_deliveries, among_messages, between
from engine.store.part import Part, reason_of, reasons_of, words_of
from engine.store.tables import PER_MESSAGE, deliveries, messages, owed

__all__ = ["Views", "conditions", "found_messages", "message_view"]


class Views(Part):
    """The verbs that only read."""

    def messages(self, query: Query) -> list[MessageView]:
        """`ViewStore.messages`."""
        with self._database.read() as work:
            return found_messages(work, query)

    def deliveries(self, query: Query, *, message_id: int = 0) -> list[DeliveryView]:
        """`ViewStore.deliveries`. `since` and `until` speak of when the message was received."""
        table = deliveries.c
        wanted = select(deliveries, messages.c.edition).join(messages, messages.c.id == table.message_id)
        wanted = wanted.where(*_times(query))
        if query.ids:
            wanted = wanted.where(table.id.in_(query.ids))
        if query.state:
            wanted = wanted.where(table.state == str(query.state), *among_deliveries(query.state))
        if query.channel:
            wanted = wanted.where(table.channel == query.channel)
        with self._database.read() as work:
            bounds = between(
                work, table.id, query.since, query.until, each=PER_MESSAGE,
                after=max(query.after, message_id * PER_MESSAGE - 1),
                before=(message_id + 1) * PER_MESSAGE if message_id else 0,
            )  # fmt: skip
            wanted = wanted.where(*bounds)
            return [_delivery(row) for row in work.core.execute(_page(wanted, table.id, query))]

    def backlog(self, now: float) -> dict[str, dict[str, float]]:
        """`ViewStore.backlog`; `oldest` is 0 when nothing is open."""
        books: dict[str, dict[str, float]] = {}
        with self._database.read(snapshot=True) as work:
            for word, sql in BACKLOG.items():
                for channel, count, oldest in work.rows(sql):
                    book = books.setdefault(channel, dict.fromkeys((*BACKLOG, "oldest"), 0.0))
                    book[word] += count
                    if oldest is not None:
                        book["oldest"] = max(book["oldest"], now - oldest)
        return books


def found_messages(work: Work, query: Query, *more: ColumnElement[bool]) -> list[MessageView]:
    """Messages of which a query and `more` hold, by id."""
    wanted = select(messages, owed.c.state.label("application")).outerjoin(owed)
    wanted = wanted.where(*conditions(query), *more)
    wanted = wanted.where(*between(work, messages.c.id, query.since, query.until, after=query.after))
    if query.state:
        wanted = wanted.where(messages.c.state == str(query.state), *among_messages(query.state))
    return [message_view(row) for row in work.core.execute(_page(wanted, messages.c.id, query))]


def conditions(query: Query) -> list[ColumnElement[bool]]:
    """What a query says of messages, but for state and paging."""
    found = _times(query)
    if query.channel:
        found.append(messages.c.channel == query.channel)
    if query.ids:
        found.append(messages.c.id.in_(query.ids))
    return found


def _times(query: Query) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.since:
        found.append(messages.c.received_at >= query.since)
    if query.until:
        found.append(messages.c.received_at < query.until)
    return found


def _page(wanted: Select[Any], by: ColumnElement[int], query: Query) -> Select[Any]:
    return wanted.order_by(by).limit(query.limit)


def message_view(row: Row[Any]) -> MessageView:
    """A row of `messages`, with the state of what is `owed` as `application`."""
    return MessageView(
        id=row.id,
        channel=row.channel,
        type=row.type,
        state=MessageState(row.state),
        received_at=row.received_at,
        answered=row.answered,
        bytes=row.bytes,
        original=row.original,
        step=row.step,
        reason=reason_of(row.reason),
        effects=row.effects,
        warnings=reasons_of(row.warnings),
        application=row.application or "",
        edition=row.edition,
        again=row.again,
    )


def _delivery(row: Row[Any]) -> DeliveryView:
    words = words_of(row.progress)
    return DeliveryView(
        delivery=Delivery(
            id=row.id,
            message_id=row.message_id,
            channel=row.channel,
            destination=row.destination,
            effect=decode(row.effect),
            sequence_key=row.sequence_key,
            attempts=row.attempts,
            progress=words,
            again=words.pop(AGAIN, ""),
            edition=row.edition,
        ),
        state=DeliveryState(row.state),
        due_at=row.due_at,
        reason=reason_of(row.reason),
        documents=words_of(row.documents),
        note=row.note,
        settled_at=row.settled_at,
    )
