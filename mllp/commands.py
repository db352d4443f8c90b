"""What a `Session` asks of whoever holds the socket: plain values, carried out in order.

No command shows message bytes in its `repr`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "Close", "CloseReason", "Command", "Count", "HandOver", "Oversize", "Pause", "Quarantine", "Resume",
    "Send",
]  # fmt: skip

CloseReason = Literal[
    "abandoned", "answers_unread", "dismissed", "drained", "frame_timeout", "idle", "no_cr", "noise",
    "oversize", "peer_closed", "read_timeout", "stranger",
]  # fmt: skip
"""Why a connection was closed. `dismissed`: the application had enough of it; `stranger`: sent bytes,
but never a start byte."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """A complete message for the application, to be settled with its ticket."""

    ticket: int
    message: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Oversize:
    """A message over the limit: only its first segment (or nothing) is left, to answer it with.
    The connection closes once it is settled."""

    ticket: int
    head: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A message that its sender cut short and began again. It gets no answer."""

    partial: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes in one call."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop reading."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Read again."""


@dataclass(frozen=True, slots=True)
class Close:
    """Write out what was sent, then close. The last command of a session."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class Count:
    """Something worth counting happened `n` times."""

    name: str
    n: int


Command = HandOver | Oversize | Quarantine | Send | Pause | Resume | Close | Count
