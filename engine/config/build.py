"""A channel file's model becomes a program: every expression compiled against the privacy policy.

Nothing stops at the first problem: whatever is wrong is named with its place in the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.config.changes import policy_of
from engine.config.course import compile_course
from engine.config.finding import Place, Problem, merged
from engine.config.lint.fhir import comes, unread
from engine.config.lint.privacy import unread_widening
from engine.config.lint.schedule import schedule_of
from engine.config.lint.values import unused_values
from engine.config.spec import (
    EFFECTS,
    ChannelSpec,
    DestinationSpec,
    EffectRule,
    FilterRule,
    Tests,
    WarningRule,
)
from engine.config.vocabulary import vocabulary
from engine.effects import Effect
from engine.errors import Misconfigured, Unacceptable
from engine.fhir.path import Path as FhirPath
from engine.hl7.path import Path
from engine.model import Lane
from engine.privacy.authorities import Authorities
from engine.privacy.fhir_readers import FhirReaders
from engine.privacy.flags import FhirFlags, Flags, Obeys
from engine.privacy.guard import Guard
from engine.privacy.harvest import Harvester
from engine.privacy.mentions import Mentions, ResourceMentions, V2Mentions
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.program import Filter, Program, Remark, Rule
from engine.transforms.compiling import Compiled, checked, compile_day, compile_text
from engine.transforms.condition import Condition, compile_condition, compile_presence
from engine.transforms.effect import Make, compile_effect
from engine.transforms.expression import Flaw, parse
from engine.transforms.function import Function
from engine.transforms.scope import Scope, Value
from engine.transforms.setting import Read, Setting, Table, Worked
from engine.transforms.values import Values

__all__ = ["Program", "ReadAt", "WorkedAt", "build", "explained", "reads_of"]

T = TypeVar("T")
HEADER = frozenset({"MSH"})
_LET_THROUGH = frozenset({"keep", "keep-code", "number", "scanned"})
"""What a place can be widened to so that its value leaves as it is, or in part."""


Functions = Mapping[str, Function]
_NO_FUNCTIONS: Functions = MappingProxyType({})


def build(
    spec: ChannelSpec, tables: Mapping[str, Table], functions: Functions = _NO_FUNCTIONS
) -> tuple[Program | None, list[Problem]]:
    """The program of a channel and what is wrong with it; no program when that is more than a warning.

    `tables` are the channel's tables that could be read, by name, and so are `functions`."""
    work = _Build(spec, tables, functions)
    program = work.program()
    wrong = any(problem.severity == "error" for problem in work.problems)
    return (None if wrong else program), merged(work.problems)


class ReadAt(NamedTuple):
    """A path that a channel compiles: for which `place` of its file, and where it is `written` (there, or in
    a value that it uses), `offset` characters into that text."""

    place: Place
    written: Place
    offset: int
    read: Read


def reads_of(
    spec: ChannelSpec, tables: Mapping[str, Table], functions: Functions = _NO_FUNCTIONS
) -> list[ReadAt]:
    """Every path that a channel compiles."""
    work = _Build(spec, tables, functions)
    work.program()
    return list(dict.fromkeys(work.reads))


class WorkedAt(NamedTuple):
    """How an expression is worked out, and the `place` of the file that it is for."""

    place: Place
    worked: Worked


def explained(
    spec: ChannelSpec, tables: Mapping[str, Table], functions: Functions = _NO_FUNCTIONS
) -> tuple[Program | None, list[WorkedAt]]:
    """The program of a channel as `build` makes it, and its expressions one by one, which read the scopes of
    that very program."""
    work = _Build(spec, tables, functions)
    program = work.program()
    return program, work.worked


class _Build:
    """One channel on its way to a program, the problems found on the way, and what it reads where."""

    def __init__(self, spec: ChannelSpec, tables: Mapping[str, Table], functions: Functions) -> None:
        self.spec = spec
        self.problems: list[Problem] = []
        self.reads: list[ReadAt] = []
        self.worked: list[WorkedAt] = []
        self.readers = self._readers()
        self.setting = Setting(
            self.readers, tables, _zone(spec), Values(spec.values), spec.valid_on, functions
        )

    def program(self) -> Program | None:
        spec, hl7 = self.spec, self.spec.source.hl7
        for name, flaw in self.setting.values.flaws.items():
            self._flawed(("values", name), flaw)
        for name, text in spec.valid_on.items():
            self._try(("valid_on", name), self._day, text)
        required = [
            self._try(("required", number), self._present, path) for number, path in enumerate(spec.required)
        ]
        filters = [self._filter(("filters", number), step) for number, step in enumerate(spec.filters)]
        remarks = [self._remark(("warnings", number), one) for number, one in enumerate(spec.warnings)]
        rules = [self._rule(("effects", number), rule) for number, rule in enumerate(spec.effects)]
        sequence = self._try(("sequence_by",), self._sequence, spec.sequence_by)
        course = None if self.setting.fhir else compile_course(spec, self.setting, self._flawed)
        self._took(("course",))
        if not self.problems:  # what has a flaw may not have come to its values
            self.problems += unused_values(self.setting.values, spec)
            self.problems += unread_widening(spec, [one.read.path for one in self.reads])
        self.problems += unread(spec, self.readers)
        if sequence is None:
            return None
        anchors = {rule.for_each for rule in spec.effects}
        shadowed = "shadow:" if spec.shadow else ""
        return Program(
            channel=spec.channel,
            lane=Lane[spec.criticality.upper()],
            destinations=tuple(shadowed + name for one in spec.destinations for name in _names(one)),
            acknowledge=hl7.acknowledge if hl7 else "storage",
            filtered="rejected" if hl7 and hl7.filtered == "reject" else "accepted",
            charset=hl7.charset if hl7 else "",
            flags=_flags(spec),
            required=tuple(value for value in required if value is not None),
            filters=tuple(one for one in filters if not one.anchor),
            group_filters=_by_anchor(filters),
            remarks=tuple(remarks),
            rules=tuple(rule for rule in rules if rule is not None),
            sequence=checked(sequence, required=True),
            sequence_each=not sequence.segments.isdisjoint(anchors),
            no_effect=spec.no_effect,
            slots=self.setting.slots,
            guard=Guard(
                vocabulary(spec, self.setting.tables), [one.word for one in spec.privacy.known_words]
            ),
            harvester=Harvester(self.readers.policy if isinstance(self.readers, Readers) else Policy()),
            widened=tuple(f"{one.path}." for one in spec.widen if one.to in _LET_THROUGH),
            validate=spec.validation,
            fragment_timeout=float(hl7.fragment_timeout) if hl7 else 0.0,
            largest=spec.source.door.largest,
            course=course,
            fhir=hl7 is None,
            follows=_follows(self.readers),
            mentions=_mentions(self.readers),
            tenant=spec.tenant,
            shadow=spec.shadow,
            schedule=schedule_of(spec),
        )

    def _filter(self, place: Place, step: FilterRule) -> Filter:
        return Filter(step.name, tuple(self._conditions(place, step.when)), step.for_each or "")

    def _remark(self, place: Place, one: WarningRule) -> Remark:
        return Remark(one.name, tuple(self._conditions(place, one.when)), one.for_each or "")

    def _rule(self, place: Place, rule: EffectRule) -> Rule | None:
        conditions = self._conditions(place, rule.when)
        whole = tuple(one for one in conditions if self._is_whole(one, rule.for_each))
        each = tuple(one for one in conditions if not self._is_whole(one, rule.for_each))
        make: Make | None = None
        for kind in EFFECTS:
            effect = getattr(rule, kind)
            if effect is not None:
                given = effect.model_dump(exclude_none=True)
                space = self.spec.key_space or self.spec.channel
                make, flaws = compile_effect(kind, given, self.setting, space)
                self._took((*place, kind))
                for name, flaw in flaws.items():
                    self._flawed((*place, kind, name), flaw)
        if rule.refuse is not None:
            make = self._refusal((*place, "refuse"), rule.refuse, rule.name or "refused by the channel")
        return None if make is None else Rule(whole, each, rule.for_each or "", make)

    def _is_whole(self, condition: Condition, anchor: str | None) -> bool:
        """Whether a condition is about the message whatever the part that a rule is about."""
        return anchor not in condition.segments if self.setting.fhir else condition.segments == HEADER

    def _refusal(self, place: Place, at: str, text: str) -> Make | None:
        """What refuses a message at a path, in the words of the rule's name."""
        try:
            path = FhirPath.parse(at) if self.setting.fhir else Path.parse(at)
        except Misconfigured as error:
            self.problems.append(Problem(place, error.text, error.hint))
            return None

        def refuse(scope: Scope) -> Effect | None:
            raise Unacceptable("bad-value", scope.view.place(path), text, hl7=207)

        return refuse

    def _conditions(self, place: Place, tests: Tests) -> list[Condition]:
        found = []
        for text, wanted in tests.items():
            try:
                found.append(compile_condition(text, wanted, self.setting))
            except Flaw as flaw:
                self._flawed((*place, "when", text), flaw, on_key=True)
            self._took((*place, "when", text))
        return found

    def _present(self, path: str) -> Value:
        return checked(compile_presence(path, self.setting), required=True)

    def _day(self, text: str) -> Compiled:
        return compile_day(parse(text), self.setting)

    def _sequence(self, text: str) -> Compiled:
        return compile_text(text, self.setting, "sequence")

    def _try(self, place: Place, compiled: Callable[[str], T], text: str) -> T | None:
        try:
            return compiled(text)
        except Flaw as flaw:
            self._flawed(place, flaw)
            return None
        finally:
            self._took(place)

    def _took(self, place: Place) -> None:
        """What was read is for what stands at `place`, or for the part of it that each read names."""
        setting = self.setting
        for read in setting.reads:
            into = (*place, read.part) if read.part else place
            within = setting.values.where(read.offset)
            written, offset = (into, read.offset) if within is None else (("values", *within[0]), within[1])
            self.reads.append(ReadAt(into, written, offset, read))
        self.worked += (WorkedAt((*place, one.part) if one.part else place, one) for one in setting.worked)
        setting.reads.clear()
        setting.worked.clear()
        setting.part = ""

    def _readers(self) -> Readers | FhirReaders:
        """What compiles field paths, with the channel's changes to the policy."""
        authorities = self._authorities()
        policy, problems = policy_of(self.spec)
        self.problems += problems
        if isinstance(policy, Policy):
            return Readers(policy, authorities)
        source = self.spec.source.fhir
        assert source is not None  # noqa: S101 - the policy of FHIR goes with it
        return FhirReaders(
            policy, authorities, self.spec.systems, types=comes(source), releases=source.releases
        )

    def _authorities(self) -> Authorities:
        try:
            return Authorities(self.spec.authorities, self.spec.authority)
        except Misconfigured as error:
            self.problems.append(Problem(("authorities",), error.text, error.hint))
            return Authorities()

    def _flawed(self, place: Place, flaw: Flaw, *, on_key: bool = False) -> None:
        """A flaw of the text at `place`, or of a value that it uses: then it is told where that stands."""
        if any(one.place[:1] == ("valid_on",) and one.text == flaw.text for one in self.problems):
            return  # the day of a table is read wherever the table is
        within = self.setting.values.where(flaw.offset)
        if within is None:
            self.problems.append(Problem(place, flaw.text, flaw.hint, offset=flaw.offset, on_key=on_key))
            return
        tail, offset = within
        named: Place = ("values", *tail)
        uses = () if place == named[:2] else (place,)
        self.problems.append(Problem(named, flaw.text, flaw.hint, offset=offset, uses=uses))


def _flags(spec: ChannelSpec) -> Flags | FhirFlags:
    said: dict[str, Obeys] = dict(spec.privacy.flags.items())
    return Flags(said) if spec.source.fhir is None else FhirFlags(said)


def _follows(readers: Readers | FhirReaders) -> tuple[FhirPath, ...]:
    return tuple(sorted(readers.follows, key=str)) if isinstance(readers, FhirReaders) else ()


def _mentions(readers: Readers | FhirReaders) -> Mentions:
    """What finds the numbers that messages name, whatever the rules read of them."""
    if isinstance(readers, FhirReaders):
        return ResourceMentions(readers.authorities)
    return V2Mentions(readers.policy, readers.authorities, sorted(readers.numbers))


def _by_anchor(filters: Sequence[Filter]) -> dict[str, tuple[Filter, ...]]:
    anchors = {one.anchor for one in filters if one.anchor}
    return {anchor: tuple(one for one in filters if one.anchor == anchor) for anchor in anchors}


def _zone(spec: ChannelSpec) -> tzinfo:
    try:
        return ZoneInfo(spec.source.door.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC  # lint says that there is no such zone


def _names(destination: DestinationSpec) -> Iterator[str]:
    if destination.odoo is not None:
        yield f"odoo:{destination.odoo.connection}"
    if destination.ledger is not None:
        yield f"ledger:{destination.ledger.path}"
    if destination.mllp is not None:
        yield f"mllp:{destination.mllp.connection}"
    if destination.folder is not None:
        yield f"{'folder-batch' if destination.folder.batch else 'folder'}:{destination.folder.path}"
