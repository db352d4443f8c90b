"""The static proof as a table: every field path that a channel reads, what it is read for, where it goes,
and which row of the policy lets it go there.

A channel reads a message through compiled paths and nothing else, so this list is complete: what is not on
it does not leave. Lint refuses a path that the policy forbids; here stands what it lets pass.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from engine.config.build import ReadAt, reads_of
from engine.config.changes import policy_of
from engine.config.finding import Place, Problem
from engine.config.loading import Examined
from engine.config.spec import ChannelSpec
from engine.privacy.listing import listed
from engine.privacy.rules import PARTIAL
from engine.transforms.setting import Read

__all__ = ["Flow", "flows"]

PASSED_ON = frozenset({"keep", "token", "opdate", *PARTIAL})
_KEYS = ("key", "reverses", "against")


class Flow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One path that is read: `goes` says as what (`key`, `value`, `date`, `condition`, `order`, `course`,
    `required`, `passed on`), `into` where in the file, `through` the verbs on the way, `row` and `letter` of
    the 18 identifiers which row of the table speaks of it."""

    channel: str
    file: str
    line: int
    column: int
    path: str
    goes: str
    into: str
    treatment: str
    row: str
    name: str
    letter: str = ""
    domain: str = ""
    through: tuple[str, ...] = ()


def flows(examined: Examined) -> list[Flow]:
    """What a channel reads, in the order of its file; nothing for one that cannot be understood."""
    spec = examined.spec
    if spec is None:
        return []
    read = [_flow(examined, spec, one) for one in reads_of(spec, examined.tables, examined.functions)]
    return list(dict.fromkeys([*read, *_passed_on(examined, spec)]))


def _flow(examined: Examined, spec: ChannelSpec, at: ReadAt) -> Flow:
    problem = Problem(at.written, "", offset=at.offset, on_key="when" in at.written)
    spot, rule = examined.positions.finding(problem), at.read.rule
    return Flow(
        channel=spec.channel,
        file=spot.file,
        line=spot.line,
        column=spot.column,
        path=at.read.path,
        goes=_goes(at.place, at.read),
        into=_into(spec, at.place),
        treatment=rule.treatment,
        row=rule.row,
        name=rule.name,
        letter=rule.letter.strip("-"),
        domain=rule.domain if rule.treatment == "token" else "",
        through=at.read.through,
    )


def _goes(place: Place, read: Read) -> str:
    if "when" in place:
        return "condition"
    if place[0] in ("sequence_by", "course", "required"):
        return {"sequence_by": "order"}.get(str(place[0]), str(place[0]))
    if place[-1] in _KEYS:
        return "key"
    return "date" if read.use == "date" else "condition" if read.use == "test" else "value"


def _into(spec: ChannelSpec, place: Place) -> str:
    """The place as a person names it: the rule by its name, then the effect's word and its field."""
    first, *rest = place
    if not rest or not isinstance(rest[0], int):
        return ".".join(map(str, place))
    named = getattr(spec, str(first))[rest[0]]
    name = getattr(named, "name", None) or f"{first} {rest[0] + 1}"
    return f"{name}: {'.'.join(str(part) for part in rest[1:] if part != 'when') or first}"


def _passed_on(examined: Examined, spec: ChannelSpec) -> Iterator[Flow]:
    """What `forward:` lets pass of the segments that it names."""
    policy = policy_of(spec)[0]
    for number, rule in enumerate(spec.effects):
        for at, segment in enumerate(rule.forward.segments if rule.forward else ()):
            place: Place = ("effects", number, "forward", "segments", at)
            spot = examined.positions.finding(Problem(place, ""))
            for one in listed(segment, policy) if not segment.startswith("Z") else ():
                if "." in one.path and one.treatment in PASSED_ON:
                    yield Flow(
                        spec.channel, spot.file, spot.line, spot.column, one.path, "passed on",
                        _into(spec, place[:3]), one.treatment, one.row, one.name, one.letter, one.domain,
                    )  # fmt: skip
