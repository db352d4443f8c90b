"""What comes in by its doors: messages, batches, files."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, histogram
from engine.telemetry.signals import Signal

__all__ = [
    "Answered", "BatchDoubtful", "BatchReceived", "ChannelOpened", "ControlIdReused", "MessageAccepted",
    "MessageRefused",
]  # fmt: skip

_accepted = counter(
    "wardline_messages_accepted",
    "Messages made durable: `new`, `duplicate`, `reused` (a control id used again for other content).",
    "channel",
    "kind",
)
_refused = counter(
    "wardline_messages_refused", "Messages answered with an error or rejection.", "channel", "reason"
)
_envelopes = counter(
    "wardline_batches",
    "Batches (FHS, BHS) received: `taken`, `doubtful` (taken though its envelope does not hold), `refused`.",
    "channel",
    "result",
)
_answers = counter("wardline_answers", "Acknowledgements sent.", "channel", "code")
_latency = histogram(
    "wardline_acknowledge_seconds",
    "From the last byte of a message to its acknowledgement.",
    "channel",
    (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)


class ChannelOpened(Signal, frozen=True):
    """A listener is open."""

    channel: str
    address: str
    tls: bool
    text: ClassVar[str] = "channel listening"


class MessageAccepted(Signal, frozen=True):
    """A message is safe on disk. `kind` is new, duplicate or reused (control id, other content)."""

    channel: str
    kind: str

    def count(self) -> None:
        _accepted(self.channel, self.kind).inc()


class ControlIdReused(Signal, frozen=True):
    """A sender used a message control id again for other content; counted as accepted `reused`."""

    channel: str
    message_id: int
    correlation: str
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "message control id used again with other content: taken as a new message"


class MessageRefused(Signal, frozen=True):
    """A message was answered with an error or a rejection."""

    channel: str
    reason: str
    message_id: int
    correlation: str
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "message refused"

    def count(self) -> None:
        _refused(self.channel, self.reason).inc()


class BatchReceived(Signal, frozen=True):
    """A batch came: `taken`, taken although its envelope does not hold (`doubtful`), or `refused`."""

    channel: str
    result: str
    messages: int

    def count(self) -> None:
        _envelopes(self.channel, self.result).inc()


class BatchDoubtful(Signal, frozen=True):
    """What does not hold about a batch whose messages were or were not taken."""

    channel: str
    place: str
    finding: str
    taken: bool
    level: ClassVar[str] = "warning"
    text: ClassVar[str] = "the envelope of a batch does not hold"


class Answered(Signal, frozen=True):
    """An acknowledgement left."""

    channel: str
    code: str
    seconds: float

    def count(self) -> None:
        _answers(self.channel, self.code).inc()
        _latency(self.channel).observe(self.seconds)
