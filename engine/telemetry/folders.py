"""What comes in as files."""

from __future__ import annotations

from typing import ClassVar

from engine.telemetry.registry import counter, faults, gauge
from engine.telemetry.signals import Signal

__all__ = ["FileEnded", "FileRead", "FolderAway", "FolderBack", "FolderSeen", "FolderWatched"]

_files = counter("wardline_files", "Files taken from a folder: `done`, `failed`.", "channel", "result")
_folder = gauge(
    "wardline_folder",
    "Of a folder: files that are `waiting`, `odd` ones that match and are no plain files, seconds that the"
    " `oldest` waits, `bytes_left` of the one in work.",
    "channel",
    "what",
)


class FolderWatched(Signal, frozen=True):
    """A folder listener is at work."""

    channel: str
    text: ClassVar[str] = "channel watches its folder"


class FolderAway(Signal, frozen=True):
    """A folder cannot be worked on; it is tried again. `error` is the system's word (`ENOENT`)."""

    channel: str
    error: str
    level: ClassVar[str] = "error"
    text: ClassVar[str] = "folder cannot be worked on: files wait, it is tried again"

    def count(self) -> None:
        faults("folder").inc()


class FolderBack(Signal, frozen=True):
    """A folder can be worked on again."""

    channel: str
    text: ClassVar[str] = "folder can be worked on again"


class FolderSeen(Signal, frozen=True):
    """What lies in a folder: files that wait, those that match but are no plain files, the age of the
    oldest in seconds."""

    channel: str
    waiting: int
    odd: int
    oldest: float

    def count(self) -> None:
        for what in ("waiting", "odd", "oldest"):
            _folder(self.channel, what).set(getattr(self, what))


class FileRead(Signal, frozen=True):
    """So many bytes are left of the file in work."""

    channel: str
    left: int

    def count(self) -> None:
        _folder(self.channel, "bytes_left").set(self.left)


class FileEnded(Signal, frozen=True):
    """A file is `done`, or set aside as `failed` with a report beside it."""

    channel: str
    result: str
    messages: int
    refused: int
    text: ClassVar[str] = "file taken"

    def count(self) -> None:
        _files(self.channel, self.result).inc()
