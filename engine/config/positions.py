"""Where the keys and values of a channel stand: in its file, and in those that are laid over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.config.finding import Finding, Place, Problem

__all__ = ["Positions", "Spot"]


class Spot(NamedTuple):
    """Where a node starts (from 1), and how many columns further its text does: 1 when it is quoted;
    -1 when it is a block, whose text starts on the next line. `within` is the file, where it is another."""

    line: int
    column: int
    inset: int = 0
    within: Positions | None = None


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
        shown = (spot.within or self).shown
        text = problem.text + self._used(problem.uses, shown)
        return Finding(shown, spot.line, spot.column, text, problem.hint, problem.severity)

    def line(self, place: Place) -> int:
        """The line on which `place` (or what holds it) stands."""
        return self.finding(Problem(place, "")).line

    def take(self, place: Place, other: Positions, there: Place) -> None:
        """From now on what is at `place`, with all below it, stands in another file: at `there`."""
        for mine, theirs in ((self.keys, other.keys), (self.values, other.values)):
            for at in [at for at in mine if at[: len(place)] == place]:
                del mine[at]
            for at, spot in theirs.items():
                if at[: len(there)] == there:
                    mine[(*place, *at[len(there) :])] = spot._replace(within=spot.within or other)

    def _used(self, places: Sequence[Place], shown: str) -> str:
        found = {self.finding(Problem(place, "")) for place in places}
        at = sorted({(one.file != shown, one.file, one.line) for one in found})
        lines = [f"{line} of {file}" if elsewhere else str(line) for elsewhere, file, line in at]
        if not lines:
            return ""
        return f", used on line{'s' if len(lines) > 1 else ''} {', '.join(lines)}"

    def _find(self, problem: Problem) -> Spot | None:
        return (self.keys if problem.on_key else self.values).get(problem.place)

    def _inside(self, spot: Spot, offset: int) -> Spot:
        if spot.inset >= 0:
            return spot._replace(column=spot.column + spot.inset + offset)
        for line, row in enumerate((spot.within or self).rows[spot.line :], spot.line + 1):
            text = row.strip()
            if offset <= len(text):
                return spot._replace(line=line, column=len(row) - len(row.lstrip()) + offset + 1)
            offset -= len(text) + 1  # lines are folded into one, with a blank between
        return spot._replace(line=spot.line + 1, column=1)
