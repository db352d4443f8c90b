"""What an operator may see of messages and deliveries, and how every store tells it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from engine.correlation import correlation
from engine.model import Answered, Application, Delivery, DeliveryState, MessageState, Reason, StoredMessage

__all__ = ["AccountRow", "DeliveryView", "EffectRow", "MessageView", "Query", "Told", "ViewStore"]


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which messages or deliveries: everything given must hold."""

    channel: str = ""
    state: str = ""  # a MessageState or DeliveryState
    ids: tuple[int, ...] = ()  # message ids (of deliveries: delivery ids)
    since: float = 0.0  # received at or after, seconds since the epoch
    until: float = 0.0
    after: int = 0  # id greater than: for paging
    limit: int = 100


class MessageView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an operator may see of a message: no content."""

    id: int
    channel: str
    type: str
    state: MessageState
    received_at: float
    answered: Answered = ""
    bytes: int = 0
    original: int = 0
    step: str = ""
    reason: Reason | None = None
    effects: int = 0
    warnings: tuple[Reason, ...] = ()
    application: Application = ""
    edition: int = 0  # that accepted it, or that it was last sent through; 0: before there were any
    again: int = 0  # how often it was sent on its way again

    @property
    def correlation(self) -> str:
        """What it is called in logs and traces."""
        return correlation(self.id, self.received_at)


class DeliveryView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an operator may see of a delivery: the effect (free of PHI), its state, its documents."""

    delivery: Delivery
    state: DeliveryState
    due_at: float = 0.0
    reason: Reason | None = None
    documents: dict[str, str] = {}
    note: str = ""
    settled_at: float = 0.0


class AccountRow(msgspec.Struct, frozen=True):
    """One line of the books: a count per channel and message state."""

    channel: str
    state: MessageState
    messages: int


class EffectRow(msgspec.Struct, frozen=True):
    """One line of the books: a count per channel, kind of effect (`damaged`: none that is known) and delivery
    state."""

    channel: str
    effect: str
    state: DeliveryState
    count: int


Told = Callable[[int, int], object]
"""Told how many messages were gone over, and how many there are; may raise to end it."""


class ViewStore(Protocol):
    """What was kept, read back: by whoever is on duty, and for what goes on with it."""

    def messages(self, query: Query) -> list[MessageView]:
        """Messages that match, by id."""
        ...

    def deliveries(self, query: Query, *, message_id: int = 0) -> list[DeliveryView]:
        """Deliveries that match (of one message when given), by id."""
        ...

    def content(self, message_id: int) -> bytes:
        """The raw bytes of one message as transmitted. Raises `KeyError` when there are none,
        `Unacceptable` when what is stored is damaged."""
        ...

    def newest(self, channel: str, limit: int) -> list[int]:
        """The ids of a channel's newest messages of their own (no duplicates, no pieces), oldest first."""
        ...

    def stored(self, message_ids: Sequence[int]) -> list[StoredMessage]:
        """Messages with their content, by id; those whose content is gone or damaged are absent."""
        ...

    def account(self, told: Told = ...) -> list[AccountRow]:
        """Counts of messages per channel and state. All of them are gone over, and `told` how far that is."""
        ...

    def effects(self, channel: str = "", told: Told = ...) -> list[EffectRow]:
        """Counts of effects (of one channel) per channel, kind and state, in the same way."""
        ...

    def gaps(self, told: Told = ...) -> list[str]:
        """Plain words for whatever does not add up (a message in no state, an effect without a
        message, a delivered message with an open delivery …); empty when the books balance. Every message is
        gone over, each as it was at one moment."""
        ...

    def backlog(self, now: float) -> dict[str, dict[str, float]]:
        """Per channel: `unrouted`, `fragments` (held), `due`, `scheduled`, `owed` (application answers),
        `dead`, and `oldest`, the age in seconds of the oldest open one."""
        ...
