"""Batches over a connection: one frame in, one frame back (spec: acknowledgement, section 7.3).

Every message of a batch goes through the channel's `Reception` as if it had come alone: it is stored,
refused, known again and answered for itself. Its answer does not leave alone, but with those of the others.
What is around the messages is kept too, as a filtered message of its own (step `batch`); a batch that is
refused as a whole is kept whole, in quarantine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import chain, islice

from engine.correlation import correlation
from engine.errors import Unacceptable
from engine.hl7.batch import BatchReader, Kind, Part, read_batch
from engine.hl7.batch_answer import envelope_header
from engine.hl7.header import Header, read_header
from engine.hl7.modes import Code
from engine.listeners.arrival import make_envelope
from engine.listeners.channel import Channel, Doors
from engine.listeners.exchange import Pen, Reply
from engine.listeners.reception import Reception
from engine.model import Answered, Arrival, Reason, ReasonCode, Receipt
from engine.telemetry import BatchDoubtful, BatchReceived, MessageRefused, signal

__all__ = ["Batches"]

AT_ONCE = 256  # messages of a batch on their way into the store: others get their turn in between

PARTS_PER_MESSAGE = 4  # of a batch, with the segments of envelopes

_OVERSIZE = Reason(ReasonCode.OVERSIZE, "Batch longer than this channel takes", "BHS", hl7=104)
_TOO_MANY = Reason(ReasonCode.OVERSIZE, "More messages than a batch may have here", "BHS", hl7=104)


class Batches:
    """Takes the batches of one channel."""

    def __init__(self, channel: Channel, doors: Doors, reception: Reception) -> None:
        self._channel, self._doors, self._reception = channel, doors, reception
        self._pen = Pen(channel, doors.told)

    def take(self, raw: bytes, reply: Reply) -> None:
        """A frame that holds a batch."""
        rules = self._channel.batches
        reader = BatchReader(len(raw))
        room = PARTS_PER_MESSAGE * (rules.most + 1)
        parts = list(islice(chain(reader.feed(raw), reader.end()), room))
        messages, findings = reader.messages, reader.findings
        if messages > rules.most or len(parts) == room:  # so many envelopes are as bad
            self._refuse(raw, parts, _TOO_MANY, reply)
            return
        for finding in findings:
            signal(BatchDoubtful(self._channel.name, finding.place, finding.text, taken=not rules.atomic))
        if findings and rules.atomic:
            self._refuse(raw, parts, findings[0], reply)
            return
        signal(BatchReceived(self._channel.name, "doubtful" if findings else "taken", messages))
        batch = _Batch(self._channel, self._pen, reply, parts)
        envelope = b"\r".join(part.raw for part in parts if part.kind != Kind.MESSAGE and part.raw)
        if envelope:
            batch.expect_envelope()
            header = envelope_header(parts[0].raw)
            reason = findings[0] if findings else None
            arrival = self._envelope(envelope, header, reason)
            self._doors.submit(arrival, batch.envelope_stored)
        batch.start(self._reception)

    def refuse_oversize(self, head: bytes, reply: Reply) -> None:
        """A batch over the limit of a frame; only its head is left."""
        self._refuse(head, read_batch(head, len(head))[0], _OVERSIZE, reply)

    def _refuse(self, raw: bytes, parts: Sequence[Part], reason: Reason, reply: Reply) -> None:
        """Keep the whole in quarantine, then answer for the whole."""
        signal(BatchReceived(self._channel.name, "refused", sum(one.kind == Kind.MESSAGE for one in parts)))
        header = _spokesman(parts, self._pen.charset)
        answered: Answered = "rejected" if reason.code == ReasonCode.OVERSIZE else "error"
        arrival = self._envelope(raw, header, reason, answered)
        self._doors.submit(arrival, partial(self._refused, header, reason, reply, arrival.received_at))

    def _envelope(self, raw: bytes, header: Header, reason: Reason | None, refused: Answered = "") -> Arrival:
        channel, keys = self._channel, self._doors.keys
        return make_envelope(channel.name, keys, raw, header, reason, refused, channel.edition)

    def _refused(
        self, header: Header, reason: Reason, reply: Reply, arrived: float, receipt: Receipt | None
    ) -> None:
        if receipt is None:
            reply.abandon()
            return
        reply.committed()
        called = correlation(receipt.id, arrived)
        signal(MessageRefused(self._channel.name, reason.code.value, receipt.id, called))
        if self._channel.mode == "never":
            reply.answer(None)
            return
        code: Code = "AR" if reason.code == ReasonCode.OVERSIZE else "AE"
        reply.answer(self._pen.enclose(header, [self._pen.refuse(header, code, reason)]))


class _Member:
    """One message's place in the answer."""

    __slots__ = ("_batch", "interims", "last")

    def __init__(self, batch: _Batch) -> None:
        self._batch = batch
        self.interims: list[bytes] = []
        self.last: bytes | None = None

    def committed(self) -> None:
        self._batch.committed()

    def interim(self, payload: bytes) -> None:
        if not self.interims:
            self._batch.unaccepted -= 1
        self.interims.append(payload)
        self._batch.told()

    def answer(self, payload: bytes | None) -> None:
        if not self.interims:
            self._batch.unaccepted -= 1
        self.last = payload
        self._batch.unsettled -= 1
        self._batch.told()

    def abandon(self, last: bytes | None = None) -> None:  # noqa: ARG002 - one answer of many says nothing
        self._batch.abandon()


class _Batch:
    """One batch whose messages are on their way. Answers leave together: the accept answers of enhanced
    mode when the last message is stored, the others when the last is known.

    `unaccepted` and `unsettled` count the messages without any and without their last answer."""

    def __init__(self, channel: Channel, pen: Pen, reply: Reply, parts: Sequence[Part]) -> None:
        self._channel, self._pen, self._reply = channel, pen, reply
        self._file = next((envelope_header(one.raw) for one in parts if one.kind == Kind.FILE), None)
        self._groups: list[tuple[Header, list[_Member]]] = []
        self._waiting: deque[tuple[bytes, _Member]] = deque()
        for part in parts:
            if part.kind == Kind.BATCH:
                self._groups.append((envelope_header(part.raw), []))
            elif part.kind == Kind.MESSAGE:
                member = _Member(self)
                self._groups[-1][1].append(member)
                self._waiting.append((part.raw, member))
        self._members = [member for _, members in self._groups for member in members]
        self.unaccepted = self.unsettled = self._uncommitted = len(self._members)
        self._in_turn = 0
        self._over = self._accepted = False

    def expect_envelope(self) -> None:
        """What is around the messages is stored as well, before anything is answered."""
        self._uncommitted += 1

    def envelope_stored(self, receipt: Receipt | None) -> None:
        """It was, or not."""
        if receipt is None:
            self.abandon()
        else:
            self._uncommitted -= 1
            self.told()

    def start(self, reception: Reception) -> None:
        """Give the messages to the reception, a few at a time."""
        self._reception = reception
        self._next()
        self.told()

    def committed(self) -> None:
        """One of the messages is stored."""
        self._uncommitted -= 1
        self._in_turn -= 1
        if not self._in_turn:
            self._next()

    def told(self) -> None:
        """One of the answers is there: do all of them go now?"""
        if self._over or self._uncommitted or self.unaccepted:
            return
        if not self._accepted:
            self._accepted = True
            self._reply.committed()
            if any(one.interims for one in self._members):
                self._reply.interim(self._frame([one.interims for one in self._members]))
        if not self.unsettled:
            self._over = True
            last = [[one.last] if one.last is not None else [] for one in self._members]
            silent = self._channel.mode == "never" or (last and not any(last))
            self._reply.answer(None if silent else self._frame(last))

    def abandon(self) -> None:
        """One message could not be stored, or nobody knows what became of it: the whole has to come again."""
        if not self._over:
            self._over = True
            self._waiting.clear()
            self._reply.abandon()

    def _next(self) -> None:
        now = [self._waiting.popleft() for _ in range(min(AT_ONCE, len(self._waiting)))]
        self._in_turn = len(now)
        for raw, member in now:
            try:
                header = read_header(raw, self._pen.charset)
            except Unacceptable as error:
                self._reception.refuse_headless(raw, error, member)
            else:
                self._reception.take(raw, header, member)

    def _frame(self, answers: Sequence[list[bytes]]) -> bytes:
        """The batch of these answers, one list for each message."""
        each = iter(answers)
        batches = [
            self._pen.enclose(header, self._pen.chosen(answer for _ in members for answer in next(each)))
            for header, members in self._groups
        ]
        if self._file is None:
            return b"".join(batches)
        return self._pen.enclose(self._file, batches)


def _spokesman(parts: Sequence[Part], charset: str) -> Header:
    """The header to answer when the whole is refused: of the file, the batch, or the first message."""
    for part in parts:
        if part.kind == Kind.MESSAGE:
            try:
                return read_header(part.raw, charset)
            except Unacceptable:
                continue
        if part.raw and part.kind in (Kind.FILE, Kind.BATCH):
            return envelope_header(part.raw)
    return envelope_header(b"")
