"""What the checks of channel files say: a problem at a place of the file, and what to do about it.

A `Problem` names its place by the path of keys that leads there (`("effects", 0, "charge", "key")`),
as `engine.config.build` and the schema know it; a `Finding` names it by file, line and column, as a
person needs it. `engine.config.positions` turns one into the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

__all__ = ["Finding", "Place", "Problem", "Severity", "merged"]

Place = tuple[str | int, ...]
"""Keys and list indexes from the top of the file; `()` is the file itself."""

Severity = Literal["error", "warning"]


class Problem(msgspec.Struct, frozen=True):
    """Something wrong at `place`. `offset` counts characters into the text that stands there; with
    `on_key` the key itself is meant (`channle: …`), not what it holds. `uses` are the places where
    something is wrong because of it."""

    place: Place
    text: str
    hint: str = ""
    severity: Severity = "error"
    offset: int = 0
    on_key: bool = False
    uses: tuple[Place, ...] = ()


def merged(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, with all its uses."""
    uses: dict[Problem, list[Place]] = {}
    for problem in problems:
        uses.setdefault(msgspec.structs.replace(problem, uses=()), []).extend(problem.uses)
    return [
        msgspec.structs.replace(problem, uses=tuple(dict.fromkeys(places)))
        for problem, places in uses.items()
    ]


class Finding(msgspec.Struct, frozen=True, order=True):
    """A problem with its position; lines and columns count from 1."""

    file: str
    line: int
    column: int
    text: str
    hint: str = ""
    severity: Severity = "error"

    def __str__(self) -> str:
        word = "warning: " if self.severity == "warning" else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {word}{self.text}{hint}"
