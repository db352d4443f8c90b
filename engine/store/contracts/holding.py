"""What every store promises about what a person stopped."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from engine.auditing import Entry

__all__ = ["Hold", "HoldKind", "HoldStore"]


class HoldKind(StrEnum):
    """What a person can stop."""

    DOOR = "door"  # a channel takes nothing: its senders keep what they have
    ROUTING = "routing"  # a channel's messages are taken and answered, and wait
    DELIVERY = "delivery"  # a channel's effects are made, and wait
    DESTINATION = "destination"  # nothing is carried out there; deliveries wait


class Hold(msgspec.Struct, frozen=True):
    """Something that a person stopped: `name` of a channel or a destination, since when (seconds since the
    epoch), who, why."""

    kind: HoldKind
    name: str
    since: float
    who: str
    why: str


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
