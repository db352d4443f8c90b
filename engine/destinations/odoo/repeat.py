"""Batches of calls in which one bad record must not stop the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from engine.destinations.odoo.client import LoadMessage, OdooClient
from engine.destinations.odoo.faults import ServerError, busy, complaint, refusal
from engine.errors import Unacceptable, Unavailable
from engine.model import ReasonCode

__all__ = ["Bad", "Record", "act", "load_columns", "load_each"]

K = TypeVar("K")

Record = Sequence[Sequence[str]]
"""One record for `load`: its row, and the rows of its further children."""

Bad = Unacceptable | ServerError


def act(
    client: OdooClient, model: str, method: str, ids: Sequence[int], context: Mapping[str, Any], **args: Any
) -> dict[int, Bad]:
    """Call a repeatable action on all records; who made it fail, found by halving, and why.

    Raises `Unavailable` when the world was not ready."""
    if not ids:
        return {}
    try:
        client.call(model, method, ids=ids, context=context, **args)
    except (Unacceptable, ServerError) as error:
        if len(ids) == 1:
            return {ids[0]: error}
        half = len(ids) // 2
        first = act(client, model, method, ids[:half], context, **args)
        return {**first, **act(client, model, method, ids[half:], context, **args)}
    return {}


def load_each(
    client: OdooClient,
    model: str,
    fields: Sequence[str],
    records: Sequence[Record],
    context: Mapping[str, Any],
) -> list[int | Bad]:
    """`load` all records at once; where that is refused, whom Odoo blames is loaded alone, for its
    message may blame the wrong one. An id or the refusal for each record, in order."""
    if not records:
        return []
    try:
        result = client.load(model, fields, [row for record in records for row in record], context=context)
    except (Unacceptable, ServerError) as error:
        if len(records) == 1:
            return [error]
        return _halves(client, model, fields, records, context)
    if len(result.ids) == len(records):
        return list(result.ids)
    _raise_if_busy(result.messages)
    if len(records) == 1:
        return [_refused(result.messages)]
    blamed = _blamed(records, result.messages)
    if not blamed or len(blamed) == len(records):
        return _halves(client, model, fields, records, context)
    rest = [i for i in range(len(records)) if i not in blamed]
    answers: dict[int, int | Bad] = dict(
        zip(rest, load_each(client, model, fields, [records[i] for i in rest], context), strict=True)
    )
    for i in blamed:
        answers[i] = load_each(client, model, fields, [records[i]], context)[0]
    return [answers[i] for i in range(len(records))]


def load_columns(
    client: OdooClient, model: str, records: Mapping[K, Mapping[str, str]], context: Mapping[str, Any]
) -> dict[K, int | Bad]:
    """`load_each` for records given as columns and values; those with the same columns go together."""
    groups: dict[tuple[str, ...], list[K]] = {}
    for key, columns in records.items():
        groups.setdefault(tuple(columns), []).append(key)
    result: dict[K, int | Bad] = {}
    for fields, keys in groups.items():
        rows = [[list(records[key].values())] for key in keys]
        result |= dict(zip(keys, load_each(client, model, fields, rows, context), strict=True))
    return result


def _halves(
    client: OdooClient,
    model: str,
    fields: Sequence[str],
    records: Sequence[Record],
    context: Mapping[str, Any],
) -> list[int | Bad]:
    half = len(records) // 2
    first = load_each(client, model, fields, records[:half], context)
    return first + load_each(client, model, fields, records[half:], context)


def _blamed(records: Sequence[Record], messages: Sequence[LoadMessage]) -> list[int]:
    """Indexes of the records whose rows the messages name."""
    starts: list[int] = []
    at = 0
    for record in records:
        starts.append(at)
        at += len(record)
    return [
        i
        for i, start in enumerate(starts)
        if any(m.first < start + len(records[i]) and m.last >= start and m.first >= 0 for m in messages)
    ]


def _raise_if_busy(messages: Sequence[LoadMessage]) -> None:
    """`load` tells even a serialization failure as if it were the row's fault."""
    if any(busy(message.text) for message in messages):
        raise Unavailable("Odoo's database was busy")


def _refused(messages: Sequence[LoadMessage]) -> Unacceptable:
    if not messages:
        return refusal(ReasonCode.REFUSED, "Odoo loaded another number of records than was sent")
    return complaint(messages[0].text, messages[0].field)
