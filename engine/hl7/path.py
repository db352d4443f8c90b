"""Field paths: `PID-3.1`, `PID-3[2].4.1`, `FT1[3]-7.2`, `PV1-19`.

`segment[occurrence]-field[repetition].component.subcomponent`, all counted from 1, each of the last
four 1 when not written. So `PID-5` reads component 1, sub-component 1 of the first repetition: to
HL7 a simple value *is* the first component. Whole lists are read with `Document.repetitions`.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

from engine.errors import Misconfigured

__all__ = ["Path"]

_PATH = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>[1-9][0-9]{0,3})\])?"
    r"-(?P<field>[1-9][0-9]{0,2})(?:\[(?P<repetition>[1-9][0-9]{0,2})\])?"
    r"(?:\.(?P<component>[1-9][0-9]?)(?:\.(?P<subcomponent>[1-9][0-9]?))?)?",
    re.ASCII,
)


class Path(msgspec.Struct, frozen=True):
    """One place in a message. Compiled once, read often: `document.value(path)`."""

    segment: str
    field: int
    component: int = 1
    subcomponent: int = 1
    repetition: int = 1
    occurrence: int = 1
    text: str = ""

    def __str__(self) -> str:
        return self.text

    @staticmethod
    @lru_cache(maxsize=4096)
    def parse(text: str) -> Path:
        """The path that `text` writes. Raises `Misconfigured`: paths come from channel files."""
        found = _PATH.fullmatch(text)
        if found is None:
            raise Misconfigured("not a field path", hint="write it like PID-3.1, PID-3[2].4 or FT1[2]-7.1")
        numbers = {name: int(part) for name, part in found.groupdict().items() if part and name != "segment"}
        return Path(segment=found["segment"], text=text, **numbers)
