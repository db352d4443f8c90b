"""Who comes to the console, and who is kept out."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, faults
from engine.telemetry.signals import Signal

__all__ = ["CameIn", "ConsoleEnded", "ConsoleOpened", "KeptAway", "PageFailed"]

_logins = counter(
    "wardline_console_logins", "Who came to the console, by how and what became of it.", "how", "outcome"
)
_failed = counter("wardline_console_failures", "Requests that failed for a reason of ours.", "error")


class ConsoleOpened(Signal, frozen=True):
    """The console listens; `url` is where people go."""

    text: ClassVar[str] = "console open"
    address: str
    url: str
    tls: bool


class ConsoleEnded(Signal, frozen=True):
    """The console beside the engine ended by itself; it is started again."""

    level: ClassVar[str] = "error"
    text: ClassVar[str] = "console ended"
    status: int

    def count(self) -> None:
        faults("console").inc()


class CameIn(Signal, frozen=True):
    """Somebody came in: by password, invitation, oidc or set-up."""

    how: str

    def count(self) -> None:
        _logins(self.how, "in").inc()


class KeptAway(Signal, frozen=True):
    """Somebody did not come in; `why` is a closed word."""

    how: str
    why: str

    def count(self) -> None:
        _logins(self.how, self.why).inc()


class PageFailed(Signal, frozen=True):
    """A page failed for a reason of ours: only the error's type is told, its words may be content."""

    level: ClassVar[str] = "error"
    text: ClassVar[str] = "page failed"
    path: str
    error: str

    def count(self) -> None:
        _failed(self.error).inc()
