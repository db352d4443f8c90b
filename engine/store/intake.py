"""Accepting messages and reading them back for routing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from msgspec.structs import replace

from engine.errors import Unacceptable, Unavailable
from engine.model import (
    Answered,
    Arrival,
    MessageState,
    Numbered,
    Reason,
    ReasonCode,
    Receipt,
    StoredMessage,
)
from engine.store.base import AT_ONCE
from engine.store.cipher import Damaged
from engine.store.contents import Gone
from engine.store.database import Work, marks, rows_of
from engine.store.holding import ROUTED
from engine.store.parking import SAID
from engine.store.part import Part, as_json
from engine.store.rows import STANDING, keep_messages, message_row, open_content, seal_content
from engine.store.sequences import OUT_OF_SEQUENCE, Links

__all__ = ["DAMAGED", "GONE", "Intake"]

REUSED: Final = Reason(
    ReasonCode.CONTROL_ID_REUSED, "the control id was used before with other content", "MSH-10", hl7=205
)
DAMAGED: Final = Reason(ReasonCode.INTERNAL, "the stored content is damaged: ask the sender for it again")
GONE: Final = Reason(
    ReasonCode.INTERNAL, "the key of its content was destroyed (retention or erasure): it cannot be read"
)

_ORIGINALS: Final = (
    "SELECT fingerprint, digest, id, answered FROM messages WHERE is_original = 1 AND fingerprint IN ({})"
    " UNION ALL SELECT NULL, NULL, coalesce(max(id), 0), NULL FROM messages"
)
_OWE: Final = (
    "INSERT INTO owed (message_id, channel, state, attempts) VALUES (?, ?, 'owed', 0)"
    " ON CONFLICT (message_id) DO UPDATE SET state = 'owed', attempts = 0"
)
_SEALED: Final = (
    "SELECT m.id, m.channel, m.received_at, m.fingerprint, m.digest, c.key_id, {sealed}, m.edition,"
    f" m.step = '{SAID}'"
    " FROM {messages} m LEFT JOIN contents c ON c.message_id = m.id WHERE "
)
_UNROUTED: Final = (
    "(SELECT w.*, sum(w.bytes) OVER (ORDER BY w.id) AS so_far FROM ("
    "SELECT id, channel, received_at, fingerprint, digest, edition, step, bytes FROM messages"
    " WHERE state = 'received' AND id > ? AND channel IN ({channels})"
    f" AND {ROUTED.format(channel='messages.channel')}"
    " ORDER BY id LIMIT ?) w)"
)

_LATEST: Final = (
    "SELECT id FROM messages WHERE channel = ? AND state NOT IN ('duplicate', 'fragment', 'joined')"
    " ORDER BY id DESC LIMIT ?"
)

_Known = dict[bytes, dict[bytes, tuple[int, Answered]]]
"""What stands under a fingerprint: by digest, the original's id and what its sender was told."""


class Intake(Part):
    """The verbs between a listener and the router."""

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """`MessageStore.accept`. Sealing happens before the write lock is taken; ids are the next
        free ones, so that order by id is the order of commits, on every node."""
        if not arrivals:
            return []
        if self._database.refusing:
            raise Unavailable(self._database.refusing)
        sealed = [seal_content(self._contents, arrival) for arrival in arrivals]
        with self._database.write("accept") as work:
            newest, known = _originals(work, [arrival.fingerprint for arrival in arrivals])
            links = Links(work, arrivals) if any([arrival.numbered for arrival in arrivals]) else None
            receipts: list[Receipt] = []
            rows: list[Any] = []
            contents: list[Any] = []
            for number, arrival in enumerate(arrivals):
                if links is None or arrival.numbered is None:
                    receipt = _receive(newest + 1, arrival, known)
                else:
                    receipt = _receive_numbered(newest + 1, arrival, arrival.numbered, known, links)
                receipts.append(receipt)
                if not receipt.id:
                    continue
                newest = receipt.id
                rows += message_row(receipt, arrival)
                if not receipt.original:
                    contents += (receipt.id, *sealed[number])
            keep_messages(work, rows, contents)
            _owe(work, arrivals, receipts)
            if links is not None:
                links.save(work)
        return receipts

    def unrouted(self, channels: Sequence[str], after: int, limit: int) -> list[StoredMessage]:
        """`MessageStore.unrouted`. A message whose content is damaged becomes a dead letter here and
        holds back none of the others."""
        if not channels:
            return []
        waiting = _UNROUTED.format(channels=marks(len(channels)))
        query = self._sealed(waiting) + "m.so_far - m.bytes < ? ORDER BY m.id"
        with self._database.read() as work:
            rows = work.rows(query, (after, *channels, limit, AT_ONCE))
        found: list[StoredMessage] = []
        damaged: list[tuple[int, Reason]] = []
        for row in rows:
            try:
                found.append(StoredMessage(row[0], row[1], self._open(row), row[2], row[7], bool(row[8])))
            except Damaged as fault:
                damaged.append((row[0], GONE if isinstance(fault, Gone) else DAMAGED))
        if damaged:
            self._bury_messages(damaged)
        return found if found or not damaged else self.unrouted(channels, after, limit)

    def content(self, message_id: int) -> bytes:
        """`MessageStore.content`. Raises `Unacceptable` when what is stored is damaged."""
        with self._database.read() as work:
            rows = work.rows(self._sealed() + "m.id = ? AND c.sealed IS NOT NULL", (message_id,))
        if not rows:
            raise KeyError(message_id)
        try:
            return self._open(rows[0])
        except Gone:
            raise KeyError(message_id) from None
        except Damaged:
            raise Unacceptable(DAMAGED.code, "", DAMAGED.text) from None

    def newest(self, channel: str, limit: int) -> list[int]:
        """`MessageStore.newest`."""
        with self._database.read() as work:
            rows = work.rows(_LATEST, (channel, limit))
        return [number for (number,) in reversed(rows)]

    def stored(self, message_ids: Sequence[int]) -> list[StoredMessage]:
        """`MessageStore.stored`."""
        if not message_ids:
            return []
        where = f"c.sealed IS NOT NULL AND m.id IN ({marks(len(message_ids))}) ORDER BY m.id"
        with self._database.read() as work:
            rows = work.rows(self._sealed() + where, tuple(message_ids))
        found: list[StoredMessage] = []
        for row in rows:
            with suppress(Damaged):
                found.append(StoredMessage(row[0], row[1], self._open(row), row[2], row[7], bool(row[8])))
        return found

    def _sealed(self, messages: str = "messages") -> str:
        return _SEALED.format(sealed=self._database.as_bytes.format("c.sealed"), messages=messages)

    def _open(self, row: tuple[Any, ...]) -> bytes:
        return open_content(self._database, self._contents, row[0], row[1], *row[3:7])

    def _bury_messages(self, damaged: list[tuple[int, Reason]]) -> None:
        """Dead letters, and no originals any more: the same message sent again is a new one."""
        state = MessageState.DEAD.value
        with self._database.write() as work:
            work.run_many(
                "UPDATE messages SET state = ?, reason = ?, is_original = 0"
                " WHERE id = ? AND state = 'received'",
                [(state, as_json(reason), message_id) for message_id, reason in damaged],
            )


def _originals(work: Work, fingerprints: list[bytes]) -> tuple[int, _Known]:
    """The newest id of all messages, and what stands under these fingerprints."""
    newest, known = 0, _Known()
    for fingerprint, digest, message_id, answered in rows_of(work, _ORIGINALS, fingerprints):
        if fingerprint is None:
            newest = message_id
        else:
            known.setdefault(fingerprint, {})[digest] = (message_id, answered)
    return newest, known


def _receive(message_id: int, arrival: Arrival, known: _Known) -> Receipt:
    """What an arrival is, given what stands; when it is new and not refused, it stands from now on."""
    here = known.get(arrival.fingerprint)
    if here is not None and (original := here.get(arrival.digest)):
        return Receipt(message_id, original=original[0], answered=original[1])
    if here is not None and arrival.unique and arrival.answered in STANDING:
        return Receipt(message_id, answered="error", reused=True, refused=REUSED)
    if arrival.answered in STANDING:
        known.setdefault(arrival.fingerprint, {})[arrival.digest] = (message_id, arrival.answered)
    return Receipt(message_id, answered=arrival.answered, reused=here is not None)


def _receive_numbered(
    message_id: int, arrival: Arrival, numbered: Numbered, known: _Known, links: Links
) -> Receipt:
    """The same in the sequence number protocol. A number below the expected one that is not the very
    message accepted under it is refused: nothing would ever tell that it was lost."""
    if arrival.answered not in STANDING:
        return replace(_receive(message_id, arrival, known), expected=links.expected(numbered))
    place = links.place(numbered)
    if place == "reset":
        links.reset(numbered)
    if place in ("start", "reset"):
        kept = _receive(message_id, arrival, known) if arrival.step else Receipt(0)
        return replace(kept, expected=links.expected(numbered))
    again = arrival.digest in known.get(arrival.fingerprint, ())
    if place == "ahead" or (place == "behind" and not again):
        expected = links.expected(numbered)
        return Receipt(message_id, answered="error", refused=OUT_OF_SEQUENCE, expected=expected)
    receipt = _receive(message_id, arrival, known)
    if place == "next" and receipt.refused is None:
        links.accept(numbered)
        return replace(receipt, expected=numbered.number)
    return replace(receipt, expected=links.expected(numbered))


def _owe(work: Work, arrivals: Sequence[Arrival], receipts: Sequence[Receipt]) -> None:
    """Note the application answers that are owed from now on; to a resend again, for its original."""
    if any([arrival.owes for arrival in arrivals]):
        rows = [
            (receipt.original or receipt.id, arrival.channel)
            for arrival, receipt in zip(arrivals, receipts, strict=True)
            if arrival.owes and receipt.id
        ]
        work.run_many(_OWE, rows)
