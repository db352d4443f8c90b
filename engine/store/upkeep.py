"""Keeping the store in health: proving that a commit is still possible; owning it, letting it go."""

from __future__ import annotations

from engine.errors import Unavailable
from engine.store.part import Part

__all__ = ["Upkeep"]


class Upkeep(Part):
    """The verbs that no message calls."""

    def check(self) -> None:
        """`MessageStore.check`: makes one commit durable, after the key in the cabinet that was missed."""
        if why := self._database.broken() or self._database.refusing:
            raise Unavailable(why)
        self._contents.check()
        with self._database.write() as work:
            work.run("UPDATE pulse SET beat = beat + 1 WHERE id = 1")

    def own(self, part: str = "") -> bool:
        """`MessageStore.own`."""
        return self._database.own(part)

    def idle(self) -> bool:
        """`MessageStore.idle`."""
        return self._database.idle()

    def close(self) -> None:
        """`MessageStore.close`."""
        self.cabinet.close()
        self._database.close()
