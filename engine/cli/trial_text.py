"""A trial as text for people: the message, its steps, the effects, the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import typer

from engine.cli.show import words
from engine.workbench.looks import Look
from engine.workbench.masking import Line
from engine.workbench.planned import VERDICTS, ShownPlan
from engine.workbench.steps import Step
from engine.workbench.trial import Tried

__all__ = ["told"]


def told(tried: Tried) -> Iterator[str]:
    """The lines of a trial: what came of it first, then how."""
    yield f"answer: {tried.acknowledgement}"
    yield f"state: {tried.state}" + (f" by {tried.step}" if tried.step else "")
    if tried.reason is not None:
        yield f"reason: {tried.reason.code} at {tried.reason.place or '-'}: {tried.reason.text}"
    for warning in tried.warnings:
        yield f"warning: {words(warning)}"
    if tried.sequence_key:
        yield f"in order with: {tried.sequence_key}"
    yield from _section("the message, and what privacy leaves of it", _tree(tried.tree, tried.odd))
    yield from _section("step by step", (line for step in tried.steps for line in _step(step)))
    yield from _section("effects", map(_indented, tried.effects))
    if tried.plan is not None:
        of = f"{tried.plan.odoo}, Odoo {tried.plan.version}, read only" if tried.plan.odoo else _MADE_UP
        yield from _section(f"what would go to Odoo ({of})", _plan(tried.plan))
    yield from _section("the acknowledgement", tried.answer.splitlines())


def _section(title: str, lines: Iterator[str] | Sequence[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield typer.style(f"── {title}", bold=True)
        yield from found


def _tree(lines: Sequence[Line], odd: Sequence[str]) -> Iterator[str]:
    width = min(max((len(line.path) for line in lines), default=0), 48)
    for line in lines:
        becomes = "" if line.treatment in ("keep", "engine") else f"  [{line.treatment}: {line.row}]"
        yield f"  {line.path:<{width}}  {line.value}  {line.title}{becomes}"
    if odd:
        yield f"  odd but read: {', '.join(odd)}"


def _step(step: Step) -> Iterator[str]:
    came = step.told or (f"makes a {step.effect}" if step.effect else "" if step.held else "does not apply")
    where = f"{step.file.rpartition('/')[2]}:{step.line}"
    about = f" {step.group}" if step.group else ""
    yield f"{step.kind} {step.name}{about} ({where}): {came or 'passes'}"
    for look in step.conditions:
        yield f"    {_look(look)}"
    for look in step.made:
        yield f"    {look.field}: {_look(look)}"


def _look(look: Look) -> str:
    """`FT1-7 → 270001; lookup(items, item) → SUP-1001`, with the expression before it where it has a name or
    several parts."""
    told = look.told
    worked = "; ".join(f"{one.said} → {one.gave or 'nothing'}" for one in told)
    line = worked if len(told) == 1 and told[0].said == look.text else f"{look.text}: {worked}"
    if look.refused:
        return f"{line} (refused: {look.refused})"
    if look.held is None:
        return line
    return f"{line} ({'is' if look.held else 'is not'} {' or '.join(look.wanted)})"


def _plan(plan: ShownPlan) -> Iterator[str]:
    for effect in plan.effects:
        yield f"{effect.kind} {effect.key}: {VERDICTS[effect.verdict]}"
        if effect.reason is not None:
            yield f"    {words(effect.reason)}"
        for line in effect.told:
            yield f"    {line}"
    for call in plan.calls:
        yield f"POST /json/2/{call.model}/{call.method}" + ("" if call.changes else "  (changes nothing)")
        for name, value in call.body.items():
            if name != "data":
                yield f"    {name}: {msgspec.json.encode(value).decode()}"
        for row in call.body.get("data", ()):
            yield f"    data: {msgspec.json.encode(row).decode()}"


_MADE_UP = "made up of what the effects name; --odoo CONNECTION reads a real one"


def _indented(effect: object) -> str:
    return msgspec.json.format(msgspec.json.encode(effect), indent=2).decode()
