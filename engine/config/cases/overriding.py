"""Change single places of an HL7 message, for the cases of a channel's tests."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["Unplaced", "add", "override", "remove"]

_PLACE = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<number>[1-9][0-9]?)\])?-(?P<field>[1-9][0-9]?)"
    r"(?:\[(?P<repetition>[1-9][0-9]?)\])?(?:\.(?P<component>[1-9][0-9]?)(?:\.(?P<subcomponent>[1-9][0-9]?))?)?"
)

_SEGMENT = re.compile(r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<number>[1-9][0-9]?)\])?")


class Unplaced(Exception):
    """The message has no such place."""


def override(message: str, path: str, value: str) -> str:
    """`message` (CR between segments) with `value` at `path`, which is taken as it is: at `PID-3` it
    may hold `^` and `~`, for there it is the whole field.

    Raises `Unplaced` when `path` is no field path or there is no such segment."""
    place = _PLACE.fullmatch(path)
    if place is None:
        raise Unplaced("not a field path such as PID-3.1 or FT1[2]-10")
    lines = message.split("\r")
    at = _line(lines, place["segment"], int(place["number"] or 1))
    separator, marks = lines[0][3], lines[0][4:8].ljust(4, "\0")
    fields = lines[at].split(separator)
    if place["segment"] == "MSH":
        fields.insert(1, separator)
    number = int(place["field"])
    fields += [""] * (number + 1 - len(fields))
    steps = ((marks[1], "repetition"), (marks[0], "component"), (marks[3], "subcomponent"))
    given = [(mark, int(place[name] or 1)) for mark, name in steps]
    while given and not any(place[name] for _, name in steps[len(given) - 1 :]):
        given.pop()  # what is not written is not split
    fields[number] = _replaced(fields[number], given, value)
    if place["segment"] == "MSH":
        del fields[1]
    lines[at] = separator.join(fields)
    return "\r".join(lines)


def remove(message: str, segment: str) -> str:
    """`message` without its segments of this id. Raises `Unplaced` when it has none."""
    lines = message.split("\r")
    _line(lines, segment, 1)
    return "\r".join(line for line in lines if line[:3] != segment)


def add(message: str, after: str, segments: Sequence[str]) -> str:
    """`message` with these segments after the one that `after` names (`FT1` or `FT1[2]`; empty: after all). A
    segment that is such a name itself is a copy of that segment. Raises `Unplaced`."""
    lines = message.split("\r")
    at = len(lines) - 2 if not after else _named(lines, after)
    new = [lines[_named(lines, one)] if _SEGMENT.fullmatch(one) else one for one in segments]
    return "\r".join((*lines[: at + 1], *new, *lines[at + 1 :]))


def _named(lines: list[str], text: str) -> int:
    place = _SEGMENT.fullmatch(text)
    if place is None:
        raise Unplaced("not a segment such as FT1 or FT1[2]")
    return _line(lines, place["segment"], int(place["number"] or 1))


def _line(lines: list[str], segment: str, number: int) -> int:
    found = [at for at, line in enumerate(lines) if line[:3] == segment]
    if len(found) < number:
        raise Unplaced(f"the message has no {segment}" + (f"[{number}]" if number > 1 else ""))
    return found[number - 1]


def _replaced(text: str, steps: list[tuple[str, int]], value: str) -> str:
    """`text` with `value` at the part that `steps` (separator and number, outer first) lead to."""
    if not steps:
        return value
    (mark, number), *deeper = steps
    parts = text.split(mark)
    parts += [""] * (number - len(parts))
    parts[number - 1] = _replaced(parts[number - 1], deeper, value)
    return mark.join(parts)
