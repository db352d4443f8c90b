"""What every store promises about what a person stopped."""

from __future__ import annotations

from typing import Protocol

from engine.auditing import Entry
from engine.model import Hold, HoldKind

__all__ = ["HoldStore"]


class HoldStore(Protocol):
    """Safe storage for holds. `unrouted`, `fragments` and `claim` give nothing of what is held, from the
    commit of the hold to that of its end; what waits keeps its place in the order."""

    def hold(self, hold: Hold, *, told: Entry) -> bool:
        """Stop something; False, with nothing done, when it is stopped already. `told` is recorded in the
        same commit."""
        ...

    def let_go(self, kind: HoldKind, name: str, *, told: Entry) -> bool:
        """Let it go on; False, with nothing done, when nobody stopped it. `told` is recorded in the same
        commit."""
        ...

    def holds(self) -> list[Hold]:
        """What is stopped, the longest first. Cheap: asked twice a second."""
        ...
