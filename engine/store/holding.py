"""What a person stopped, and the few words by which everybody else goes by it."""

from __future__ import annotations

from typing import Final

from engine.auditing import Entry
from engine.store.contracts.holding import Hold, HoldKind
from engine.store.database import Work
from engine.store.part import Part
from engine.store.trail import TURN, append

__all__ = ["DELIVERED", "ROUTED", "Holding", "is_held"]

_HELD: Final = "SELECT name FROM holds WHERE kind = "

ROUTED: Final = f"{{channel}} NOT IN ({_HELD}'{HoldKind.ROUTING}')"
"""Of a channel whose messages are routed."""

DELIVERED: Final = f"{{channel}} NOT IN ({_HELD}'{HoldKind.DELIVERY}')"
"""Of a channel whose effects are carried out."""

_IS_HELD: Final = "SELECT 1 FROM holds WHERE kind = ? AND name = ?"

_NEW: Final = (
    "INSERT INTO holds (kind, name, since, who, why) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (kind, name) DO NOTHING"
)


def is_held(work: Work, kind: HoldKind, name: str) -> bool:
    """Whether somebody stopped it. Asked first where much may wait: nothing of that is walked then."""
    return bool(work.rows(_IS_HELD, (kind.value, name)))


class Holding(Part):
    """The verbs of holds."""

    def hold(self, hold: Hold, *, told: Entry) -> bool:
        """`HoldStore.hold`."""
        row = (hold.kind.value, hold.name, hold.since, hold.who, hold.why)
        with self._database.write(TURN) as work:
            if not work.run(_NEW, row):
                return False
            append(work, self._audit, [told])
        return True

    def let_go(self, kind: HoldKind, name: str, *, told: Entry) -> bool:
        """`HoldStore.let_go`."""
        with self._database.write(TURN) as work:
            if not work.run("DELETE FROM holds WHERE kind = ? AND name = ?", (kind.value, name)):
                return False
            append(work, self._audit, [told])
        return True

    def holds(self) -> list[Hold]:
        """`HoldStore.holds`."""
        with self._database.read() as work:
            rows = work.rows("SELECT kind, name, since, who, why FROM holds ORDER BY since, kind, name")
        return [Hold(HoldKind(kind), *rest) for kind, *rest in rows]
