"""The pipeline: stored messages become effects, filtered messages or dead letters.

A channel is compiled (`engine.program`): closures over the message and the token book. `route` runs a
batch through it. Pure but for the book: the same message with the same tokens
gives the same effects, and a message gives all of its effects or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from engine.courses.replay import CourseKeeper, Replay
from engine.coursing import ahead_of
from engine.effects import Effect, Encounter, Lot, Merge, Offer, Price, Product, Stocking, kind_of
from engine.errors import Unacceptable, Unavailable
from engine.fhir.document import Links, Resource
from engine.hl7.continuation import Pointers
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.hl7.header import Header
from engine.hl7.quirks import odd
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
    Said,
    StoredMessage,
)
from engine.privacy.book import TokenBook
from engine.privacy.flags import Raised, restricted
from engine.privacy.guard import Leak
from engine.program import Program, Remark, Rule
from engine.tokens import TokenMerge
from engine.transforms.condition import Condition
from engine.transforms.scope import Part, Scope, Value

__all__ = [
    "NamePointer",
    "each_key_once",
    "failed",
    "map_document",
    "privacy_reason",
    "refused",
    "replayed",
    "route",
    "withheld",
]

MOST_DELIVERIES = 100_000
"""Of one message: well below what the store has room for, which would take nothing of the whole batch."""

NO_RULE = "no-effect-rule"
"""The step of a message that no rule is about."""

NOTHING_TO_DO = "nothing-to-do"
"""The step of a message whose rules had nothing to do: two numbers that are one already."""

PRIVACY_FLAG = "privacy-flag"
"""The step of a message of which a privacy flag leaves nothing."""

_BUSINESS = frozenset(
    {
        ReasonCode.UNMAPPED_CODE,
        ReasonCode.UNKNOWN_ITEM,
        ReasonCode.UNKNOWN_LOCATION,
        ReasonCode.UNKNOWN_UNIT,
        ReasonCode.QUANTITY,
    }
)


_STATEMENTS = (Encounter, Merge, Product, Offer, Price, Stocking, Lot)
"""Effects that say how something is: said twice in one message, they are said once."""


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


def map_document(
    document: Document | Resource, program: Program, book: TokenBook, warnings: list[Reason]
) -> Routed | Filtered | Dead:
    """What one parsed message or resource becomes; what is odd about it is added to `warnings`. Raises
    `Unacceptable` with its place."""
    raised = program.flags.of(document, program.follows)
    message = Scope(document, book, program.slots)
    ended = _ended(raised, message, program, warnings)
    if ended is not None:
        return ended
    scopes = _Scopes(document, program, message)
    made = [(rule.make(scope), scope) for rule, scope in _applying(program, message, scopes)]
    once = list(each_key_once(made) if raised is None else _restricted(made))
    if len(once) * len(program.destinations) > MOST_DELIVERIES:
        raise Unacceptable("oversize", "", "one message wants too many deliveries", hl7=104)
    said: tuple[Said, ...] = ()
    if program.course is not None:
        once, said = program.course.read(message, once, _places(program, message), warnings)
    if not once and not said:
        return _nothing(program, scopes, made=bool(made), flagged=raised is not None)
    for remark in program.remarks:
        warnings += _remarked(remark, scopes)
    return _routed(once, said, program, message)


def _ended(
    raised: Raised | None, message: Scope, program: Program, warnings: list[Reason]
) -> Filtered | Dead | None:
    """What ends a message before any rule is asked: a privacy flag, or a filter. Raises `Unacceptable` for a
    field that it must have."""
    stopped = None if raised is None else _stopped(raised, warnings)
    if stopped is not None:
        return stopped
    for value in program.required:
        value(message)
    for step in program.filters:
        if _hold(step.conditions, message):
            return Filtered(step.name)
    return None


def _restricted(made: list[tuple[Effect | None, Scope]]) -> Iterator[tuple[Effect, Scope]]:
    """What a privacy flag leaves of the effects."""
    for effect, scope in each_key_once(made):
        if (left := restricted(effect)) is not None:
            yield left, scope


def _stopped(raised: Raised, warnings: list[Reason]) -> Filtered | Dead | None:
    """What a privacy flag makes of a message; None where it only restricts, which is told."""
    if raised.obeys == "undecided":
        text = "a privacy flag about which the channel says nothing"
        return Dead(Reason(ReasonCode.PRIVACY, text, raised.place, Owner.PRIVACY))
    done = "nothing is made of it" if raised.obeys == "block" else "passed on to nobody"
    warnings.append(Reason(ReasonCode.PRIVACY, f"a privacy flag: {done}", raised.place, Owner.PRIVACY))
    return Filtered(PRIVACY_FLAG) if raised.obeys == "block" else None


def _places(program: Program, message: Scope) -> Value:
    """Where the effect of a scope stands in the order: the message's place, or its own."""
    return program.sequence if program.sequence_each else lambda _: program.sequence(message)


def _routed(
    once: list[tuple[Effect, Scope]], said: tuple[Said, ...], program: Program, message: Scope
) -> Routed:
    """The effects with their place in the order: the message's, or each its own."""
    effects = tuple(effect for effect, _ in once)
    merged = () if program.shadow else effects  # a shadow changes nobody's token
    merges = tuple(TokenMerge(effect.gone, effect.into) for effect in merged if isinstance(effect, Merge))
    if not program.sequence_each or not once:
        return Routed(effects, program.sequence(message), merges, (), said)
    places: dict[Scope, str] = {}  # several effects of one group have one place
    for _, scope in once:
        if scope not in places:
            places[scope] = program.sequence(scope)
    keys = tuple([places[scope] for _, scope in once])
    return Routed(effects, keys[0], merges, keys if len(set(keys)) > 1 else (), said)


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


class _Scopes:
    """The scopes of one message by the segment that opens them, without the groups that a filter ends;
    `ended` names the first filter that did."""

    def __init__(self, document: Document | Resource, program: Program, message: Scope) -> None:
        self._document, self._filters, self._message = document, program.group_filters, message
        self._known = {"": [message]}
        self.ended = ""

    def of(self, anchor: str) -> list[Scope]:
        """Those of all groups of `anchor` that go on; the message's own for an empty one."""
        known = self._known.get(anchor)
        if known is None:
            known = self._message.within(_parts(self._document, anchor))
            for step in self._filters.get(anchor, ()):
                left = [scope for scope in known if not _hold(step.conditions, scope)]
                if len(left) < len(known):
                    known, self.ended = left, self.ended or step.name
            self._known[anchor] = known
        return known


def _parts(document: Document | Resource, anchor: str) -> Sequence[Part]:
    """The groups of a message or the elements of a resource that `for_each` names."""
    return groups(document, anchor) if isinstance(document, Document) else document.groups(anchor)


def _applying(program: Program, message: Scope, scopes: _Scopes) -> Iterator[tuple[Rule, Scope]]:
    """The rules that apply, each with the scope of the message or the group that it applies to."""
    for rule in program.rules:
        if not rule.whole or _hold(rule.whole, message):
            each = rule.each
            for scope in scopes.of(rule.anchor):
                if not each or _hold(each, scope):
                    yield rule, scope


def _remarked(remark: Remark, scopes: _Scopes) -> Iterator[Reason]:
    """Where the remark applies; a value that its tests cannot read is one more thing to be seen."""
    for scope in scopes.of(remark.anchor):
        try:
            if _hold(remark.conditions, scope):
                fields = [field for one in remark.conditions for field in one.compiled.fields]
                place = scope.view.place(fields[0].path) if fields else ""
                yield Reason(ReasonCode.BAD_VALUE, remark.name, place, Owner.BUSINESS)
        except Unacceptable as refusal:
            text = f"{remark.name}: {refusal.text}"
            yield Reason(ReasonCode(refusal.code), text, refusal.place, Owner.BUSINESS)


def _hold(conditions: tuple[Condition, ...], scope: Scope) -> bool:
    for condition in conditions:
        try:  # `condition.holds`, without the call
            if condition.value(scope) not in condition.values:
                return False
        except Unacceptable as refusal:
            raise condition.compiled.refused(refusal, scope) from None
    return True


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


def each_key_once(made: list[tuple[Effect | None, Scope]]) -> Iterator[tuple[Effect, Scope]]:
    """The effects with their scopes, each key once. Two that say the same of a visit, a merge or a master
    record are one; two of stock or money with one key would replace each other, so that is refused
    (`bad-value`)."""
    seen: dict[tuple[type[Effect], str], Effect] = {}
    for effect, scope in made:
        if effect is None:
            continue
        first = seen.setdefault((type(effect), effect.key), effect)
        if first is effect:
            yield effect, scope
        elif first != effect or not isinstance(effect, _STATEMENTS):
            part: Any = scope.view
            place = f"{part.anchor}[{part.number}]" if scope.outer is not None else ""
            raise Unacceptable(
                "bad-value", place, f"the same key as an earlier {kind_of(effect)} of this message"
            )


def _nothing(program: Program, scopes: _Scopes, *, made: bool, flagged: bool) -> Filtered | Dead:
    """Why a message has no effect."""
    if made and flagged:
        return Filtered(PRIVACY_FLAG)
    if made:
        return Filtered(NOTHING_TO_DO)
    if scopes.ended:
        return Filtered(scopes.ended)
    if program.no_effect == "filtered":
        return Filtered(NO_RULE)
    return Dead(Reason(ReasonCode.BAD_VALUE, "no rule of the channel is about this message"))


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
