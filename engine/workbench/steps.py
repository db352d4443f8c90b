"""What a channel does with one message, step by step: each filter, rule and value with what it read and gave.

The channel is compiled once more, expression by expression, and asked what its pipeline asks, in that order
(`engine.mapping.map_document`). Nothing here decides anything: what becomes of a message is what its
rehearsal says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from engine.config.build import WorkedAt, explained
from engine.config.finding import Place, Problem
from engine.config.loading import LoadedChannel
from engine.config.spec import EFFECTS, EffectRule, FilterRule, WarningRule
from engine.effects import Effect
from engine.errors import Unacceptable
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.hl7.groups import groups
from engine.mapping import each_key_once
from engine.privacy.book import TokenBook
from engine.program import Program, Rule
from engine.transforms.scope import Scope
from engine.workbench.looks import Change, Look, Looker, Show

__all__ = ["Change", "Step", "Walk", "steps_of"]

Kind = Literal["flag", "required", "filter", "rule", "course", "warning", "order"]


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step. `group` is the part of the message that it is about (`FT1[2]`), empty for the whole; `held`
    says whether all conditions did; `effect` is the word of the effect that a rule made, `made` its
    fields."""

    kind: Kind
    name: str
    file: str
    line: int
    group: str = ""
    conditions: tuple[Look, ...] = ()
    held: bool = True
    effect: str = ""
    made: tuple[Look, ...] = ()
    told: str = ""
    """What came of it: `filtered`, `refused: unmapped-code at FT1[1]-7`."""


class _Stopped(Exception):
    """The message goes no further; the last step says why."""


def steps_of(
    channel: LoadedChannel, document: Document | Resource, book: TokenBook, show: Show
) -> list[Step]:
    """The steps that a message takes, up to the one that ends it."""
    program, worked = explained(channel.spec, channel.tables, channel.functions)
    assert program is not None  # noqa: S101 - a loaded channel has one
    walk = Walk(channel, program, worked, document, book, show)
    walk.walk()
    return walk.steps


class Walk(Looker):
    """One message on its way through a channel; `steps` are those taken so far."""

    def __init__(
        self,
        channel: LoadedChannel,
        program: Program,
        worked: Sequence[WorkedAt],
        document: Document | Resource,
        book: TokenBook,
        show: Show,
    ) -> None:
        super().__init__(worked, show)
        self.steps: list[Step] = []
        self._channel, self._program, self._document = channel, program, document
        self._message = Scope(document, book, program.slots)
        self._scopes: dict[str, list[Scope]] = {"": [self._message]}
        self._made: list[tuple[Effect, Scope]] = []

    def walk(self) -> None:
        """Every step in the pipeline's order, up to the one that ends the message."""
        with suppress(_Stopped):
            self._all()

    def _all(self) -> None:
        spec = self._channel.spec
        self._flags()
        for number, path in enumerate(spec.required):
            self._required(("required", number), path)
        for number, step in enumerate(spec.filters):
            if not step.for_each:
                self._filter(("filters", number), step, self._message)
        for anchor in dict.fromkeys(rule.for_each or "" for rule in spec.effects):
            self._grouped(anchor)
        for number, (rule, compiled) in enumerate(zip(spec.effects, self._program.rules, strict=True)):
            self._rule(("effects", number), rule, compiled)
        self._keys()
        self._course()
        for number, one in enumerate(spec.warnings):
            self._warning(("warnings", number), one)
        look = self._look(("sequence_by",), spec.sequence_by, self._message)
        self._add("order", "sequence_by", ("sequence_by",), conditions=(look,), told=_refusal(look))

    def _add(self, kind: Kind, name: str, place: Place, **rest: Any) -> None:
        spot = self._channel.positions.finding(Problem(place, ""))
        self.steps.append(Step(kind, name, spot.file, spot.line, **rest))

    def _flags(self) -> None:
        raised = self._program.flags.of(self._document, self._program.follows)
        if raised is None:
            return
        told = {"undecided": "refused", "block": "filtered"}.get(raised.obeys, "passed on to nobody")
        self._add("flag", f"privacy flag {raised.place}", ("privacy",), told=told)
        if raised.obeys in ("undecided", "block"):
            raise _Stopped

    def _required(self, place: Place, path: str) -> None:
        look = self._look(place, path, self._message)
        there = bool(look.gave)
        told = _refusal(look) or ("" if there else f"refused: missing-field at {path}")
        self._add("required", path, place, conditions=(look,), held=there, told=told)
        if told:
            raise _Stopped

    def _filter(self, place: Place, step: FilterRule, scope: Scope) -> bool:
        looks = self._conditions(place, step.when, scope)
        held = _all_held(looks)
        told = _refused_in(looks) or ("filtered" if held else "")
        self._add("filter", step.name, place, group=_group(scope), conditions=looks, held=held, told=told)
        if _refused_in(looks) or (held and not step.for_each):
            raise _Stopped
        return held

    def _grouped(self, anchor: str) -> None:
        """The groups of a segment that go on."""
        if not anchor:
            return
        known = self._message.within(_parts(self._document, anchor))
        for number, step in enumerate(self._channel.spec.filters):
            if step.for_each == anchor:
                known = [one for one in known if not self._filter(("filters", number), step, one)]
        self._scopes[anchor] = known

    def _rule(self, place: Place, rule: EffectRule, compiled: Rule) -> None:
        name = rule.name or f"effects[{place[1]}]"
        for scope in self._scopes[rule.for_each or ""]:
            looks = self._conditions(place, rule.when, scope)
            held, refused = _all_held(looks), _refused_in(looks)
            kind = next((word for word in EFFECTS if getattr(rule, word) is not None), "refuse")
            made: tuple[Look, ...] = ()
            if held:
                made = tuple(self._fields(place, kind, rule, scope))
                refused = refused or self._make(compiled, scope)
            self._add(
                "rule", name, place, group=_group(scope), conditions=looks, held=held,
                effect=kind if held else "", made=made, told=refused,
            )  # fmt: skip
            if refused:
                raise _Stopped

    def _make(self, compiled: Rule, scope: Scope) -> str:
        """Why the rule's effect cannot be made, empty when it can."""
        try:
            effect = compiled.make(scope)
        except Unacceptable as error:
            return _refused(error)
        if effect is not None:
            self._made.append((effect, scope))
        return ""

    def _keys(self) -> None:
        """Two effects under one key are refused, where they do not say the same."""
        try:
            self._made = list(each_key_once(list(self._made)))
        except Unacceptable as error:
            self._add("rule", "each key once", ("effects",), held=False, told=_refused(error))
            raise _Stopped from None

    def _course(self) -> None:
        """What the message says of a visit or an appointment, and when that happened."""
        course = self._program.course
        if course is None:
            return
        told = "says nothing of it"
        try:
            _, said = course.read(self._message, self._made, lambda _: "", [])
            if said:
                at = datetime.fromtimestamp(said[0].event.happened / 1_000_000, UTC)
                told = (
                    f"{', '.join(self._show(one.key) for one in said)}, happened {at:%Y-%m-%d %H:%M:%S} UTC"
                )
        except Unacceptable as error:
            told = _refused(error)
        self._add("course", course.rule.of, ("course",), told=told)
        if told.startswith("refused"):
            raise _Stopped

    def _fields(self, place: Place, kind: str, rule: EffectRule, scope: Scope) -> Iterator[Look]:
        spec = getattr(rule, kind)
        given: Mapping[str, Any] = spec.model_dump(exclude_none=True) if hasattr(spec, "model_dump") else {}
        for name, text in given.items():
            at = (*place, kind, name)
            if isinstance(text, str) and at in self._worked:
                yield msgspec.structs.replace(self._look(at, text, scope), field=name)

    def _warning(self, place: Place, one: WarningRule) -> None:
        if (one.for_each or "") not in self._scopes:
            self._grouped(one.for_each or "")
        for scope in self._scopes[one.for_each or ""]:
            looks = self._conditions(place, one.when, scope)
            held = _all_held(looks)
            told = _refused_in(looks) or ("warned" if held else "")
            self._add("warning", one.name, place, group=_group(scope), conditions=looks, held=held, told=told)


def _all_held(looks: Sequence[Look]) -> bool:
    return all(look.held for look in looks)


def _refused(error: Unacceptable) -> str:
    return f"refused: {error.code} at {error.place or '-'}: {error.text}"


def _refusal(look: Look) -> str:
    return f"refused: {look.refused}" if look.refused else ""


def _refused_in(looks: Sequence[Look]) -> str:
    return next((_refusal(look) for look in looks if look.refused), "")


def _group(scope: Scope) -> str:
    part: Any = scope.view
    return f"{part.anchor}[{part.number}]" if scope.outer is not None else ""


def _parts(document: Document | Resource, anchor: str) -> Sequence[Any]:
    return groups(document, anchor) if isinstance(document, Document) else document.groups(anchor)
