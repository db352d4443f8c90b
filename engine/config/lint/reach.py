"""Checks of rules, filters and warnings that no message ever meets, and of messages that no rule meets.

What is found is certain for every message, whatever it holds: conditions that exclude each other, a text that
no verb or table gives, a filter that ends first whatever a rule is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.config.finding import Place, Problem
from engine.config.lint.asked import Asked, asked, contradictory, follows
from engine.config.lint.outcomes import outcomes
from engine.config.spec import ChannelSpec, Tests
from engine.courses.machine import MACHINES
from engine.transforms.setting import Table
from engine.transforms.values import Values
from engine.transforms.wording import listed, meant

__all__ = ["check_reach"]

EVENT_TESTS = ("MSH-9.2", "EVN-1")
"""Paths that hold the trigger event."""

_TYPES, _EVENT = ("MSH-9.1", "MSH-9"), "MSH-9.2"

Sort = tuple[str, str]
"""A message type and its event; an empty event is any."""


class Step(NamedTuple):
    """A filter, warning or rule: where it stands, its name, the groups it is of, and what it asks."""

    place: Place
    name: str
    anchor: str
    tests: list[Asked]


def check_reach(spec: ChannelSpec, tables: Mapping[str, Table]) -> Iterator[Problem]:
    """Steps that nothing reaches, and message types that reach nothing."""
    values, sorts = Values(spec.values), _sorts(spec)
    filters = [
        _step(("filters", at), one.name, one.for_each, one.when, values)
        for at, one in enumerate(spec.filters)
    ]
    warnings = [
        _step(("warnings", at), one.name, one.for_each, one.when, values)
        for at, one in enumerate(spec.warnings)
    ]
    rules = [
        _step(("effects", at), one.name or "", one.for_each, one.when, values)
        for at, one in enumerate(spec.effects)
    ]
    there = asked(dict.fromkeys(spec.required, "present"), values)
    for step in (*filters, *warnings, *rules):
        yield from _required(step, there)
    for number, step in enumerate(filters):
        yield from _unmet(step, filters[:number], sorts, tables)
    for step in (*warnings, *rules):
        yield from _unmet(step, filters, sorts, tables)
    if not any(True for step in (*filters, *rules) for _ in _never(step, sorts)):
        yield from _about_nothing(spec, sorts, [*filters, *rules])


def _unmet(
    step: Step, filters: Sequence[Step], sorts: Sequence[Sort], tables: Mapping[str, Table]
) -> Iterator[Problem]:
    """Why no message comes to a step, or to one of its conditions."""
    problems = [*_never(step, sorts), *_at_odds(step), *_not_given(step, tables)]
    yield from problems or _ended(step, filters, sorts)


def _step(place: Place, name: str, anchor: str | None, when: Tests, values: Values) -> Step:
    return Step(place, name, anchor or "", asked(when, values))


def _sorts(spec: ChannelSpec) -> list[Sort]:
    """The sorts of messages that come here; none when that is not of HL7 v2."""
    source = spec.source.hl7
    listed_types = source.message_types if source is not None else []
    return [(wanted.partition("^")[0], wanted.partition("^")[2]) for wanted in listed_types]


def _met(step: Step, sort: Sort) -> bool:
    """Whether a message of this sort can meet the conditions about type and event."""
    return all(_held(test, sort) is not False for test in step.tests)


def _held(test: Asked, sort: Sort) -> bool | None:
    """Whether every message of this sort meets a condition about type or event; None: it depends."""
    if not isinstance(test.wanted, frozenset):
        return None
    if test.written in _TYPES:
        return sort[0] in test.wanted
    if test.written in EVENT_TESTS and sort[1]:
        meets = sort[1] in test.wanted
        return meets if test.written == _EVENT or not meets else None  # EVN-1 may be left empty
    return None


def _never(step: Step, sorts: Sequence[Sort]) -> Iterator[Problem]:
    """Conditions about type and event that no accepted message meets."""
    if not sorts or any(_met(step, sort) for sort in sorts):
        return
    about = [test for test in step.tests if test.written in (*_TYPES, *EVENT_TESTS)]
    alone = [test for test in about if not any(_held(test, sort) is not False for sort in sorts)]
    for test in alone or about[-1:]:
        what = "type" if test.written in _TYPES else "event"
        has = sorted({sort[what == "event"] for sort in sorts})
        text = f"no message that the channel accepts has this {what}"
        text += "" if alone else " together with the other condition"
        yield Problem((*step.place, "when", test.text), text, f"message_types has {listed(has)}")


def _at_odds(step: Step) -> Iterator[Problem]:
    """Conditions of one step that exclude each other."""
    for number, test in enumerate(step.tests):
        for other in step.tests[:number]:
            if contradictory(test, other):
                text = f"this never holds together with {other.text}"
                hint = "all conditions must hold: nothing meets both"
                yield Problem((*step.place, "when", test.text), text, hint, on_key=True)


def _required(step: Step, there: Sequence[Asked]) -> Iterator[Problem]:
    """Conditions for want of a field that every message has, or is refused."""
    for test in step.tests if not step.anchor else ():
        for field in there:
            if contradictory(test, field):
                text = f"required: has {field.text}, so it is never absent"
                yield Problem((*step.place, "when", test.text), text, "remove one of the two", on_key=True)


def _not_given(step: Step, tables: Mapping[str, Table]) -> Iterator[Problem]:
    """Texts that the expression never gives, and emptiness that it never has."""
    for test in step.tests:
        place: Place = (*step.place, "when", test.text)
        gives = outcomes(test.expression, tables)
        if test.wanted is False and not gives.empty:
            yield Problem(place, "it is never empty", "default() gives a text where nothing is")
        elif isinstance(test.wanted, frozenset) and gives.words is not None:
            by = f"the table {gives.table} has" if gives.table else "this gives"
            for word in sorted(test.wanted - gives.words):
                severe = test.wanted.isdisjoint(gives.words) and not gives.table
                hint = meant(word, sorted(gives.words))
                yield Problem(place, f"{by} no {word}", hint, "error" if severe else "warning")


def _ended(step: Step, filters: Sequence[Step], sorts: Sequence[Sort]) -> Iterator[Problem]:
    """A step of which filters end everything first."""
    by: list[str] = []
    for sort in [sort for sort in sorts if _met(step, sort)] or [("", "")]:
        found = next((one.name for one in filters if _ends(one, step, sort)), None)
        if found is None:
            return
        by.append(found)
    names = listed(dict.fromkeys(by))
    text = (
        f"the filter{'s' if ', ' in names else ''} {names} end{'' if ', ' in names else 's'} it first, always"
    )
    hint = "remove it, or narrow the filter"
    severe = step.place[0] == "effects"
    yield Problem(step.place, text, hint, "error" if severe else "warning")


def _ends(one: Step, step: Step, sort: Sort) -> bool:
    """Whether a filter ends everything of this sort that would meet the conditions of a later step."""
    if one.anchor not in ("", step.anchor) or not one.tests:
        return False
    same = one.anchor == step.anchor
    known = [test for test in step.tests if same or test.only_header]
    return all(
        _held(test, sort) is True or ((same or test.only_header) and follows(test, known))
        for test in one.tests
    )


def _about_nothing(spec: ChannelSpec, sorts: Sequence[Sort], steps: Sequence[Step]) -> Iterator[Problem]:
    """Message types that no filter, rule or course is about."""
    if not all(event for _, event in sorts):
        return
    for number, sort in enumerate(sorts):
        known = spec.course is not None and MACHINES[spec.course.of].knows(sort[1])
        if not known and not any(_met(step, sort) for step in steps):
            text, hint = "it is accepted, but no rule is about it", "add a rule or remove it"
            yield Problem((*spec.source.place, "message_types", number), text, hint, "warning")
