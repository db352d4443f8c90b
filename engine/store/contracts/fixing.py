"""What every store promises about messages that a person puts right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from engine.auditing import Entry
from engine.effects import Effect
from engine.model import Reason

__all__ = ["FixStore", "Place", "Later", "Left", "Letter", "Letters", "Revision"]


class Letters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which dead letters: everything given must hold. `destination` is who refused (`-`: what stopped before
    any); `since` and `until` (seconds since the epoch) when they were received; `ids` are of messages. Those
    that were settled by `skip` have the state `skipped`."""

    channel: str = ""
    code: str = ""
    place: str = ""
    owner: str = ""
    destination: str = ""
    ids: tuple[int, ...] = ()
    since: float = 0.0
    until: float = 0.0
    state: Literal["dead", "skipped"] = "dead"


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter: a message that could not be routed (`delivery_id` 0), or an effect that was refused.
    `followed`: a later version of its resource is here, and says all that is wanted by now."""

    message_id: int
    delivery_id: int
    channel: str
    type: str
    received_at: float
    destination: str
    reason: Reason | None
    followed: bool = False


class Place(NamedTuple):
    """A place in an order: of which delivery (its id; those of later messages have greater ones), where it
    goes, and under which sequence key."""

    id: int
    destination: str
    sequence_key: str


class Later(msgspec.Struct, frozen=True):
    """An effect of a later place in the same order that stands."""

    message_id: int
    effect: Effect


Left = Literal["gone", "in-work", "refused", "piece", "followed", "unmerged", "no-message", "resource"]
"""Why a message is not put through its channel again: its content is gone; it is still on its way; its sender
was told that it is refused before it was routed; it is a later piece or a duplicate; a later version of its
resource is here; it merged two that were parted since; it says nothing to be routed; it is a resource, which
its client corrects."""


class Revision(msgspec.Struct, frozen=True):
    """A correction of a message's content: its number from 1, when (seconds since the epoch), who, why."""

    revision: int
    at: float
    who: str
    why: str


class FixStore(Protocol):
    """Safe storage for what people put right. Whatever they do keeps the order: what goes on its way again
    keeps the place of its message, before whatever is still open of its sequence key."""

    def letters(self, letters: Letters) -> list[Letter]:
        """Dead letters that match, oldest message first."""
        ...

    def resend(self, letters: Sequence[Letter], *, now: float, told: Entry) -> list[int]:
        """Send these on their way again, those that are dead or skipped still: the same effects, or routing
        where it failed there, by the edition that is active. The messages; `told` is recorded with them in
        the same commit. Those that are `followed` stay."""
        ...

    def skip(self, letters: Sequence[Letter], *, told: Entry) -> list[int]:
        """Settle these, those that are dead still, without effect. The messages; `told` is recorded with them
        in the same commit."""
        ...

    def replayable(self, ids: Collection[int]) -> dict[int, Left | None]:
        """Of these messages, why each cannot be replayed; None for one that can. Unknown ones are absent."""
        ...

    def replay(self, ids: Collection[int], *, told: Entry) -> list[int]:
        """Put these messages through their channels as they are today, those that can be (`replayable`): they
        are received again, in their old order. What was carried out is made anew only where the channel says
        otherwise now (`MessageStore.route`). `told` is recorded with them in the same commit."""
        ...

    def later(self, places: Sequence[Place]) -> dict[int, list[Later]]:
        """What stands of later places in the same order, by the delivery's id; where nothing does: absent. A
        key of a number that was merged away is that of its survivor too."""
        ...

    def revise(self, message_id: int, content: bytes, *, told: Entry) -> int:
        """Give a message that can be replayed other content, and replay it; the number of the revision. What
        it said before is kept with who changed it, when and why (of `told`, which is recorded in the same
        commit). Raises `KeyError` for one that there is not, `Unacceptable` (`conflict`) for one that cannot
        be replayed, or whose content is the same."""
        ...

    def revisions(self, message_id: int) -> list[Revision]:
        """The corrections of a message, oldest first."""
        ...

    def revised(self, message_id: int, revision: int) -> bytes:
        """What a message said as this revision; 0: as it came. Raises `KeyError` when there is none,
        `Unacceptable` when what is stored is damaged."""
        ...
