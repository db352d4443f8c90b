"""What one message means to the ERP: its privacy flags, the filters and rules of its channel, its effects.

Pure but for the book: the same message with the same tokens gives the same effects, and a message gives all
of its effects or none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from engine.effects import Effect, Encounter, Lot, Merge, Offer, Price, Product, Stocking, kind_of
from engine.errors import Unacceptable
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.model import Dead, Filtered, Owner, Reason, ReasonCode, Routed, Said
from engine.privacy.book import TokenBook
from engine.privacy.flags import Raised, restricted
from engine.program import Program, Remark, Rule
from engine.tokens import TokenMerge
from engine.transforms.condition import Condition
from engine.transforms.scope import Part, Scope, Value

__all__ = ["each_key_once", "map_document"]

MOST_DELIVERIES = 100_000
"""Of one message: well below what the store has room for, which would take nothing of the whole batch."""

NO_RULE = "no-effect-rule"
"""The step of a message that no rule is about."""

NOTHING_TO_DO = "nothing-to-do"
"""The step of a message whose rules had nothing to do: two numbers that are one already."""

PRIVACY_FLAG = "privacy-flag"
"""The step of a message of which a privacy flag leaves nothing."""

_STATEMENTS = (Encounter, Merge, Product, Offer, Price, Stocking, Lot)
"""Effects that say how something is: said twice in one message, they are said once."""


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
