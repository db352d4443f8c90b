"""Messages passed on as files: one each, or a batch of what goes out together.

A file appears whole: written under a temporary name, fsynced, renamed, and the folder fsynced. Its name is
written down before (`Note`), so that a crash in between finds it again and writes nothing twice; only when a
reader has taken it away within that moment does it come again, under the same name, with the same MSH-10.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from engine.destinations.base import Note
from engine.effects import Forward
from engine.errors import Misconfigured
from engine.model import Delivered, Delivery, Outcome, Owner, Reason, ReasonCode, Refused, TryAgain

__all__ = ["FolderDestination"]

_FILE = "file"
_FULL = TryAgain(Reason(ReasonCode.UNAVAILABLE, "the folder cannot be written"))
_NOT_OURS = Refused(Reason(ReasonCode.REFUSED, "a folder takes messages alone", owner=Owner.TECHNICAL))


class FolderDestination:
    """See `engine.destinations.base.Destination`. Files are readable by their owner alone (0600).

    Raises `Misconfigured` when the folder is none or cannot be opened."""

    def __init__(self, path: Path, *, batch: bool = False) -> None:
        self._batch = batch
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise Misconfigured(f"the folder cannot be opened: {error.strerror}", where=str(path)) from None

    def deliver(self, deliveries: Sequence[Delivery], note: Note) -> list[Outcome]:
        """Outcomes in the order of the deliveries; see `Destination.deliver`."""
        outcomes: dict[int, Outcome] = {}
        fresh: list[Delivery] = []
        for delivery in deliveries:
            name = delivery.progress.get(_FILE, "")
            if not isinstance(delivery.effect, Forward):
                outcomes[delivery.id] = _NOT_OURS
            elif name and self._stands(name):
                outcomes[delivery.id] = Delivered({_FILE: name})
            else:
                fresh.append(delivery)
        for group in [fresh] if self._batch and fresh else [[one] for one in fresh]:
            outcomes |= dict.fromkeys((one.id for one in group), self._write(group, note))
        return [outcomes[delivery.id] for delivery in deliveries]

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)

    def _write(self, group: Sequence[Delivery], note: Note) -> Outcome:
        name = f"{group[0].id:018}{self._mark(group)}.hl7"  # order by name is order of arrival
        note({delivery.id: {_FILE: name} for delivery in group})
        texts = [one.effect.message for one in group if isinstance(one.effect, Forward)]
        try:
            self._put(name, (_batch(texts, group[0].id) if self._batch else texts[0]).encode())
        except OSError:
            return _FULL
        return Delivered({_FILE: name})

    def _mark(self, group: Sequence[Delivery]) -> str:
        """Of a batch: which deliveries it holds. One that is tried again with fewer is another file, and
        must not stand for those that are not in it."""
        ids = ",".join(str(delivery.id) for delivery in group)
        return f"-{hashlib.sha256(ids.encode()).hexdigest()[:16]}" if self._batch else ""

    def _put(self, name: str, data: bytes) -> None:
        """The whole file or nothing of it."""
        temporary = f".{name}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(temporary, flags, 0o600, dir_fd=self._folder)
        try:
            while data:
                data = data[os.write(file, data) :]
            os.fsync(file)
        except OSError:
            os.unlink(temporary, dir_fd=self._folder)
            raise
        finally:
            os.close(file)
        os.rename(temporary, name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        os.fsync(self._folder)

    def _stands(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._folder, follow_symlinks=False)
        except OSError:
            return False
        return True


def _batch(messages: Sequence[str], number: int) -> str:
    """Messages in a batch (HL7 v2.9.1, section 2.10.3): BHS-7 is when, BHS-11 its control id."""
    when = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    head = rf"BHS|^~\&|WARDLINE|||||{when}||||{number}" + "\r"
    return head + "".join(messages) + f"BTS|{len(messages)}\r"
