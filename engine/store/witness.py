"""Checkpoints of the audit in a file of their own: what the database held is known outside of it.

A database that is rolled back to an older copy holds an audit that is right in itself. That there was more
is known only where the copy does not reach: this file belongs on another machine's disk, or where nobody but
the officer can change what was written (append-only).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.auditing import Checkpoint
from engine.errors import Unavailable
from engine.store.contracts.audit import AuditStore
from engine.telemetry import AuditSigned

__all__ = ["Signed", "Witnessed", "line_of", "read_witness", "witness"]

_TAIL = 4096  # bytes in which the last line is found: one has about 500


class Signed(NamedTuple):
    """What became of signing: the new checkpoint, or None where nothing is new; and the file's newest one
    when the store does not have it: the store was rolled back, or entries were removed."""

    made: Checkpoint | None
    missed: Checkpoint | None = None


class _Logged(msgspec.Struct):
    event: str


class Witnessed(NamedTuple):
    """What such a file holds: checkpoints in its order, and plain words for lines that are none."""

    checkpoints: list[Checkpoint]
    findings: list[str]


def witness(store: AuditStore, file: Path | None, now: float) -> Signed:
    """Sign where the audit stands, and add to the file, if there is one, what it does not have yet. Raises
    `Unavailable` when the file cannot be written."""
    made = store.checkpoint(now)
    if file is None:
        return Signed(made)
    try:
        return Signed(made, _add(store, file))
    except OSError as error:
        raise Unavailable(f"the file of checkpoints cannot be written: {error.strerror}") from None


def line_of(one: Checkpoint) -> bytes:
    """A checkpoint as a line of the file: JSON, bytes as base64."""
    return msgspec.json.encode(one) + b"\n"


def read_witness(file: Path) -> Witnessed:
    """What the file holds: one of checkpoints, or the engine's log, whose JSON lines tell them among others.
    Raises `OSError` when it cannot be read."""
    found, strange, log = list[Checkpoint](), list[tuple[int, bytes]](), False
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            event = _event(line)
            log = log or event is not None
            one = _read(line)
            if one is not None:
                found.append(one)
            elif event in (None, AuditSigned.text):
                strange.append((number, line[:1]))
    kept = (number for number, first in strange if first == b"{" or not log)  # a log has words of others too
    return Witnessed(found, [f"line {number} of the file is no checkpoint" for number in kept])


def _event(line: bytes) -> str | None:
    """What a line of the log is about; None for what is none."""
    try:
        return msgspec.json.decode(line, type=_Logged).event
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _read(line: bytes) -> Checkpoint | None:
    try:
        return msgspec.json.decode(line, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _add(store: AuditStore, file: Path) -> Checkpoint | None:
    """The newest checkpoint of the file, if the store lacks it."""
    handle = os.open(file, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        last, whole = _last(handle)
        missed = last if last is not None and store.checkpoints(last.number - 1, 1) != [last] else None
        lines = b"".join(line_of(one) for one in _after(store, last.number if last else 0))
        if lines:
            os.write(handle, lines if whole else b"\n" + lines)
            os.fsync(handle)
        return missed
    finally:
        os.close(handle)


def _last(handle: int) -> tuple[Checkpoint | None, bool]:
    """The last checkpoint in the file, and whether the file ends with a whole line."""
    size = os.fstat(handle).st_size
    tail = os.pread(handle, _TAIL, max(0, size - _TAIL))
    read = (one for line in reversed(tail.splitlines()) if (one := _read(line)) is not None)
    return next(read, None), not tail or tail.endswith(b"\n")


def _after(store: AuditStore, number: int) -> Iterator[Checkpoint]:
    while page := store.checkpoints(number):
        yield from page
        number = page[-1].number
