"""The engine itself: its processes, its store, the editions that it runs."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, faults
from engine.telemetry.signals import Signal

__all__ = [
    "AcceptFailed", "ContentPurged", "EditionRefused", "EditionRunning", "EditionUnreadable",
    "EngineStarted", "EngineStopping", "HttpOpened", "LoopFailed", "SpansTold",
    "StoreFailed", "StoreRecovered",
    "WorkerEnded",
]  # fmt: skip

_spans = counter("wardline_spans", "Spans of traces: `sent` to the collector, or `lost`.", "result")
_purged = counter("wardline_contents_purged", "Contents removed because their time was over.")


class EngineStarted(Signal, frozen=True):
    """The node is up."""

    node: str
    channels: int
    workers: int
    text: ClassVar[str] = "engine started"


class EngineStopping(Signal, frozen=True):
    """A stop was asked for; work in hand is finished first."""

    node: str
    text: ClassVar[str] = "engine stopping"


class EditionRunning(Signal, frozen=True):
    """This process goes by another edition from now on."""

    edition: int
    before: int
    text: ClassVar[str] = "edition running"


class EditionRefused(Signal, frozen=True):
    """The active edition cannot be run here: the one before goes on. `why` is about files and settings."""

    edition: int
    why: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "edition refused, the one before goes on"

    def count(self) -> None:
        faults("edition").inc()


class EditionUnreadable(Signal, frozen=True):
    """An edition with open work cannot be loaded here: its messages become dead letters, to be sent through
    again by the current one."""

    edition: int
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "edition with open work cannot be loaded"

    def count(self) -> None:
        faults("edition").inc()


class ContentPurged(Signal, frozen=True):
    """What was past its time is gone: `contents` removed, `renewed` sealed anew because they stay,
    `forgotten` fingerprints and courses, `keys` of days destroyed."""

    contents: int
    renewed: int
    forgotten: int
    keys: int
    text: ClassVar[str] = "purged what is past its time"

    def count(self) -> None:
        _purged().inc(self.contents)


class SpansTold(Signal, frozen=True):
    """So many spans of traces were `sent` to the collector, or `lost` because it did not take them."""

    result: str
    spans: int

    def count(self) -> None:
        _spans(self.result).inc(self.spans)


class HttpOpened(Signal, frozen=True):
    """Health, readiness and metrics can be asked for."""

    address: str
    text: ClassVar[str] = "health and metrics"


class AcceptFailed(Signal, frozen=True):
    """The store could not make messages durable: no answer was given, connections were closed."""

    messages: int
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "messages not stored: no answer given, senders will send again"

    def count(self) -> None:
        faults("intake").inc()


class StoreFailed(Signal, frozen=True):
    """The store does not take commits; listeners are closed until it does."""

    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "store unavailable: listeners closed until it recovers"

    def count(self) -> None:
        faults("store").inc()


class StoreRecovered(Signal, frozen=True):
    """The store takes commits again."""

    text: ClassVar[str] = "store available again: listeners open"


class LoopFailed(Signal, frozen=True):
    """A loop of the engine failed; it goes on after a rest. `error` is the exception's type."""

    part: str
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "part of the engine failed and will try again"

    def count(self) -> None:
        faults(self.part).inc()


class WorkerEnded(Signal, frozen=True):
    """A worker process ended and is started again."""

    worker: int
    status: int
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "worker ended unexpectedly; starting another"

    def count(self) -> None:
        faults("worker").inc()
