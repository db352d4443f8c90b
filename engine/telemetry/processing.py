"""What becomes of messages: routing, deliveries, application answers."""

from __future__ import annotations

from typing import ClassVar, Final

from engine.telemetry.registry import counter, histogram
from engine.telemetry.signals import Signal

__all__ = [
    "STOOD", "ApplicationAnswerRefused", "ApplicationAnswerTaken", "ApplicationAnswerUnwritten",
    "ApplicationLinkAway", "BatchDelivered", "DeliverySettled", "DestinationAway", "MessagesRouted",
    "OdooKeyRefused", "PrivacyIncident",
]  # fmt: skip

STOOD: Final[tuple[float, ...]] = (
    0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400,
)  # fmt: skip
"""Seconds from a message to its effect: the upper bounds in which they are counted."""

_incidents = counter(
    "wardline_privacy_incidents",
    "What identifies somebody, stopped on its way out; any is worth an alarm.",
    "channel",
    "where",
)
_routed = counter(
    "wardline_messages_routed",
    "What messages became: `routed`, `filtered`, `dead`, `fragment`.",
    "channel",
    "result",
)
_settled = counter(
    "wardline_deliveries",
    "Attempts: `delivered`, `tryagain`, `refused`, `shadowed`.",
    "destination",
    "outcome",
    "reason",
)
_of_channel = counter("wardline_settled", "The same attempts, by channel.", "channel", "outcome", "reason")
_end_to_end = histogram(
    "wardline_end_to_end_seconds",
    "From the arrival of a message to its effect standing, for each effect.",
    "channel",
    STOOD,
)
_batches = histogram(
    "wardline_delivery_seconds",
    "One batch into a destination.",
    "destination",
    (0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120),
)
_application = counter(
    "wardline_application_answers",
    "Application answers on a link of their own: `taken`, `refused`, `away`, `unwritten` (not readable).",
    "channel",
    "outcome",
)


class MessagesRouted(Signal, frozen=True):
    """A batch of messages became effects, was filtered, or died."""

    channel: str
    result: str
    messages: int

    def count(self) -> None:
        _routed(self.channel, self.result).inc(self.messages)


class PrivacyIncident(Signal, frozen=True):
    """The guard stopped what identifies somebody on its way out: of which message, `where` (routing,
    delivery, answer), at which place (`charge.key`), and which row of the policy it is of."""

    level = "error"
    text = "what identifies somebody was about to leave"

    channel: str
    where: str
    message: int
    place: str
    row: str

    def count(self) -> None:
        _incidents(self.channel, self.where).inc()


class DeliverySettled(Signal, frozen=True):
    """An attempt at a delivery ended, so many seconds after its message came."""

    channel: str
    destination: str
    outcome: str
    reason: str
    seconds: float

    def count(self) -> None:
        _settled(self.destination, self.outcome, self.reason).inc()
        _of_channel(self.channel, self.outcome, self.reason).inc()
        if self.outcome == "delivered":
            _end_to_end(self.channel).observe(self.seconds)


class BatchDelivered(Signal, frozen=True):
    """A batch was carried out."""

    destination: str
    deliveries: int
    seconds: float

    def count(self) -> None:
        _batches(self.destination).observe(self.seconds)


class DestinationAway(Signal, frozen=True):
    """A destination did not take anything; deliveries wait."""

    destination: str
    reason: str
    waiting_seconds: float
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "destination away: deliveries wait and are tried again"


class ApplicationAnswerTaken(Signal, frozen=True):
    """The sender's system took an application answer on the link of its own."""

    channel: str
    message_id: int

    def count(self) -> None:
        _application(self.channel, "taken").inc()


class ApplicationAnswerRefused(Signal, frozen=True):
    """It refused one (AE, CE, or AR and CR again and again): the answer is given up, the message is not."""

    channel: str
    message_id: int
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "application answer refused by the other side: given up"

    def count(self) -> None:
        _application(self.channel, "refused").inc()


class ApplicationAnswerUnwritten(Signal, frozen=True):
    """One cannot be written, because its message cannot be read back: it is given up. A content that its
    retention removed, or a damaged store."""

    channel: str
    message_id: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "application answer given up: its message cannot be read back from the store"

    def count(self) -> None:
        _application(self.channel, "unwritten").inc()


class ApplicationLinkAway(Signal, frozen=True):
    """An application answer could not be told: it stays owed. `why` is the network's word or ours."""

    channel: str
    why: str
    waiting_seconds: float
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "link of application answers away: they stay owed and are tried again"

    def count(self) -> None:
        _application(self.channel, "away").inc()


class OdooKeyRefused(Signal, frozen=True):
    """Everything for this Odoo waits until a person renews the key: nothing is lost meanwhile."""

    connection: str
    variable: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "Odoo refuses the key: make a new one and set the variable; deliveries wait"
