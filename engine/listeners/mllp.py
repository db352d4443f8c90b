"""HL7 v2 over MLLP: from a frame to a stored message and its acknowledgement.

Only MSH is read here. What the channel does not take is answered with its error and kept in
quarantine; what it takes is answered after safe storage, after routing or after delivery, as the
channel says. When the store cannot take a message nothing is answered and the connection closes:
the sender sends again (spec: acknowledgement, section 3).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
from twisted.internet.defer import Deferred, succeed

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.accept import AcceptRules, Ruling, check
from engine.hl7.acknowledgement import ControlIds, ErrorItem, build
from engine.hl7.charset import decode
from engine.hl7.header import Header, read_header
from engine.hl7.modes import AckMode, AnswerPlan, Code, plan
from engine.listeners.arrival import Fingerprinting, make_arrival
from engine.model import Acknowledge, Answered, Arrival, Reason, ReasonCode, Receipt
from engine.telemetry import Answered as AnswerSent
from engine.telemetry import ControlIdReused, MessageAccepted, MessageRefused, signal
from mllp.server import Arrived, MllpServer, Peer

__all__ = ["Doors", "MllpChannel", "MllpListener"]

HEADER_LIMIT = 3  # messages in a row without a readable header before the connection closes

Submit = Callable[[Arrival, Callable[[Receipt | None], None]], None]
Wait = Callable[[int, Callable[[Answered, Reason | None], None], float, Answered], None]


class MllpChannel(msgspec.Struct, frozen=True):
    """What the listener must know of its channel."""

    name: str
    rules: AcceptRules
    acknowledge: Acknowledge = "storage"
    timeout: float = 30.0  # seconds a sender may wait for `transform` or `delivery`
    mode: AckMode = "auto"
    charset: str = ""
    application: str = "WARDLINE"  # MSH-3 of answers when the sender left MSH-5 empty
    facility: str = ""


class Doors(msgspec.Struct, frozen=True):
    """Where arrivals go and who knows what became of them."""

    submit: Submit
    wait: Wait
    keys: Fingerprinting


class _Exchange:
    """One message that waits for its answer, since `started` (seconds of the process's clock)."""

    __slots__ = ("arrived", "header", "started")

    def __init__(self, arrived: Arrived, header: Header | None) -> None:
        self.arrived, self.header, self.started = arrived, header, perf_counter()


class MllpListener:
    """One channel's door. `server` is the MLLP server it speaks through."""

    def __init__(self, channel: MllpChannel, doors: Doors, make_server: Callable[..., MllpServer]) -> None:
        self._channel, self._doors = channel, doors
        self._ids = ControlIds(secrets.randbits)
        self._headless: WeakKeyDictionary[Peer, int] = WeakKeyDictionary()
        self.server = make_server(self._arrived, oversize=self._oversize, quarantine=self._partial)
        self._port: Any = None

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._channel.name

    @property
    def counters(self) -> Mapping[str, int]:
        """Irregularities of connections, frames, headers and character sets, growing only."""
        return self.server.counters

    @property
    def is_open(self) -> bool:
        """Whether messages can come in."""
        return self._port is not None and self.server.accepting

    def open(self, reactor: Any, host: str, port: int, tls: Any = None) -> int:
        """Listen; the port it became (0 asks for a free one). Raises `Misconfigured`."""
        from twisted.internet.error import CannotListenError

        try:
            self._port = self.server.listen(reactor, port, host, tls)
        except CannotListenError as error:
            raise Misconfigured(
                f"cannot listen on {host}:{port}: {getattr(error.socketError, 'strerror', 'refused')}",
                where=self._channel.name,
                hint="is another engine or channel using the port?",
            ) from None
        return int(self._port.getHost().port)

    def accepting(self, yes: bool) -> None:
        """Take new connections or turn them away (the store is down)."""
        self.server.accepting = yes

    def drain(self, timeout: float) -> Deferred[None]:
        """Stop listening, answer what is in work, close."""
        if self._port is None:
            return succeed(None)
        self._port = None
        return self.server.drain(timeout)

    # What is taken

    def _arrived(self, arrived: Arrived) -> None:
        try:
            header = read_header(arrived.message)
        except Unacceptable as error:
            self._without_header(_Exchange(arrived, None), error)
            return
        if self._headless:
            self._headless.pop(arrived.peer, None)
        self._count(header.quirks)
        exchange = _Exchange(arrived, header)
        answers = plan(header, self._channel.mode)
        ruling = check(header, self._channel.rules) or self._undecodable(arrived.message, header)
        if ruling is None:
            self._take(exchange, header, answers)
        elif ruling.answered:
            code = answers.refused(ruling.answered)
            self._refuse(exchange, ruling.answered, ruling.reason, code)
        else:  # an acknowledgement: kept, correlated later, never acknowledged itself
            self._refuse(exchange, "rejected", ruling.reason, answers.stored())

    def _take(self, exchange: _Exchange, header: Header, answers: AnswerPlan) -> None:
        """Stored as answered when safe storage is all that this sender waits for."""
        self._count(answers.quirks)
        at_once: Answered = "" if answers.waits and self._channel.acknowledge != "storage" else "accepted"
        arrival = make_arrival(
            self._channel.name, self._doors.keys, exchange.arrived.message, header, at_once
        )
        self._doors.submit(arrival, partial(self._stored, exchange, answers))

    def _stored(self, exchange: _Exchange, answers: AnswerPlan, receipt: Receipt | None) -> None:
        if receipt is None:
            exchange.arrived.abandon()
            return
        channel = self._channel
        kind = "duplicate" if receipt.original else "reused" if receipt.reused else "new"
        signal(MessageAccepted(channel.name, kind))
        if receipt.reused:
            signal(ControlIdReused(channel.name, receipt.id))
        if not answers.waits:
            self._answer(exchange, answers.stored())
        elif receipt.answered:
            self._answer(exchange, answers.applied("accepted"))
        else:
            told = partial(self._told, exchange, answers)
            # Time is up: under `delivery` the message is safe and on its way, so AA (row 19).
            otherwise: Answered = "accepted" if channel.acknowledge == "delivery" else ""
            self._doors.wait(receipt.original or receipt.id, told, channel.timeout, otherwise)

    def _told(
        self, exchange: _Exchange, answers: AnswerPlan, answered: Answered, reason: Reason | None
    ) -> None:
        """What became of a message whose sender waits; when nothing is known, it will be sent again."""
        if answered:
            self._answer(exchange, answers.applied(answered), reason if answered != "accepted" else None)
        else:
            exchange.arrived.abandon()

    # What is not taken

    def _refuse(self, exchange: _Exchange, answered: Answered, reason: Reason, code: Code | None) -> None:
        """Keep it in quarantine, then answer `code`."""
        arrival = make_arrival(
            self._channel.name, self._doors.keys, exchange.arrived.message, exchange.header, answered, reason
        )
        self._doors.submit(arrival, partial(self._refused, exchange, code, reason))

    def _refused(
        self, exchange: _Exchange, code: Code | None, reason: Reason, receipt: Receipt | None
    ) -> None:
        if receipt is None:
            exchange.arrived.abandon()
            return
        signal(MessageRefused(self._channel.name, reason.code.value, receipt.id))
        self._answer(exchange, code, reason if code not in ("AA", "CA") else None)

    def _without_header(self, exchange: _Exchange, error: Unacceptable) -> None:
        """AR; and the connection closes when nothing but such came: this is no HL7 sender."""
        peer = exchange.arrived.peer
        seen = self._headless[peer] = self._headless.get(peer, 0) + 1
        if seen >= HEADER_LIMIT:
            exchange.arrived.close()
        reason = Reason(ReasonCode(error.code), error.text, error.place, hl7=error.hl7)
        self._refuse(exchange, "rejected", reason, "AR")

    def _oversize(self, arrived: Arrived) -> None:
        """Only the head is left of it: answered when it can be read; the connection closes."""
        reason = Reason(ReasonCode.OVERSIZE, "Message longer than this channel takes", "MSH", hl7=104)
        header: Header | None
        try:
            header = read_header(arrived.message)
        except Unacceptable:
            header = None
        code = plan(header, self._channel.mode).refused("rejected") if header else None
        self._refuse(_Exchange(arrived, header), "rejected", reason, code)

    def _partial(self, _peer: Peer, partial_bytes: bytes) -> None:
        """A message cut short and begun again: kept, never answered."""
        reason = Reason(ReasonCode.FRAMING, "The sender began again before the end", "MSH", hl7=100)
        arrival = make_arrival(self._channel.name, self._doors.keys, partial_bytes, None, "rejected", reason)
        self._doors.submit(arrival, lambda _: None)

    def _undecodable(self, raw: bytes, header: Header) -> Ruling | None:
        """AE when the bytes are not what MSH-18 says (row 14): routing reads them the same way."""
        if raw.isascii():
            return None
        marked = "byte_order_mark" in header.quirks
        try:
            decoded = decode(
                raw[header.start :], header.charsets, default=self._channel.charset, marked=marked
            )
        except Unacceptable as error:
            return Ruling("error", Reason(ReasonCode.CHARSET, error.text, error.place, hl7=error.hl7))
        self._count(decoded.quirks)
        return None

    # Common

    def _count(self, quirks: Sequence[str]) -> None:
        """What was odd but readable shows in the listener's counters."""
        for quirk in quirks:
            self.server.counters[quirk] += 1

    def _answer(self, exchange: _Exchange, code: Code | None, reason: Reason | None = None) -> None:
        """Send `code` (None: nothing is to be said) with the reason as ERR, and go on."""
        channel = self._channel
        if code is None:
            exchange.arrived.answer(None)
        else:
            exchange.arrived.answer(
                build(
                    exchange.header,
                    code,
                    control_id=self._ids(),
                    now=datetime.now(UTC),
                    own_application=channel.application,
                    own_facility=channel.facility,
                    errors=(ErrorItem.of(reason),) if reason else (),
                )
            )
        signal(AnswerSent(channel.name, code or "none", perf_counter() - exchange.started))
