"""A channel's `course:` compiled, and what about it cannot be meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from engine.config.finding import Place, Problem
from engine.config.spec import ChannelSpec, CourseSpec
from engine.courses.machine import MACHINES
from engine.courses.replay import CourseRule
from engine.coursing import CourseReader
from engine.transforms.compiling import checked, compile_text
from engine.transforms.expression import Flaw
from engine.transforms.happened import compile_happened
from engine.transforms.scope import Value
from engine.transforms.setting import Setting
from engine.transforms.verb import constant

__all__ = ["check_course", "compile_course"]

_APPOINTMENT_ONLY = ("line_action", "starts")
_NOTHING = constant(None)


def compile_course(
    spec: ChannelSpec, setting: Setting, flawed: Callable[[Place, Flaw], None]
) -> CourseReader | None:
    """What reads a message's say about its course; None without a `course:`, or when something is
    wrong with it, which `flawed` is told."""
    course = spec.course
    if course is None:
        return None
    sound = True

    def value(name: str, compiled: Callable[[str], Value]) -> Value:
        nonlocal sound
        text = getattr(course, name)
        setting.part = name
        try:
            return _NOTHING if text is None else compiled(text)
        except Flaw as flaw:
            flawed(("course", name), flaw)
            sound = False
            return _NOTHING

    reader = CourseReader(
        rule=CourseRule(course.of, _space(spec), course.unknown, course.late),
        key=value("key", lambda text: _token(text, setting)),
        trigger=checked(compile_text("MSH-9.2 or EVN-1", setting, "test")),
        counts_as=value("counts_as", lambda text: checked(compile_text(text, setting, "test"))),
        happened=value("happened", lambda text: compile_happened(text, setting)),
        line_action=value("line_action", lambda text: checked(compile_text(text, setting, "test"))),
        starts=value("starts", lambda text: checked(compile_text(text, setting, "date", datetime))),
    )
    return reader if sound else None


def check_course(spec: ChannelSpec) -> Iterator[Problem]:
    """What the model alone says of a `course:` that cannot be meant."""
    course = spec.course
    if course is None:
        return
    for name in _APPOINTMENT_ONLY:
        if course.of != "appointment" and getattr(course, name) is not None:
            text = f"{name} has no effect here"
            yield Problem(("course", name), text, "it goes with of: appointment", "warning", on_key=True)
    if not _knows_any(spec, course):
        text = "no message that the channel accepts says anything of such a course"
        yield Problem(("course", "of"), text, "encounter is for ADT, appointment for SIU")


def _knows_any(spec: ChannelSpec, course: CourseSpec) -> bool:
    source = spec.source.hl7
    events = {wanted.partition("^")[2] for wanted in source.message_types} if source else set[str]()
    return "" in events or course.counts_as is not None or any(map(MACHINES[course.of].knows, events))


def _space(spec: ChannelSpec) -> str:
    """Where its courses are kept: those of a shadow apart, for what acts knows nothing of them."""
    space = spec.key_space or spec.channel
    return f"shadow:{space}" if spec.shadow else space


def _token(text: str, setting: Setting) -> Value:
    compiled = compile_text(text, setting, "sequence")
    if not compiled.tokens or "" in compiled.tokens:
        raise Flaw("a course is known by a number that becomes a token", 0, "such as PV1-19 or SCH-2")
    return checked(compiled)
