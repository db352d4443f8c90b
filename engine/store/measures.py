"""The history of what was counted, and the last values of what goes up and down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from engine.store.contracts.measures import SPANS, Last, Measured, Span
from engine.store.database import Database, insert
from engine.store.part import Part

__all__ = ["Measures"]

_DAY: Final = 86400
KEPT: Final[dict[Span, int]] = {60: 2 * _DAY, 3600: 60 * _DAY, 86400: 3 * 365 * _DAY}
"""Seconds that spans are kept."""

_LATEST_KEPT: Final = 365 * _DAY
_PER_DELETE: Final = 120  # spans that one statement removes: a commit in which others wait must be short

# Each delta goes into all three spans at once: nothing has to be rolled up, and the hour under way is exact.
_ADD: Final = "INSERT INTO measures (span, at, series, value) VALUES "
_ADDED: Final = " ON CONFLICT (span, at, series) DO UPDATE SET value = measures.value + excluded.value"
_SAY: Final = "INSERT INTO latest (series, value, at) VALUES "
_SAID: Final = " ON CONFLICT (series) DO UPDATE SET value = excluded.value, at = excluded.at"


class Measures(Part):
    """The verbs of who measures and who looks."""

    def measure(self, counted: Mapping[str, float], latest: Mapping[str, float], *, at: float) -> None:
        """`MeasureStore.measure`."""
        added: list[Any] = []
        for span in SPANS:
            began = int(at // span) * span
            for series in sorted(counted):  # in one order: writers that wait for each other's rows never meet
                added += (span, began, series, counted[series])
        said = [value for series in sorted(latest) for value in (series, latest[series], at)]
        if not added and not said:
            return
        with self._database.write() as work:
            insert(work, _ADD, 4, added, _ADDED)
            insert(work, _SAY, 3, said, _SAID)

    def measures(self, names: Sequence[str], *, span: Span, since: float, until: float) -> list[Measured]:
        """`MeasureStore.measures`."""
        which, wanted = _of(names)
        query = "SELECT series, at, value FROM measures WHERE span = ? AND at >= ? AND at < ?"
        with self._database.read() as work:
            rows = work.rows(f"{query}{which} ORDER BY at, series", (span, int(since), int(until), *wanted))
        return [Measured(*row) for row in rows]

    def last_values(self, names: Sequence[str] = ()) -> dict[str, Last]:
        """`MeasureStore.last_values`."""
        which, wanted = _of(names)
        with self._database.read() as work:
            rows = work.rows(f"SELECT series, value, at FROM latest WHERE 1 = 1{which}", wanted)
        return {series: Last(value, at) for series, value, at in rows}

    def drop_measures(self, now: float) -> int:
        """`MeasureStore.drop_measures`."""
        dropped = 0
        for span, kept in KEPT.items():
            while gone := _dropped(self._database, span, int(now - kept)):
                dropped += gone
        with self._database.write() as work:
            return dropped + work.run("DELETE FROM latest WHERE at < ?", (now - _LATEST_KEPT,))


def _dropped(database: Database, span: Span, before: int) -> int:
    """Remove the oldest of them; how many went."""
    with database.write() as work:
        first: int | None = work.rows("SELECT min(at) FROM measures WHERE span = ?", (span,))[0][0]
        if first is None or first >= before:
            return 0
        upto = min(before, first + _PER_DELETE * span)
        return work.run("DELETE FROM measures WHERE span = ? AND at < ?", (span, upto))


def _of(names: Sequence[str]) -> tuple[str, list[Any]]:
    """The condition that a series is of one of these metrics."""
    if not names:
        return "", []
    either = " OR ".join(["series = ? OR substr(series, 1, ?) = ?"] * len(names))
    return f" AND ({either})", [word for name in names for word in (name, len(name) + 1, f"{name}{{")]
