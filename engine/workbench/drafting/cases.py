"""First cases of a drafted channel: what its samples come to, with made-up people, and what follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from engine.config.cases.overriding import override
from engine.config.cases.rehearsal import Rehearsal, trial_of
from engine.config.loading import LoadedChannel
from engine.hl7.document import Document
from engine.hl7.path import Path
from engine.workbench.drafting.families import Derived, Family
from engine.workbench.drafting.samples import Sample, kind_of
from engine.workbench.drafting.synthetic import MADE_UP, Synthesizer
from engine.workbench.drafting.writing import block, flow, line, scalar

__all__ = ["Outcome", "Shown", "cases_of", "outcome", "written"]

MOST = 12
"""Cases that samples make: from then on they say nothing new."""

_STRUCTURE = """
    MSH EVN PID PV1 MRG ORC OBR RGS AIS AIG AIL FT1 PR1 RQD RQ1 RXO RXE RXD RXA TQ1 SCH
    MFI MFE ITM STZ VND PKG IVT ILT IIM CDM PRC
"""
STRUCTURE = frozenset(_STRUCTURE.split())
"""Segments that groups are found by, or that cases are usually about."""


_STRUCTURES = {"ADT": "^ADT_A01", "SIU": "^SIU_S12"}
_TIME = re.compile(r"[0-9]+")
_FORMS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


class Outcome(NamedTuple):
    """What became of a message, in a few words."""

    state: str
    words: str


class Shown(NamedTuple):
    """A case as it is written, and the message that it names with its text (empty for one that is there).
    Of FHIR, `links` are resources that are there, by name and text."""

    name: str
    message: str
    text: str
    changes: Mapping[str, str]
    after: Sequence[str]
    got: Rehearsal
    never: Sequence[str]
    links: Sequence[tuple[str, str]] = ()
    release: str = ""


def outcome(got: Rehearsal) -> Outcome:
    """In the words of a person: `charge, consume`; `refused: missing-field at FT1[1]-2`."""
    if got.reason is not None:
        place = f" at {got.reason.place}" if got.reason.place else ""
        return Outcome(got.state, f"refused: {got.reason.code}{place}")
    if got.state == "filtered":
        return Outcome(got.state, f"filtered by {got.step}")
    kinds = [kind for effect in got.effects for kind in effect]
    counted = [
        f"{kinds.count(kind)} x {kind}" if kinds.count(kind) > 1 else kind for kind in dict.fromkeys(kinds)
    ]
    return Outcome(got.state, ", ".join(counted) or got.state)


def cases_of(
    channel: LoadedChannel, family: Family, samples: Sequence[Sample], read: Iterable[str]
) -> tuple[list[Shown], list[tuple[str, Outcome]], list[str]]:
    """The cases of a channel, what each sample came to, and samples of which no case could be made. `read`
    are the segments that the channel reads."""
    synthesizer = Synthesizer(sample.document for sample in samples)
    segments = STRUCTURE.union(read)
    cases: list[Shown] = []
    came: list[tuple[str, Outcome]] = []
    lost: list[str] = []
    known: set[tuple[str, str]] = set()
    for sample in samples:
        got = trial_of(channel).say(sample.raw)
        came.append((sample.name, outcome(got)))
        signature = kind_of(sample.document), outcome(got).words
        if signature in known or len(known) >= MOST:
            continue
        known.add(signature)
        made = _made(channel, synthesizer, sample, got, segments)
        if made is None:
            lost.append(
                f"{sample.name}: with a made-up identity it comes to something else; no case is made of it"
            )
        else:
            cases.append(_named(made, sample, cases))
    for one in family.derived:
        cases += _derived(channel, one, cases)
    return cases, came, lost


def _made(
    channel: LoadedChannel, synthesizer: Synthesizer, sample: Sample, got: Rehearsal, segments: frozenset[str]
) -> Shown | None:
    """The sample with a made-up identity, which must come to the same: with the segments that matter, or
    all."""
    for wanted in (segments, None):
        text = synthesizer.of(sample.document, wanted)
        again = trial_of(channel).say(_raw(text))
        if outcome(again) == outcome(got):
            return Shown("", "", text, {}, (), again, _never(synthesizer, text, again))
    return None


def _named(made: Shown, sample: Sample, cases: Sequence[Shown]) -> Shown:
    kind = kind_of(sample.document)
    plain = "".join(one if one.isalnum() else "-" for one in kind.lower()) or "message"
    said = outcome(made.got).words
    names, messages = {case.name for case in cases}, {case.message for case in cases}
    name = f"{kind} as it was sampled: {said}"
    message = next(one for n in range(1, 99) if (one := plain if n == 1 else f"{plain}-{n}") not in messages)
    return made._replace(name=name if name not in names else f"{name} ({len(cases) + 1})", message=message)


def _never(synthesizer: Synthesizer, text: str, got: Rehearsal) -> list[str]:
    words = [word for word in (*MADE_UP, *synthesizer.made) if len(word) > 3 and word in text]
    return [word for word in dict.fromkeys(words) if word not in got.outgoing]


def _derived(channel: LoadedChannel, one: Derived, cases: Sequence[Shown]) -> Iterator[Shown]:
    """The case that follows from the first sample of which it does, if there is one."""
    types = set(channel.spec.source.hl7.message_types) if channel.spec.source.hl7 else set()
    for case in [case for case in cases if case.text and case.got.state == "effects"]:
        document = Document.parse(_raw(case.text))
        kind = f"{document.header.type}^{one.event}"
        if one.event and (kind not in types or document.header.event == one.event):
            continue
        changes = _changes(document, one)
        if changes is None:
            continue
        text = "\r".join(case.text.splitlines())
        for path, value in changes.items():
            text = override(text, path, value)
        trial = trial_of(channel)
        if one.after:
            trial.say(_raw(case.text))
        got = trial.say(_raw(text))
        kinds = {word for effect in got.effects for word in effect}
        if one.wanted in kinds or (got.state == one.wanted and not kinds):
            yield Shown(one.name, case.message, "", changes, [case.message] if one.after else [], got, ())
            return


def _changes(document: Document, one: Derived) -> dict[str, str] | None:
    """What is different in the derived message; None where the sample has no such segment."""
    if any(not document.positions(path[:3]) for path in one.changes):
        return None
    changes = _retyped(document, one.event) | _put_off(document, one.later)
    for path, value in one.changes.items():
        segment, _, field = path.partition("-")
        for number in range(1, len(document.positions(segment)) + 1):
            changes[f"{segment}[{number}]-{field}" if number > 1 else path] = value
    return changes


def _retyped(document: Document, event: str) -> dict[str, str]:
    """A message of its own, sent later; of another event if there is one."""
    header, later = document.header, _later(document.header.sent_at)
    changes = {"MSH-7": later} if later else {}
    changes["MSH-10"] = f"{header.field(10).decode('ascii', 'replace')}-{event or 'B'}"
    if event:
        changes["MSH-9"] = f"{header.type}^{event}{_STRUCTURES.get(header.type, '')}"
        happened = [path for path in ("EVN-2", "EVN-6") if document.value(Path.parse(path))]
        changes |= dict.fromkeys(happened if later else (), later)
    return changes


def _put_off(document: Document, paths: Iterable[str]) -> dict[str, str]:
    """These times a day later, where there are any."""
    texts = ((path, document.value(Path.parse(path))) for path in paths)
    return {path: later for path, text in texts if isinstance(text, str) and (later := _later(text, days=1))}


def _later(time: str, days: int = 0) -> str:
    """Two hours (and `days`) after a time, as precise as it; empty for what is none."""
    found = _TIME.match(time)
    form = found and _FORMS.get(len(found[0]))
    if not found or not form:
        return ""
    try:
        then = datetime.strptime(found[0], form) + timedelta(days=days, hours=2)  # noqa: DTZ007 - no zone needed
    except (ValueError, OverflowError):
        return ""
    return f"{then:{form}}{time[found.end() :]}"


def _raw(text: str) -> bytes:
    return ("\r".join(text.splitlines()) + "\r").encode()


def written(channel: str, cases: Sequence[Shown], said: str) -> str:
    """The test file."""
    lines = [
        f"# Cases of {channel}.yaml. Run them with `wardline test`.",
        f"# {said} All people in them are made up. Look through what they expect: it is what came out.",
        "messages:",
    ]
    texts = {name: text for case in cases for name, text in ((case.message, case.text), *case.links) if text}
    for name, text in texts.items():
        lines += [f"  {name}: |", *(f"    {segment}" for segment in text.splitlines()), ""]
    lines.append("cases:")
    for case in cases:
        lines += [*_case(case), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _case(case: Shown) -> Iterator[str]:
    yield f"  - name: {line(case.name)}"
    if case.after:
        yield f"    after: {flow(list(case.after))}"
    yield f"    message: {scalar(case.message)}"
    if case.links:
        yield f"    links: {flow([name for name, _ in case.links])}"
    if case.release:
        yield f"    release: {case.release}"
    if case.changes:
        yield f"    with: {flow(case.changes)}"
    yield "    expect:"
    yield from _expected(case.got, "      ")
    if case.never:
        yield f"      never_contains: {flow(list(case.never))}"


def _expected(got: Rehearsal, indent: str) -> Iterator[str]:
    yield f"{indent}acknowledgement: {got.code}"
    if got.state != "effects":
        yield f"{indent}state: {got.state}"
    if got.step:
        yield f"{indent}step: {scalar(got.step)}"
    if got.reason is not None:
        said: dict[str, Any] = {"code": got.reason.code.value}
        yield f"{indent}reason: {flow(said | ({'place': got.reason.place} if got.reason.place else {}))}"
    if got.sequence_key:
        yield f"{indent}sequence_key: {scalar(got.sequence_key)}"
    if got.effects:
        yield f"{indent}effects:"
        for kind, fields in ((kind, fields) for effect in got.effects for kind, fields in effect.items()):
            yield f"{indent}  - {kind}:"
            yield from block(fields, f"{indent}      ")
    if got.warnings:
        texts = [f"{one.text} at {one.place}" if one.place else one.text for one in got.warnings]
        yield f"{indent}warnings: {flow(texts)}"
