"""Where the keys and values of a file stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.config.finding import Finding, Place, Problem

__all__ = ["Positions", "Spot"]


class Spot(NamedTuple):
    """Where a node starts (from 1), and how many columns further its text does: 1 when it is quoted;
    -1 when it is a block, whose text starts on the next line."""

    line: int
    column: int
    inset: int = 0


class Positions:
    """Where every key and value of a file stands; `rows` are its lines."""

    def __init__(self, shown: str, rows: Sequence[str] = ()) -> None:
        self.shown = shown
        self.rows = rows
        self.keys: dict[Place, Spot] = {}
        self.values: dict[Place, Spot] = {(): Spot(1, 1)}

    def finding(self, problem: Problem) -> Finding:
        """`problem` with its position; a place that is not in the file is looked for further up."""
        place, spot, offset = problem.place, self._find(problem), problem.offset
        while spot is None:
            place, offset = place[:-1], 0
            spot = self.keys.get(place) or self.values.get(place)
        if offset:
            spot = self._inside(spot, offset)
        text = problem.text + self._used(problem.uses)
        return Finding(self.shown, spot.line, spot.column, text, problem.hint, problem.severity)

    def line(self, place: Place) -> int:
        """The line on which `place` (or what holds it) stands."""
        return self.finding(Problem(place, "")).line

    def _used(self, places: Sequence[Place]) -> str:
        lines = [str(line) for line in sorted({self.line(place) for place in places})]
        if not lines:
            return ""
        return f", used on line{'s' if len(lines) > 1 else ''} {', '.join(lines)}"

    def _find(self, problem: Problem) -> Spot | None:
        return (self.keys if problem.on_key else self.values).get(problem.place)

    def _inside(self, spot: Spot, offset: int) -> Spot:
        if spot.inset >= 0:
            return Spot(spot.line, spot.column + spot.inset + offset)
        for line, row in enumerate(self.rows[spot.line :], spot.line + 1):
            text = row.strip()
            if offset <= len(text):
                return Spot(line, len(row) - len(row.lstrip()) + offset + 1)
            offset -= len(text) + 1  # lines are folded into one, with a blank between
        return Spot(spot.line + 1, 1)
