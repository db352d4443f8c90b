"""HL7 v2 over MLLP: from a frame to a stored message and its acknowledgement.

Only MSH is read here. What the channel does not take is answered with its error and kept in
quarantine; what it takes is answered after safe storage, after routing or after delivery, as the
channel says. When the store cannot take a message nothing is answered and the connection closes:
the sender sends again (spec: acknowledgement, section 3).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from time import perf_counter, time
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import msgspec
from twisted.internet.defer import Deferred, succeed

from engine.errors import Misconfigured, Unacceptable
from engine.hl7.accept import AcceptRules, Ruling, check
from engine.hl7.acknowledgement import ControlIds, ErrorItem, build
from engine.hl7.charset import decode
from engine.hl7.header import Header, read_header
from engine.hl7.modes import AckMode, AnswerPlan, Code, plan
from engine.model import Acknowledge, Answered, Arrival, Reason, ReasonCode, Receipt
from engine.telemetry import Answered as AnswerSent
from engine.telemetry import ControlIdReused, MessageAccepted, MessageRefused, signal
from mllp.server import Arrived, MllpServer, Peer

__all__ = ["Doors", "Fingerprinting", "MllpChannel", "MllpListener"]

_WORDS = re.compile(r"[A-Z]{3}\^([A-Z][0-9A-Z]{2})?")
HEADER_LIMIT = 3  # messages in a row without a readable header before the connection closes

Submit = Callable[[Arrival, Callable[[Receipt | None], None]], None]
Wait = Callable[[int, Callable[[Answered, Reason | None], None], float, Answered], None]


@lru_cache(maxsize=512)
def _words(kind: str, event: str) -> str:
    """MSH-9 for people's eyes: only what has the form of the standard's words, never free text."""
    return f"{kind}^{event}".rstrip("^") if _WORDS.fullmatch(f"{kind}^{event}") else ""


class Fingerprinting(Protocol):
    """Keyed digests that make a resend the same message (`engine.store`)."""

    def of(self, channel: str, msh3: bytes, msh4: bytes, msh10: bytes) -> bytes: ...
    def digest(self, raw: bytes) -> bytes: ...


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

    # A frame

    def _arrived(self, arrived: Arrived) -> None:
        started = perf_counter()
        raw = arrived.message
        try:
            header = read_header(raw)
        except Unacceptable as error:
            self._without_header(arrived, started, error)
            return
        if self._headless:
            self._headless.pop(arrived.peer, None)
        self._count(header.quirks)
        ruling = check(header, self._channel.rules) or self._undecodable(raw, header)
        if ruling is None:
            self._take(arrived, header, started)
        else:
            self._refuse(arrived, header, ruling, started)

    def _take(self, arrived: Arrived, header: Header, started: float) -> None:
        """Stored as answered when safe storage is all that this sender waits for."""
        answers = plan(header, self._channel.mode)
        self._count(answers.quirks)
        at_once: Answered = "" if answers.waits and self._channel.acknowledge != "storage" else "accepted"
        arrival = self._arrival(arrived.message, header, at_once)
        self._doors.submit(arrival, partial(self._stored, arrived, header, answers, started))

    def _stored(
        self, arrived: Arrived, header: Header, answers: AnswerPlan, started: float, receipt: Receipt | None
    ) -> None:
        if receipt is None:
            arrived.abandon()
            return
        channel = self._channel
        kind = "duplicate" if receipt.original else "reused" if receipt.reused else "new"
        signal(MessageAccepted(channel.name, kind))
        if receipt.reused:
            signal(ControlIdReused(channel.name, receipt.id))
        if not answers.waits:
            self._answer(arrived, header, answers.stored(), started)
        elif receipt.answered:
            self._answer(arrived, header, answers.applied("accepted"), started)
        else:
            told = partial(self._told, arrived, header, answers, started)
            # Time is up: under `delivery` the message is safe and on its way, so AA (row 19).
            otherwise: Answered = "accepted" if channel.acknowledge == "delivery" else ""
            self._doors.wait(receipt.original or receipt.id, told, channel.timeout, otherwise)

    def _told(
        self,
        arrived: Arrived,
        header: Header,
        answers: AnswerPlan,
        started: float,
        answered: Answered,
        reason: Reason | None,
    ) -> None:
        """What became of a message whose sender waits; when nothing is known, it will be sent again."""
        if not answered:
            arrived.abandon()
            return
        self._answer(
            arrived,
            header,
            answers.applied(answered),
            started,
            reason if answered != "accepted" else None,
        )

    # What is not taken

    def _refuse(self, arrived: Arrived, header: Header, ruling: Ruling, started: float) -> None:
        if not ruling.answered:  # an acknowledgement: kept, correlated later, never acknowledged itself
            arrival = self._arrival(arrived.message, header, "rejected", ruling.reason)
            code = plan(header, self._channel.mode).stored()
        else:
            arrival = self._arrival(arrived.message, header, ruling.answered, ruling.reason)
            code = plan(header, self._channel.mode).refused(ruling.answered)
        self._doors.submit(arrival, partial(self._refused, arrived, header, code, started, ruling.reason))

    def _refused(
        self,
        arrived: Arrived,
        header: Header | None,
        code: Code | None,
        started: float,
        reason: Reason,
        receipt: Receipt | None,
    ) -> None:
        if receipt is None:
            arrived.abandon()
            return
        signal(MessageRefused(self._channel.name, reason.code.value, receipt.id))
        self._answer(arrived, header, code, started, reason if code not in ("AA", "CA") else None)

    def _without_header(self, arrived: Arrived, started: float, error: Unacceptable) -> None:
        reason = Reason(ReasonCode(error.code), error.text, error.place, hl7=error.hl7)
        seen = self._headless[arrived.peer] = self._headless.get(arrived.peer, 0) + 1
        arrival = self._arrival(arrived.message, None, "rejected", reason)
        last = seen >= HEADER_LIMIT
        if last:
            self._headless.pop(arrived.peer)
        refused = partial(self._headless_refused, arrived, started, reason, last)
        self._doors.submit(arrival, refused)

    def _headless_refused(
        self, arrived: Arrived, started: float, reason: Reason, last: bool, receipt: Receipt | None
    ) -> None:
        """AR, and the connection closes when nothing but such came: this is no HL7 sender."""
        if last:
            arrived.close()
        self._refused(arrived, None, "AR", started, reason, receipt)

    def _oversize(self, arrived: Arrived) -> None:
        """Only the head is left of it: answered when it can be read; the connection closes."""
        reason = Reason(ReasonCode.OVERSIZE, "Message longer than this channel takes", "MSH", hl7=104)
        header: Header | None
        try:
            header = read_header(arrived.message)
        except Unacceptable:
            header = None
        code = plan(header, self._channel.mode).refused("rejected") if header else None
        arrival = self._arrival(arrived.message, header, "rejected", reason)
        self._doors.submit(arrival, partial(self._refused, arrived, header, code, perf_counter(), reason))

    def _partial(self, _peer: Peer, partial_bytes: bytes) -> None:
        """A message cut short and begun again: kept, never answered."""
        reason = Reason(ReasonCode.FRAMING, "The sender began again before the end", "MSH", hl7=100)
        self._doors.submit(self._arrival(partial_bytes, None, "rejected", reason), lambda _: None)

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

    def _arrival(
        self, raw: bytes, header: Header | None, answered: Answered, reason: Reason | None = None
    ) -> Arrival:
        keys, name = self._doors.keys, self._channel.name
        digest = keys.digest(raw)
        if header is None:
            fingerprint, kind = keys.of(name, b"", b"", b""), ""
        else:
            # Without a control id only the same bytes are the same message (section 6).
            control_id = header.control_id if header.has_control_id else header.field(7) + digest
            fingerprint = keys.of(name, header.field(3), header.field(4), control_id)
            kind = _words(header.type, header.event)
        return Arrival(
            channel=name,
            raw=raw,
            fingerprint=fingerprint,
            digest=digest,
            received_at=time(),
            answered=answered,
            reason=reason,
            type=kind,
        )

    def _answer(
        self,
        arrived: Arrived,
        header: Header | None,
        code: Code | None,
        started: float,
        reason: Reason | None = None,
    ) -> None:
        if code is None:
            arrived.answer(None)
        else:
            channel = self._channel
            errors = (ErrorItem(reason.hl7, reason.place),) if reason else ()
            arrived.answer(
                build(
                    header,
                    code,
                    control_id=self._ids(),
                    now=datetime.now(UTC),
                    own_application=channel.application,
                    own_facility=channel.facility,
                    errors=errors,
                )
            )
        signal(AnswerSent(self._channel.name, code or "none", perf_counter() - started))
