"""What a line of the log tells beside counts: what no word of a message may be found in.

A signal's documented numbers (`engine.telemetry`: how many, how long, which) and the moment of the line are
honest, and the same digits may stand in a message: a quantity, a version. They are left out as long as they
are short. A long number in the place of one is held against the messages like all else, and so is every text,
every field that the signal does not have, and every line that is no signal.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec

from engine.telemetry import Signal

SHORT = 6
"""Characters from which a number is no coincidence: of a person, a visit, a day."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_PORT = re.compile(r"(?<=127\.0\.0\.1):\d+")


def told_in(line: str) -> str:
    """The line without what is honest."""
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict):
        return line
    numbers = _numbers().get(str(record.get("event")), frozenset())
    kept = {name: value for name, value in record.items() if not (name in numbers and _is_short(value))}
    if _MOMENT.fullmatch(str(kept.get("timestamp"))):
        del kept["timestamp"]
    return _PORT.sub("", json.dumps(kept, ensure_ascii=False))


def _is_short(value: Any) -> bool:
    return isinstance(value, int | float) and len(str(value)) < SHORT


@cache
def _numbers() -> dict[str, frozenset[str]]:
    """The names of the numeric fields, by what the line begins with."""
    found: dict[str, frozenset[str]] = {}
    for kind in _kinds(Signal):
        fields = {field.name for field in msgspec.structs.fields(kind) if field.type in (int, float, bool)}
        for event in {kind.text, kind.__name__} - {""}:
            found[event] = found.get(event, frozenset()) | fields
    return found


def _kinds(of: type[Signal]) -> Iterator[type[Signal]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)
