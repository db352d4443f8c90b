"""From one HL7 v2 message to a stored message and its acknowledgement, whatever door it came through.

Only MSH is read here. What the channel does not take is answered with its error and kept in
quarantine; what it takes is answered after safe storage, after routing or after delivery, as the
channel says. When the store cannot take a message nothing is answered: the sender sends again
(spec: acknowledgement, section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from time import time

from msgspec.structs import replace

from engine import tracing
from engine.errors import Unacceptable
from engine.hl7.accept import Ruling, check, check_charset
from engine.hl7.continuation import pointers_of
from engine.hl7.header import Header, read_header
from engine.hl7.modes import AnswerPlan, Code, Result, plan
from engine.hl7.multibyte import is_plain
from engine.listeners.arrival import make_arrival
from engine.listeners.channel import Channel, Doors
from engine.listeners.exchange import Exchange, Pen, Reply
from engine.listeners.sequence import LINK, has_body, misnumbered, numbered
from engine.model import Answered, Arrival, Reason, ReasonCode, Receipt
from engine.telemetry import ControlIdReused, LoopFailed, MessageAccepted, MessageRefused, signal

__all__ = ["Reception"]

_LATE = Reason(ReasonCode.UNAVAILABLE, "stored, not carried out in time")


class Reception:
    """Takes the messages of one channel. `counters` grow by what was odd but readable; `refused` is told
    why a message is answered with an error, before it is."""

    def __init__(
        self,
        channel: Channel,
        doors: Doors,
        counters: dict[str, int],
        refused: Callable[[Reply, Reason], None] = lambda _reply, _reason: None,
    ) -> None:
        self._channel, self._doors, self._counters = channel, doors, counters
        self._noted = refused
        self._pen = Pen(channel, doors.told)
        self._special = channel.sequence_numbers or channel.unique or channel.separate

    def take(self, raw: bytes, header: Header, reply: Reply) -> None:
        """A message: judge it, store it, answer it."""
        if header.quirks:
            self._count(header.quirks)
        exchange = Exchange(self._channel.name, self._pen, raw, header, reply)
        answers = plan(header, self._channel.mode)
        ruling = check(header, self._channel.rules)
        if ruling is None and not is_plain(raw):
            ruling = self._undecodable(raw, header)
        if ruling is None and self._channel.sequence_numbers:
            ruling = misnumbered(header)
        if ruling is None:
            self._store(exchange, header, answers)
        elif ruling.answered:
            code = answers.refused(ruling.answered)
            self._refuse(exchange, ruling.answered, ruling.reason, code, answers)
        else:  # an acknowledgement: kept, correlated later, never acknowledged itself
            self._refuse(exchange, "rejected", ruling.reason, answers.stored(), answers)

    def refuse_headless(self, raw: bytes, error: Unacceptable, reply: Reply) -> None:
        """What `read_header` could not read: AR."""
        reason = Reason(ReasonCode(error.code), error.text, error.place, hl7=error.hl7)
        self._refuse(Exchange(self._channel.name, self._pen, raw, None, reply), "rejected", reason, "AR")

    def refuse_oversize(self, head: bytes, reply: Reply) -> None:
        """A message over the limit; only its head is left: answered when that can be read."""
        reason = Reason(ReasonCode.OVERSIZE, "Message longer than this channel takes", "MSH", hl7=104)
        header: Header | None
        try:
            header = read_header(head, self._channel.rules.charset)
        except Unacceptable:
            header = None
        code = plan(header, self._channel.mode).refused("rejected") if header else None
        self._refuse(Exchange(self._channel.name, self._pen, head, header, reply), "rejected", reason, code)

    def keep(self, raw: bytes, reason: Reason) -> None:
        """Bytes that are no message and get no answer: kept in quarantine."""
        arrival = self._arrival(raw, None, "rejected", reason)
        self._doors.submit(arrival, lambda _: None)

    # What is taken

    def _store(self, exchange: Exchange, header: Header, answers: AnswerPlan) -> None:
        """Stored as answered when safe storage is all that this sender waits for."""
        if answers.quirks:
            self._count(answers.quirks)
        waits = answers.waits(self._channel.acknowledge)
        at_once: Answered = "" if waits else "accepted"
        arrival = self._arrival(exchange.raw, header, at_once)
        if self._special:
            arrival = self._specially(arrival, header, answers)
        exchange.arrived = arrival.received_at
        self._doors.submit(arrival, partial(self._stored, exchange, answers, waits))

    def _stored(self, exchange: Exchange, answers: AnswerPlan, waits: bool, receipt: Receipt | None) -> None:
        if receipt is None:
            self._unstored(exchange, answers)
            return
        exchange.expected, exchange.message_id = receipt.expected, receipt.id
        if tracing.on():
            exchange.stored = time()
        if receipt.refused is not None:
            self._refused(exchange, answers.refused("error"), receipt.refused, answers, receipt)
            return
        exchange.reply.committed()
        if not receipt.id:  # it spoke of sequence numbers only, and was not stored
            exchange.answer(answers.stored() or answers.applied("accepted"))
            return
        channel = self._channel
        kind = "duplicate" if receipt.original else "reused" if receipt.reused else "new"
        signal(MessageAccepted(channel.name, kind))
        if receipt.reused:
            signal(ControlIdReused(channel.name, receipt.id, exchange.correlation))
        if self._special and self._apart(answers):
            exchange.answer(answers.stored())
        elif waits:
            self._apply(exchange, answers, receipt)
        else:
            exchange.answer(answers.stored() or answers.applied("accepted"))

    def _apply(self, exchange: Exchange, answers: AnswerPlan, receipt: Receipt) -> None:
        """The accept answer now, when one is due, and the application answer when its outcome is known."""
        accepted = answers.stored()
        if accepted:
            exchange.interim(accepted)
        message_id = receipt.original or receipt.id
        if receipt.answered:
            self._told(exchange, answers, message_id, "accepted", None)
            return
        told = partial(self._told, exchange, answers, message_id)
        # Time is up: under `delivery` the message is safe and on its way, so AA (row 19).
        patient = self._channel.acknowledge == "delivery" and self._channel.late == "accepted"
        otherwise: Answered = "accepted" if patient else ""
        self._doors.wait(message_id, told, self._channel.timeout, otherwise)

    def _told(
        self,
        exchange: Exchange,
        answers: AnswerPlan,
        message_id: int,
        answered: Answered,
        reason: Reason | None,
    ) -> None:
        """What became of a message whose sender waits. When nothing is known it will be sent again, and
        is then a duplicate of one in work."""
        if reason is not None and answered != "accepted":
            self._noted(exchange.reply, reason)
        if answered:
            self._applied(exchange, answers, message_id, answered, reason)
        elif self._channel.acknowledge == "delivery":
            exchange.answer(answers.applied("error"), _LATE)
        else:
            self._say_nothing(exchange, answers)

    def _applied(
        self,
        exchange: Exchange,
        answers: AnswerPlan,
        message_id: int,
        answered: Result,
        reason: Reason | None,
    ) -> None:
        """The application answer; to a message in pieces after the last, to the first (section 7.2)."""
        piece = pointers_of(exchange.raw, exchange.header) if answers.enhanced else None
        said = reason if answered != "accepted" else None
        say = partial(self._say, exchange, answers, answers.applied(answered), said, applied=piece is None)
        if piece is None and answered == "error" and self._channel.respond == "master":
            self._doors.refused(message_id, lambda keys: say(refused=keys))
        elif piece is not None and not piece.leads:
            self._doors.first_piece(message_id, lambda first: say(first=first))
        elif piece is not None and answered == "accepted":
            exchange.answer(None)
        else:
            say()

    def _say(
        self,
        exchange: Exchange,
        answers: AnswerPlan,
        code: Code | None,
        reason: Reason | None,
        *,
        applied: bool,
        first: bytes = b"",
        refused: Collection[str] = (),
    ) -> None:
        """Say it, to the message that begins with the piece `first` if any; an answer that cannot be
        written leaves nobody waiting for it."""
        try:
            if first:
                exchange.speak_for(first)
            exchange.answer(code, reason, applied=applied, refused=refused)
        except Exception as error:
            signal(LoopFailed("answer", type(error).__name__))
            self._say_nothing(exchange, answers)

    def _say_nothing(self, exchange: Exchange, answers: AnswerPlan) -> None:
        """The sender hears no more of it, and sends it again where it was not released."""
        if answers.stored():  # released already: what follows need not wait any longer
            self._count(("application_answer_missing",))
            exchange.answer(None)
        else:
            exchange.abandon()

    def _unstored(self, exchange: Exchange, answers: AnswerPlan | None) -> None:
        """Whoever gets no answer sends again; whoever gets an error may discard (row 16)."""
        exchange.abandon(answers.unstored() if answers and self._channel.nack else None)

    # What is not taken

    def _refuse(
        self,
        exchange: Exchange,
        answered: Answered,
        reason: Reason,
        code: Code | None,
        answers: AnswerPlan | None = None,
    ) -> None:
        """Keep it in quarantine, then answer `code`."""
        arrival = self._arrival(exchange.raw, exchange.header, answered, reason)
        if self._special and exchange.header is not None and answers is not None:
            arrival = self._specially(arrival, exchange.header, answers)
        exchange.arrived = arrival.received_at
        self._doors.submit(arrival, partial(self._refused, exchange, code, reason, answers))

    def _refused(
        self,
        exchange: Exchange,
        code: Code | None,
        reason: Reason,
        answers: AnswerPlan | None,
        receipt: Receipt | None,
    ) -> None:
        if receipt is None:
            self._unstored(exchange, answers)
            return
        exchange.expected, exchange.message_id = receipt.expected, receipt.id
        exchange.reply.committed()
        self._noted(exchange.reply, reason)
        if answers is not None and self._apart(answers) and code in ("AE", "AR"):
            code = None
        signal(MessageRefused(self._channel.name, reason.code.value, receipt.id, exchange.correlation))
        exchange.answer(code, reason if code not in ("AA", "CA") else None)

    def _undecodable(self, raw: bytes, header: Header) -> Ruling | None:
        ruling, quirks = check_charset(raw, header, self._channel.rules)
        self._count(quirks)
        return ruling

    # Channels that ask for more

    def _specially(self, arrival: Arrival, header: Header, answers: AnswerPlan) -> Arrival:
        channel = self._channel
        place = numbered(header, channel.name, self._doors.keys) if channel.sequence_numbers else None
        if place is not None and place.number < 1 and arrival.reason is None:
            step = LINK if has_body(arrival.raw, header) else ""
            return replace(arrival, numbered=place, answered="accepted", step=step)
        owes = self._apart(answers) and answers.application != "NE" and _is_whole(arrival.raw, header)
        return replace(arrival, numbered=place, unique=channel.unique, owes=owes)

    def _apart(self, answers: AnswerPlan) -> bool:
        """Whether this sender's application answers go over a link of their own."""
        return self._channel.separate and answers.enhanced

    # Common

    def _arrival(
        self, raw: bytes, header: Header | None, answered: Answered, reason: Reason | None = None
    ) -> Arrival:
        channel = self._channel
        return make_arrival(channel.name, self._doors.keys, raw, header, answered, reason, channel.edition)

    def _count(self, quirks: Sequence[str]) -> None:
        for quirk in quirks:
            self._counters[quirk] += 1


def _is_whole(raw: bytes, header: Header) -> bool:
    """Whether this is a message or the last piece of one: what an application answer is about."""
    piece = pointers_of(raw, header)
    return piece is None or not piece.leads
