"""What people on duty look at: messages newest first, what stopped and why, what waits for what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from engine.model import MessageState, Reason
from engine.store.contracts.views import MessageView

__all__ = ["Ahead", "OverviewStore", "Sought", "Stopped"]


class Sought(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which messages, newest first: everything given must hold.

    `type` is MSH-9 as `ADT` or `ADT^A01`; `since` and `until` (seconds since the epoch) are when they were
    received; `before` is an id, for paging. Of what stopped: `code` and `place` of the reason, and with a
    `destination` only what that one refused (`-`: what stopped before any). `original`: its resends and
    later pieces. `fingerprints`: those that go by one of these names (`Arrival.fingerprint`)."""

    channel: str = ""
    type: str = ""
    state: str = ""
    since: float = 0.0
    until: float = 0.0
    edition: int = 0
    code: str = ""
    place: str = ""
    destination: str = ""
    original: int = 0
    fingerprints: tuple[bytes, ...] = ()
    before: int = 0
    limit: int = 50


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that stopped for the same reason: how many, when the first and the last of them were
    received, and the newest of them by its id. `destination` is who refused; empty: it stopped before."""

    channel: str
    state: MessageState
    destination: str
    reason: Reason
    messages: int
    first_at: float
    last_at: float
    newest: int


class Ahead(msgspec.Struct, frozen=True):
    """An open delivery, and the one that has to go first, being earlier in the same sequence: its message."""

    delivery_id: int
    message_id: int


class OverviewStore(Protocol):
    """The verbs of those who look. None of them shows content."""

    def seek(self, sought: Sought) -> list[MessageView]:
        """Messages that match, newest first; a dead one of which a destination refused an effect, with that
        reason."""
        ...

    def stopped(self) -> list[Stopped]:
        """Dead letters and quarantine by channel, destination and reason. A message of which two
        destinations refused an effect is counted for each."""
        ...

    def delivering(self, word: str, *, since: float, limit: int) -> list[int]:
        """Messages received since then with an effect whose key is `word`, or that a destination keeps under
        it (an id or a name of a document), newest first."""
        ...

    def ahead(self, message_id: int) -> list[Ahead]:
        """For the open deliveries of a message: which other messages they wait for."""
        ...

    def kept(self, channels: Collection[str], limit: int) -> dict[str, list[int]]:
        """By channel, messages whose content is kept: those of its newest days, no more than `limit`."""
        ...

    def has_content(self, message_id: int) -> bool:
        """Whether the content of a message is still kept."""
        ...

    def resources_of(self, message_ids: Sequence[int]) -> dict[int, str]:
        """Of messages that are versions of resources: which, as `SupplyRequest/17/_history/2`."""
        ...
