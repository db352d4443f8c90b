"""One message through a channel with nothing stored and nothing sent: what would become of it.

The same code as in service decides (accept rules, acknowledgement modes, privacy, rules); only the
vault is one that forgets.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from engine.config.cases.aliases import AliasBook
from engine.config.cases.fhir_rehearsal import ResourceTrial
from engine.config.cases.rehearsed import Rehearsal, became
from engine.config.loading import LoadedChannel
from engine.config.spec import Hl7Source
from engine.courses.memory import CourseMemory
from engine.egress import leak_of
from engine.errors import Unacceptable
from engine.hl7.accept import AcceptRules, check, check_charset
from engine.hl7.acknowledgement import ErrorItem, Response, build
from engine.hl7.header import Header, read_header
from engine.hl7.master_response import master_response
from engine.hl7.modes import AnswerPlan, Code, plan
from engine.hl7.order_response import order_response
from engine.model import Dead, Reason, ReasonCode, Routed, Routing, StoredMessage
from engine.pipeline import replayed, route, withheld

__all__ = ["Rehearsal", "Trial", "accept_rules", "answer_code", "trial_of"]


def accept_rules(source: Hl7Source) -> AcceptRules:
    """What a channel takes, from its file."""
    return AcceptRules(
        message_types=frozenset(source.message_types),
        processing_ids=frozenset(source.processing_ids),
        versions=frozenset(source.versions),
        control_id=source.control_id,
        charset=source.charset,
        charset_strict=source.charset_strict,
    )


def trial_of(channel: LoadedChannel, book: AliasBook | None = None) -> Trial | ResourceTrial:
    """A trial of a channel, of whichever kind; its tokens are those of `book`."""
    return Trial(channel, book) if channel.spec.source.fhir is None else ResourceTrial(channel, book)


class Trial:
    """A channel that nothing was said to yet. What is said is remembered as long as the trial."""

    def __init__(self, channel: LoadedChannel, book: AliasBook | None = None) -> None:
        self._channel = channel
        self._book, self._courses = book or AliasBook(), CourseMemory()
        self._said = 0

    def say(self, raw: bytes) -> Rehearsal:
        """What would become of `raw`, one message, after all that was said before."""
        source = self._channel.spec.source.hl7
        assert source is not None  # noqa: S101 - FHIR is rehearsed otherwise
        try:
            header = read_header(raw, source.charset)
        except Unacceptable as error:
            reason = Reason(ReasonCode(error.code), error.text, error.place, hl7=error.hl7)
            return _refused(None, "AR", reason)
        answers = plan(header, source.ack_mode)
        rules = accept_rules(source)
        ruling = check(header, rules) or check_charset(raw, header, rules)[0]
        if ruling is not None:
            code = answers.refused(ruling.answered) if ruling.answered else answers.stored()
            return _refused(header, code, ruling.reason)
        return _routed(raw, header, answers, source, self._route(raw), self._book)

    def _route(self, raw: bytes) -> Routing:
        self._said += 1
        program, book = self._channel.program, self._book
        batch = [StoredMessage(self._said, program.channel, raw, 0.0)]
        routed = [(program, routing) for routing in route(batch, program, book)]
        (routing,), rows = replayed(routed, book, self._courses)
        leak = leak_of(routing, batch[0], program, date.max, {}, set())
        if leak is not None:
            return withheld(routing, program, leak, book)
        merges = routing.result.merges if isinstance(routing.result, Routed) else ()
        self._courses.keep(rows, merges)
        book.committed()
        return routing


def _refused(header: Header | None, code: Code | None, reason: Reason) -> Rehearsal:
    answer = _answer(header, code, reason)
    outgoing = f"{answer.decode('latin-1')}\n{reason.place}: {reason.text}"
    return Rehearsal(code or "none", answer, "quarantined", "", reason, [], "", (), outgoing, frozenset())


def _routed(
    raw: bytes, header: Header, answers: AnswerPlan, source: Hl7Source, routing: Routing, book: AliasBook
) -> Rehearsal:
    result = routing.result
    reason = result.reason if isinstance(result, Dead) else None
    code = answer_code(answers, source, failed=reason is not None)
    response = None
    if source.respond and code is not None and code[0] == "A" and answers.waits(source.acknowledge):
        responses = {"order": order_response, "master": master_response}
        response = responses[source.respond](raw, header, done=code == "AA", charset=source.charset)
    answer = _answer(header, code, reason if code not in ("AA", "CA") else None, response)
    return became(code or "none", answer, routing, book)


def answer_code(answers: AnswerPlan, source: Hl7Source, *, failed: bool) -> Code | None:
    """The first answer: to safe storage, or once routing knows (spec: ack, section 3.2)."""
    if answers.enhanced and answers.accept != "NE":
        return answers.stored()
    return answers.applied("error" if failed and answers.waits(source.acknowledge) else "accepted")


def _answer(
    header: Header | None, code: Code | None, reason: Reason | None, response: Response | None = None
) -> bytes:
    if code is None:
        return b""
    errors = (ErrorItem(reason.hl7, reason.place),) if reason else ()
    return build(
        header,
        code,
        control_id="TRIAL1",
        now=datetime(2000, 1, 1, tzinfo=UTC),
        own_application="WARDLINE",
        own_facility="",
        errors=errors,
        response=response,
    )
