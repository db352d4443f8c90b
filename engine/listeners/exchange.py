"""One message and whoever waits for its answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from time import perf_counter
from typing import Protocol

from engine import tracing
from engine.correlation import correlation
from engine.errors import Unacceptable
from engine.hl7.acknowledgement import ControlIds, ErrorItem, Response, build
from engine.hl7.batch_answer import closing, opening
from engine.hl7.document import Document
from engine.hl7.header import Header, read_header
from engine.hl7.master_response import master_response
from engine.hl7.modes import Code
from engine.hl7.order_response import order_response
from engine.listeners.channel import Channel
from engine.model import Reason
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy
from engine.privacy.wording import Wording
from engine.telemetry import Answered as AnswerSent
from engine.telemetry import PrivacyIncident, signal

__all__ = ["Exchange", "Pen", "Reply"]


_NOT_STORED = ErrorItem(207, "", "not stored, send it again", "F")


class Reply(Protocol):
    """Where the answer to one message goes: to a connection (`mllp.server.Arrived`), into a batch of
    answers, into a file. Settled once, with `answer` or `abandon`; in the reactor's thread."""

    def committed(self) -> None:
        """The message is in safe storage: said once, before any answer."""
        ...

    def interim(self, payload: bytes) -> None:
        """An answer before the last one."""
        ...

    def answer(self, payload: bytes | None) -> None:
        """The last answer (None: nothing more is to be said)."""
        ...

    def abandon(self, last: bytes | None = None) -> None:
        """Nothing more than `last` can be said: the message was not stored, and has to come again."""
        ...


class Pen:
    """Writes a channel's answers. `told` hears of those that go without their words."""

    def __init__(self, channel: Channel, told: Callable[[PrivacyIncident], None] = signal) -> None:
        self._channel, self._told = channel, told
        self._ids = ControlIds(secrets.randbits)
        self._wording = Wording()

    def errors(self, raw: bytes, reason: Reason | None) -> tuple[ErrorItem, ...]:
        """A reason as the errors of an answer to `raw`; without their words and places if those would say
        who somebody is."""
        items = ErrorItem.all_of(reason)
        said = [phrase for item in items for phrase in (item.text, item.place)]
        row = self._wording.row_in(said, lambda: _identities(raw, self.charset)) if items else ""
        if not row:
            return items
        self._told(PrivacyIncident(self._channel.name, "answer", 0, "ERR", row))
        return tuple(ErrorItem(item.hl7, severity=item.severity) for item in items)

    @property
    def charset(self) -> str:
        """Of messages that declare none."""
        return self._channel.rules.charset

    def write(
        self,
        header: Header | None,
        code: Code,
        errors: Sequence[ErrorItem] = (),
        expected: int | None = None,
        apart: bool = False,
        response: Response | None = None,
    ) -> bytes:
        """The answer `code` to the message of `header`; `expected` is MSA-4, `apart` makes it a message
        that begins an exchange of its own, `response` one that says more (`Pen.response`)."""
        return build(
            header,
            code,
            control_id=self._ids(),
            now=datetime.now(UTC),
            own_application=self._channel.application,
            own_facility=self._channel.facility,
            errors=errors,
            expected_sequence=expected,
            apart=apart,
            response=response,
        )

    def response(
        self, raw: bytes, header: Header | None, code: Code, refused: Collection[str] = ()
    ) -> Response | None:
        """What an application answer says beyond `code`, where the channel says more; `refused` are the keys
        of the effects that were refused."""
        if not self._channel.respond or header is None:
            return None
        done = code == "AA"
        if self._channel.respond == "master":
            return master_response(raw, header, done=done, charset=self.charset, refused=refused)
        return order_response(raw, header, done=done, charset=self.charset)

    def refuse(self, header: Header, code: Code, reason: Reason) -> bytes:
        """The answer `code` with its reason."""
        return self.write(header, code, ErrorItem.all_of(reason))

    def enclose(self, header: Header, answers: Sequence[bytes]) -> bytes:
        """A batch of answers to the batch of `header`, or a file of such batches to a file."""
        return b"".join((self.open(header), *answers, self.close(header, len(answers))))

    def open(self, header: Header) -> bytes:
        """The beginning of such a batch or file."""
        return opening(
            "FHS" if header.field(9) == b"FHS" else "BHS",
            header,
            control_id=self._ids(),
            now=datetime.now(UTC),
            own_application=self._channel.application,
            own_facility=self._channel.facility,
        )

    def close(self, header: Header, count: int) -> bytes:
        """Its end: of a batch with so many answers, of a file with so many batches."""
        return closing("FTS" if header.field(9) == b"FHS" else "BTS", header, count)

    def chosen(self, answers: Iterable[bytes]) -> list[bytes]:
        """Those that the channel puts into a batch of answers: all, or the bad ones."""
        if self._channel.batches.answers == "all":
            return list(answers)
        return [answer for answer in answers if _code(answer) not in _GOOD]


_GOOD = (b"AA", b"CA")
_BAD = ("AE", "AR", "CE", "CR")


def _code(answer: bytes) -> bytes:
    """MSA-1."""
    return answer.split(b"\r", 2)[1].split(answer[3:4], 2)[1]


def _identities(raw: bytes, charset: str) -> Identities:
    """What identifies in a message; nothing where it cannot be read: then it gave no words either."""
    try:
        return Identities(Harvester(Policy()).of(Document.parse(raw, default_charset=charset)))
    except Unacceptable:
        return Identities(())


class Exchange:
    """One message with its header (None: unreadable) that waits for its answer."""

    __slots__ = (
        "_channel", "_pen", "_started", "arrived", "expected", "header", "message_id", "raw", "reply",
        "stored",
    )  # fmt: skip

    def __init__(self, channel: str, pen: Pen, raw: bytes, header: Header | None, reply: Reply) -> None:
        self.raw, self.header, self.reply = raw, header, reply
        self.expected: int | None = None  # MSA-4, known once the message is stored
        self._channel, self._pen = channel, pen
        self._started = perf_counter()
        self.arrived = self.stored = 0.0  # when, in seconds since the epoch
        self.message_id = 0

    @property
    def correlation(self) -> str:
        """What its message is called, once it is stored."""
        return correlation(self.message_id, self.arrived)

    def interim(self, code: Code) -> None:
        """Say `code` now; more follows."""
        self.reply.interim(self._pen.write(self.header, code, (), self.expected))
        signal(AnswerSent(self._channel, code, perf_counter() - self._started))

    def answer(
        self,
        code: Code | None,
        reason: Reason | None = None,
        *,
        applied: bool = False,
        refused: Collection[str] = (),
    ) -> None:
        """Say `code` (None: nothing is to be said) with the reason as ERR, and be done; `applied` when it
        tells what became of the message, of whose effects those with the keys `refused` were refused."""
        payload = None
        if code is not None:
            errors = self._pen.errors(self.raw, reason)
            response = self._pen.response(self.raw, self.header, code, refused) if applied else None
            payload = self._pen.write(self.header, code, errors, self.expected, response=response)
        self.reply.answer(payload)
        seconds = perf_counter() - self._started
        signal(AnswerSent(self._channel, code or "none", seconds))
        if tracing.on() and self.message_id:
            self._trace(code or "none", seconds)

    def _trace(self, code: str, seconds: float) -> None:
        called = self.correlation
        if tracing.traced(called):
            tracing.tell(
                called, "message", self.arrived, self.arrived + seconds, first=True,
                failed=code if code in _BAD else "",
                channel=self._channel, message=self.message_id, code=code,
            )  # fmt: skip
            if self.stored:
                tracing.tell(called, "accept", self.arrived, self.stored)

    def speak_for(self, first: bytes) -> None:
        """The answer is to the message of which `first` is the first piece, where that can be read."""
        with suppress(Unacceptable):
            self.header = read_header(first, self._pen.charset)

    def abandon(self, code: Code | None = None) -> None:
        """The message could not be stored: say nothing (or `code`), close, so that it comes again."""
        last = None if code is None else self._pen.write(self.header, code, (_NOT_STORED,))
        self.reply.abandon(last)
        if code is not None:
            signal(AnswerSent(self._channel, code, perf_counter() - self._started))
