"""`wardline test --coverage`: what of a channel and its tables no case came by.

The cases are run once more, step by step (`engine.workbench.steps`), and what they reach is taken off the
list of what there is: rules, filters and warnings, both outcomes of each test, alternatives, arms of a map,
defaults, rows of tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.config.build import WorkedAt, explained
from engine.config.cases.aliases import AliasBook
from engine.config.cases.fhir_rehearsal import ResourceTrial
from engine.config.cases.reading import CaseFile, links_of, message_of, messages_before, read_cases
from engine.config.cases.rehearsal import Trial, trial_of
from engine.config.cases.rows import Varied
from engine.config.cases.running import tests_of
from engine.config.finding import Finding, Place, Problem
from engine.config.loading import LoadedChannel
from engine.config.spec import Tests
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.program import Program
from engine.transforms.setting import Worked
from engine.workbench.steps import Change, Walk
from engine.workbench.unit_rows import unit_rows

__all__ = ["Coverage", "Covered", "coverage_of"]

Key = tuple[Any, ...]
"""What is to be reached, by its kind and what it says: what is written twice is one."""

_LOOKING = ("lookup", "find", "kit")


class Covered(msgspec.Struct, frozen=True):
    """Of one file, a channel's or a table's: how much there is to come by, and what no case came by, where it
    stands."""

    file: str
    items: int
    missed: tuple[Finding, ...]

    @property
    def percent(self) -> float:
        """Of all there is, what some case came by."""
        return _percent(self.items, len(self.missed))


class Coverage(msgspec.Struct, frozen=True):
    """Of some channels and their tables, file by file. A row of a table that several use is come by when a
    case of one of them looks it up."""

    files: tuple[Covered, ...]

    @property
    def percent(self) -> float:
        """Of all there is, what some case came by."""
        return _percent(sum(one.items for one in self.files), sum(len(one.missed) for one in self.files))


def _percent(items: int, missed: int) -> float:
    return 100.0 * (items - missed) / items if items else 100.0


def coverage_of(channels: Sequence[LoadedChannel]) -> Coverage:
    """What the cases beside some channels come by. A case that cannot be run comes by nothing."""
    every: dict[Finding, bool] = {}
    for channel in channels:
        plan = _Plan(channel)
        plan.reached.update(_reached_by_all(channel))
        for key, finding in plan.items.items():
            every[finding] = every.get(finding, False) or key in plan.reached
    files = sorted({finding.file for finding in every})
    return Coverage(tuple(_covered(file, every) for file in files))


def _covered(file: str, every: Mapping[Finding, bool]) -> Covered:
    mine = [finding for finding in every if finding.file == file]
    return Covered(file, len(mine), tuple(sorted(one for one in mine if not every[one])))


def _reached_by_all(channel: LoadedChannel) -> Iterator[Key]:
    file = read_cases(tests_of(channel.path)).cases
    varied, known = Varied(channel), dict[int, tuple[Program, Sequence[WorkedAt]]]()
    for number, case in enumerate(file.cases if file else ()):
        built, problems = varied.with_rows(case.tables, ())
        if file is not None and not problems:
            if id(built) not in known:
                known[id(built)] = _explained(built)
            yield from _reached(built, known[id(built)], file, number)


def _explained(channel: LoadedChannel) -> tuple[Program, Sequence[WorkedAt]]:
    program, worked = explained(channel.spec, channel.tables, channel.functions)
    assert program is not None  # noqa: S101 - a loaded channel has one
    return program, worked


class _Plan:
    """All that there is to come by, with where it stands, and what was reached."""

    def __init__(self, channel: LoadedChannel) -> None:
        self.items: dict[Key, Finding] = {}
        self.reached: set[Key] = set()
        self._channel = channel
        spec = channel.spec
        for filters, one in enumerate(spec.filters):
            self._step("filters", filters, one.name, one.when)
        for warnings, remark in enumerate(spec.warnings):
            self._step("warnings", warnings, remark.name, remark.when)
        for effects, rule in enumerate(spec.effects):
            self._step("effects", effects, rule.name or f"effects[{effects}]", rule.when)
        for place, worked in _explained(channel)[1]:
            self._expression(place, worked)
        for name, table in channel.tables.items():
            path = str(channel.path.parent / spec.tables[name])
            for code in table.keys():  # noqa: SIM118 - no dict
                found = Finding(path, table.lines[code][0], 1, f"no case looks {code} up")
                self.items.setdefault(("row", name, code), found)

    def _expression(self, place: Place, worked: Worked) -> None:
        if any(one.said.encode() not in self._channel.raw for one in worked.alternatives):
            return  # the engine's own
        for key, said in _parts(worked):
            self._add(key, self._home(place, worked), said, on_key="when" in place)

    def _step(self, word: str, number: int, name: str, tests: Tests) -> None:
        self._add(("step", word, number), (word, number), f"{_WORDS[word]} {name}")
        for test in tests:
            place: Place = (word, number, "when", test)
            self._add(("held", place, True), place, f"in no case holds {test}", on_key=True)
            self._add(("held", place, False), place, f"in every case holds {test}", on_key=True)

    def _add(self, key: Key, place: Place, said: str, *, on_key: bool = False) -> None:
        if key not in self.items:
            finding = self._channel.positions.finding(Problem(place, said, on_key=on_key))
            self.items[key] = finding

    def _home(self, place: Place, worked: Worked) -> Place:
        """Where an expression is written: in a value, if one writes all of it."""
        for name, text in self._channel.spec.values.items():
            if isinstance(text, str) and all(
                one.said in text for one in (*worked.alternatives, *worked.verbs)
            ):
                return "values", name
        return place


_WORDS = {
    "filters": "no case is ended by",
    "warnings": "no case is warned of",
    "effects": "no case has an effect of",
}


def _parts(worked: Worked) -> Iterator[tuple[Key, str]]:
    """What there is to come by of one expression."""
    alternatives = tuple(one.said for one in worked.alternatives)
    if len(alternatives) > 1:
        for one in alternatives:
            yield ("or", alternatives, one), f"no case reads {one}"
    before: tuple[str, ...] = alternatives
    for verb in worked.verbs:
        call = _verb_of(verb.said)
        if call.name == "map":
            for arm in call.arguments:
                yield ("map", before, verb.said, arm), f"no case is mapped by {arm}"
        if call.name == "default":
            yield ("default", before, verb.said), f"no case needs the default {call.arguments[0]}"
        before = (*before, verb.said)


class _Verb(NamedTuple):
    """A verb as a stage says it: its name, and what stands between its commas, in front of a colon or all."""

    name: str
    arguments: tuple[str, ...]


def _verb_of(said: str) -> _Verb:
    name, _, rest = said.partition("(")
    return _Verb(name, tuple(one.partition(": ")[0] for one in rest.removesuffix(")").split(", ")))


class _Watch(Walk):
    """A walk that notes what it comes by."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.reached: set[Key] = set()

    def _add(self, kind: Any, name: str, place: Place, **rest: Any) -> None:
        told, held = rest.get("told", ""), rest.get("held", True)
        if held and (place[0] == "effects" or told in ("filtered", "warned")):
            self.reached.add(("step", *place[:2]))
        super()._add(kind, name, place, **rest)

    def _course(self) -> None:
        for place in self._worked:
            if place[0] == "course":
                self._look(place, "", self._message)
        super()._course()

    def _look(self, place: Place, text: str, scope: Any, wanted: Any = ()) -> Any:
        look = super()._look(place, text, scope, wanted)
        if look.held is not None and not look.refused:
            self.reached.add(("held", place, look.held))
        changes = list(look.changes)
        for worked in self._worked[place]:
            many = len(worked.alternatives) + len(worked.verbs)
            self.reached.update(_come_by(worked, changes[:many]))
            self.reached.update(self._converted(worked, changes[len(worked.alternatives) : many], scope))
            changes = changes[many:]
        return look

    def _converted(self, worked: Worked, changes: Sequence[Change], scope: Any) -> Iterator[Key]:
        """Rows of units that quantities were converted by."""
        for stage, change in zip(worked.verbs, changes, strict=False):
            call = _verb_of(stage.said)
            table = self._channel.tables.get(call.arguments[2]) if len(call.arguments) > 2 else None
            if call.name == "convert" and table is not None and change.gave:
                yield from (
                    ("row", call.arguments[2], code) for code in unit_rows(stage.asked[:2], table, scope)
                )


def _come_by(worked: Worked, changes: Sequence[Change]) -> Iterator[Key]:
    """What of an expression a message came by; `changes` are as many of its parts as were worked out."""
    alternatives = tuple(one.said for one in worked.alternatives)
    read = changes[: len(alternatives)]
    value = next((one.gave for one in read if one.gave), "")
    for one in read:
        if one.gave:
            yield "or", alternatives, one.said
            break
    before = alternatives
    for change in changes[len(alternatives) :]:
        yield from _verb(_verb_of(change.said), change.said, before, value, read)
        before, value = (*before, change.said), change.gave


def _verb(call: _Verb, said: str, before: Key, value: str, read: Sequence[Change]) -> Iterator[Key]:
    if call.name == "map" and value:
        yield "map", before, said, value if value in call.arguments else "else"
    elif call.name == "default" and not value:
        yield "default", before, said
    elif call.name in _LOOKING:
        yield from (("row", call.arguments[0], code) for code in (value, *(one.gave for one in read)))


def _reached(
    channel: LoadedChannel, known: tuple[Program, Sequence[WorkedAt]], file: CaseFile, number: int
) -> Iterator[Key]:
    """What one case comes by, with the messages before it."""
    book = AliasBook()
    trial, folder, fhir = trial_of(channel, book), channel.path.parent, channel.spec.source.fhir
    if isinstance(trial, ResourceTrial) and fhir is not None:
        for raw, problem in links_of(file, folder, number, fhir):
            if problem is None:
                trial.know(raw)
    for raw, problem in (
        *messages_before(file, folder, number, fhir),
        message_of(file, folder, number, fhir),
    ):
        if problem is None and trial.say(raw).state not in ("quarantined", "refused"):
            yield from _walked(channel, known, trial, raw, book)


def _walked(
    channel: LoadedChannel,
    known: tuple[Program, Sequence[WorkedAt]],
    trial: Trial | ResourceTrial,
    raw: bytes,
    book: AliasBook,
) -> set[Key]:
    program, worked = known
    document: Document | Resource
    if isinstance(trial, ResourceTrial):
        document = trial.document(raw)
    else:
        document = Document.parse(raw, default_charset=program.charset)
    book.start(0, program.tenant)
    watch = _Watch(channel, program, worked, document, book, _text)
    watch.walk()
    return watch.reached


def _text(value: Any) -> str:
    return "" if value is None else str(value)
