"""The pipeline: stored messages become effects, filtered messages or dead letters.

A channel is compiled (`engine.program`): closures over the message and the token book. `route` runs a
batch through it: each message is parsed and mapped (`engine.mapping`); `replayed` puts what it says of a
course in its place among what was said before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import msgspec

from engine.courses.replay import CourseKeeper, Replay
from engine.coursing import ahead_of
from engine.errors import Unacceptable, Unavailable
from engine.fhir.document import Links, Resource
from engine.hl7.continuation import Pointers
from engine.hl7.document import Document
from engine.hl7.header import Header
from engine.hl7.quirks import odd
from engine.mapping import map_document
from engine.model import (
    Answered,
    CourseRow,
    Dead,
    Filtered,
    Fragment,
    Owner,
    Reason,
    ReasonCode,
    Routed,
    Routing,
    StoredMessage,
)
from engine.privacy.book import TokenBook
from engine.privacy.guard import Leak
from engine.program import Program

__all__ = ["NamePointer", "failed", "privacy_reason", "refused", "replayed", "route", "withheld"]

_BUSINESS = frozenset(
    {
        ReasonCode.UNMAPPED_CODE,
        ReasonCode.UNKNOWN_ITEM,
        ReasonCode.UNKNOWN_LOCATION,
        ReasonCode.UNKNOWN_UNIT,
        ReasonCode.QUANTITY,
    }
)


NamePointer = Callable[[str, bytes, bytes, bytes], bytes]
"""A continuation pointer's keyed name, out of channel, MSH-3, MSH-4 and the pointer."""


def as_sent(_channel: str, _application: bytes, _facility: bytes, pointer: bytes) -> bytes:
    """A pointer named by itself, for rehearsals: nothing of them is kept."""
    return pointer


def route(
    batch: Sequence[StoredMessage],
    program: Program,
    book: TokenBook,
    name: NamePointer = as_sent,
    links: Links | None = None,
) -> list[Routing]:
    """What the messages of one channel become, in their order; pieces of messages become `Fragment`s.
    `links` are the resources that those of a FHIR channel refer to (`engine.gathering`).

    Tokens are minted ahead of the vault; messages whose identifiers turn out to have tokens already
    are mapped again. Raises `Unavailable` when the vault cannot be asked; nothing else."""
    by_id = {message.id: message for message in batch}
    become = partial(_resource, links=links or {}) if program.fhir else partial(_message, name=name)
    routings = {message.id: _routing(message, program, book, become) for message in batch}
    while affected := book.verify():
        for number in sorted(affected & by_id.keys()):
            routings[number] = _routing(by_id[number], program, book, become)
    return list(routings.values())


def failed(message: StoredMessage, program: Program, error: BaseException, book: TokenBook) -> Routing:
    """The dead letter of a message that cannot be stored as it was mapped (`Unacceptable`), or that a bug of
    ours meets: then the error's own text may hold content."""
    if isinstance(error, Unacceptable):
        result = Dead(_reason(error), error.lacks)
    else:
        result = Dead(Reason(ReasonCode.INTERNAL, f"the mapping failed with {type(error).__name__}"))
    return _dead(message, program, result, book)


def _dead(
    message: StoredMessage, program: Program, result: Dead, book: TokenBook, odd: tuple[Reason, ...] = ()
) -> Routing:
    """A dead letter that was not mapped: whom it names is read all the same."""
    book.start(message.id, program.tenant)
    named: tuple[int, ...] = ()
    with suppress(Exception):  # whatever is wrong with it has been said
        document = _parsed(message, program)
        named = program.mentions.of(document, book.index)
    answer = _answer(result, program)
    return Routing(
        message.id,
        result,
        program.lane,
        program.destinations,
        answer,
        odd,
        mentions=named,
        shadow=program.shadow,
    )


def _parsed(message: StoredMessage, program: Program) -> Document | Resource:
    if program.fhir:
        return Resource.parse(message.raw)
    return Document.parse(message.raw, default_charset=program.charset)


def withheld(routing: Routing, program: Program, leak: Leak, book: TokenBook) -> Routing:
    """The dead letter of a message whose effects would have let out what identifies somebody: nothing of
    what it became is kept."""
    book.forget(routing.message_id)
    result = Dead(privacy_reason(leak))
    answer = _answer(result, program)
    return msgspec.structs.replace(routing, result=result, answered=answer, warnings=())


def privacy_reason(leak: Leak) -> Reason:
    """Why something did not leave: where it stood, and the row of the policy that it is of."""
    return Reason(ReasonCode.PRIVACY, f"identifies somebody ({leak.row})", leak.place, Owner.PRIVACY)


def refused(message: StoredMessage, program: Program, wrong: tuple[Reason, ...], book: TokenBook) -> Routing:
    """The dead letter of a message that did not pass its channel's check, with all that is wrong; what is
    only worth a look goes with it as warnings."""
    first, *others = (reason for reason in wrong if reason.hl7)
    result = Dead(msgspec.structs.replace(first, more=tuple(others)))
    odd = tuple(reason for reason in wrong if not reason.hl7)
    return _dead(message, program, result, book, odd)


def replayed(
    routed: Sequence[tuple[Program, Routing]], book: TokenBook, keeper: CourseKeeper
) -> tuple[list[Routing], list[CourseRow]]:
    """What messages in the order of their arrival come to when those about visits and appointments are
    put in their place, and the courses to store with them. Raises what the keeper raises."""
    replays: dict[str, Replay] = {}
    for program, _ in routed:
        if program.course is not None and (rule := program.course.rule).space not in replays:
            same = [r for p, r in routed if p.course is not None and p.course.rule.space == rule.space]
            replays[rule.space] = Replay(rule.space, rule.of, keeper, same)
    routings = []
    for program, routing in routed:
        if program.course is not None and isinstance(routing.result, Routed):
            rule = program.course.rule
            routings.append(_answered(replays[rule.space].apply(routing, rule), program, book))
        else:
            routings.append(routing)
    return routings, [row for replay in replays.values() for row in replay.rows()]


def _answered(routing: Routing, program: Program, book: TokenBook) -> Routing:
    """With the answer that goes with what it came to."""
    if isinstance(routing.result, Dead):
        book.forget(routing.message_id)
    return msgspec.structs.replace(routing, answered=_answer(routing.result, program))


Become = Callable[
    [StoredMessage, Program, TokenBook, list[Reason], list[int]], Routed | Filtered | Dead | Fragment
]
"""What a raw message becomes; what is odd about it and what it names are added to the lists."""


def _routing(message: StoredMessage, program: Program, book: TokenBook, become: Become) -> Routing:
    book.start(message.id, program.tenant)
    warnings: list[Reason] = []
    named: list[int] = []
    result: Routed | Filtered | Dead | Fragment
    try:
        result = become(message, program, book, warnings, named)
    except Unacceptable as refusal:
        result = Dead(_reason(refusal), refusal.lacks)
    except Unavailable:
        raise
    except Exception as error:  # a bug must not stop the channel, and its text may hold content
        text = f"the mapping failed with {type(error).__name__}"
        result = Dead(Reason(ReasonCode.INTERNAL, text))
    if isinstance(result, Routed):
        if result.said:
            warnings += ahead_of(result.said, message.received_at)
        for merge in result.merges:
            book.merged(merge.gone, merge.into)
    else:
        book.forget(message.id)
    answer = _answer(result, program)
    return Routing(
        message.id,
        result,
        program.lane,
        program.destinations,
        answer,
        tuple(warnings),
        mentions=tuple(named),
        same=() if program.shadow else book.sames(message.id),
        shadow=program.shadow,
        said=message.said,
    )


def _message(
    message: StoredMessage,
    program: Program,
    book: TokenBook,
    warnings: list[Reason],
    named: list[int],
    name: NamePointer,
) -> Routed | Filtered | Dead | Fragment:
    """What a message of HL7 v2 becomes."""
    document = Document.parse(message.raw, default_charset=program.charset)
    named += program.mentions.of(document, book.index)
    try:
        pointers = document.pointers
        if pointers is None:
            return map_document(document, program, book, warnings)
        return _fragment(document.header, pointers, program, name)
    finally:
        warnings[:0] = odd(document)


def _resource(
    message: StoredMessage,
    program: Program,
    book: TokenBook,
    warnings: list[Reason],
    named: list[int],
    links: Links,
) -> Routed | Filtered | Dead:
    """What a version of a resource becomes."""
    resource = Resource.parse(message.raw)
    resource.links = links
    named += program.mentions.of(resource, book.index)
    try:
        return map_document(resource, program, book, warnings)
    finally:
        warnings[:0] = resource.warnings


def _reason(refusal: Unacceptable) -> Reason:
    code = ReasonCode(refusal.code)
    owner = Owner.BUSINESS if code in _BUSINESS else Owner.TECHNICAL
    return Reason(code, refusal.text, refusal.place, owner, refusal.hl7)


def _fragment(header: Header, pointers: Pointers, program: Program, name: NamePointer) -> Fragment:
    """Named by keyed digests: a pointer may hold anything."""
    follows, leads = (
        name(program.channel, header.field(3), header.field(4), b"pointer " + pointer) if pointer else b""
        for pointer in pointers
    )
    return Fragment(follows, leads)


def _answer(result: Routed | Filtered | Dead | Fragment, program: Program) -> Answered:
    """What the sender is told, if it was not told already; under `delivery` good news wait. Of a piece
    it is told that it is safe; of the last one, what became of the whole."""
    if isinstance(result, Dead):
        return "error"
    if isinstance(result, Fragment):
        return "accepted" if result.leads else ""
    if isinstance(result, Filtered):
        return program.filtered
    return "" if program.acknowledge == "delivery" else "accepted"
