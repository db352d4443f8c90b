"""The ledger: effects as lines of JSON in a file, for dry runs and for a plain record.

One line per delivery: its id, message, channel, kind, and the effect with its tokens. A line is on
disk (fsync) before its delivery counts as delivered. What a crash tore is cut off when the file is
opened again, and a delivery whose line stands is not written twice: exactly once, like the rest.
What may come again is young (its lease has not ended), so the last lines' ids are all that is kept.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from engine.destinations.base import Note
from engine.effects import Effect, encode, kind_of
from engine.errors import Misconfigured
from engine.model import Delivered, Delivery, Outcome, Reason, ReasonCode, TryAgain

__all__ = ["LedgerDestination", "LedgerLine"]


RECENT = 20_000
"""Deliveries remembered: far more than can be under way at once, which is a batch for each lane."""


class LedgerLine(msgspec.Struct, frozen=True):
    """One line of the file."""

    delivery: int
    message: int
    channel: str
    kind: str
    effect: Effect


class _Id(msgspec.Struct, frozen=True):
    delivery: int


_ids = msgspec.json.Decoder(_Id)


class LedgerDestination:
    """See `engine.destinations.base.Destination`. The file is readable by its owner alone (0600).

    Raises `Misconfigured` when the file cannot be opened or is no ledger."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        try:
            self._file = os.open(path, flags, 0o600)
            os.fchmod(self._file, 0o600)
            self._written: OrderedDict[int, None] = OrderedDict()
            self._size = self._read()
        except OSError as error:
            raise Misconfigured("the ledger file cannot be opened", where=str(path)) from error
        except msgspec.DecodeError as error:
            raise Misconfigured("is not a ledger", where=str(path), hint="name another file") from error

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        """Append what is not in the file yet; all delivered, or all to be tried again."""
        del note  # one step: nothing to remember between steps
        with self._lock:
            fresh = {d.id: encode(_line(d)) for d in deliveries if d.id not in self._written}
            try:
                self._append(b"".join(line + b"\n" for line in fresh.values()))
            except OSError:
                reason = Reason(ReasonCode.UNAVAILABLE, "the ledger file cannot be written")
                return [TryAgain(reason) for _ in deliveries]
            self._remember(fresh)
        return [Delivered({"ledger": str(delivery.id)}) for delivery in deliveries]

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _append(self, lines: bytes) -> None:
        """Write and fsync; after a failure the file is as it was."""
        if not lines:
            return
        try:
            written = 0
            while written < len(lines):
                written += os.write(self._file, lines[written:])
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(lines)

    def _remember(self, deliveries: Iterable[int]) -> None:
        self._written.update(dict.fromkeys(deliveries))
        while len(self._written) > RECENT:
            self._written.popitem(last=False)

    def _read(self) -> int:
        """Remember the deliveries in the file; the length of its whole lines. A torn last one is cut off."""
        with os.fdopen(os.dup(self._file), "rb") as reader:
            reader.seek(0)
            size = 0
            for line in reader:
                if not line.endswith(b"\n"):
                    break
                self._remember((_ids.decode(line).delivery,))
                size += len(line)
        if size != os.fstat(self._file).st_size:
            os.ftruncate(self._file, size)
        return size


def _line(delivery: Delivery) -> LedgerLine:
    return LedgerLine(
        delivery.id, delivery.message_id, delivery.channel, kind_of(delivery.effect), delivery.effect
    )
