"""One file from `work/` to its end, whatever happens in between.

Its parts are handed over in small groups. After each, what was answered and how far it is are durable, so
that a crash repeats one group at most, and those messages are known. How the file ends is written down
before the first step of it; every step may be repeated.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NamedTuple

from engine.hl7.batch import BatchReader, Kind, Part
from engine.hl7.batch_answer import envelope_header
from engine.hl7.header import Header
from engine.listeners.arrival import Fingerprinting, make_envelope
from engine.listeners.channel import Channel
from engine.listeners.exchange import Pen
from engine.listeners.filing import Ending, Remark, read_state, report, write_state
from engine.listeners.inbox import REPORT, Inbox
from engine.listeners.passage import Passage, Slip
from engine.model import Answered, Reason, ReasonCode
from engine.telemetry import BatchDoubtful, BatchReceived, FileEnded, FileRead, signal

__all__ = ["STATE", "FileRules", "FileRun"]

STATE: Final = ".state"

CHUNK: Final = 256 * 1024  # bytes read at once
GROUP: Final = 256  # messages handed over at once, and bytes:
GROUP_BYTES: Final = 4 * 1024 * 1024
HEAD: Final = 8192  # bytes kept of a file that is refused unread
ENVELOPE: Final = 64 * 1024  # bytes kept of what is around the messages

_MESSAGES: Final = (Kind.MESSAGE, Kind.TOO_LONG)
_OVERSIZE = Reason(ReasonCode.OVERSIZE, "the file is larger than this channel takes", hl7=104)
_NOTHING = Reason(ReasonCode.NOT_HL7, "there is no message in the file", hl7=100)
_NO_FILE = Reason(ReasonCode.NOT_HL7, "this is no plain file", hl7=100)
_CHANGED = Reason(ReasonCode.FRAMING, "the file changed while it was read: settle is too short", hl7=100)


class FileRules(NamedTuple):
    """What a channel says of its files: bytes of a message and of a file, whether answers are written."""

    largest: int
    max_file: int
    answers: bool


class FileRun:
    """One file that was taken. `run` may be called again after any interruption."""

    def __init__(
        self,
        inbox: Inbox,
        name: str,
        channel: Channel,
        rules: FileRules,
        passage: Passage,
        keys: Fingerprinting,
        pen: Pen,
    ) -> None:
        self._inbox, self._name = inbox, name
        self._channel, self._rules, self._passage = channel, rules, passage
        self._keys, self._pen = keys, pen
        self._note, self._drafted = f".{name}{STATE}", f".{name}.answers"
        self._state = read_state(inbox.note(self._note))
        self._file: Header | None = None
        self._batch = envelope_header(b"")
        self._envelope = b""
        self._first = b""

    def run(self) -> None:
        """Take what is left of it and end it. Raises `OSError`, `Unavailable` or `Stopped` when it has
        to be tried again."""
        if self._state.ending is None:
            try:
                descriptor = self._inbox.open_work(self._name)
            except IsADirectoryError:
                self._refuse(_NO_FILE, b"")
            else:
                with open(descriptor, "rb", closefd=True) as file:
                    self._read(file.fileno())
            self._decide()
        self.end()

    def end(self) -> None:
        """The last steps, each of which may have been done already."""
        ending = self._state.ending
        if ending is None:
            self._inbox.remove("work", self._drafted)
        else:
            final = _name(ending.final)
            if ending.answers:
                self._inbox.give(self._drafted, _name(ending.answers))
            self._inbox.remove("work", self._drafted)
            if self._state.remarks:
                self._inbox.write(ending.place, f"{final}{REPORT}", report(self._state))
            self._inbox.move(self._name, ending.place, final)
            signal(FileEnded(self._channel.name, ending.place, self._state.messages, self._state.refused))
        self._inbox.remove("work", self._note)

    # Reading

    def _read(self, descriptor: int) -> None:
        before = os.fstat(descriptor)
        if before.st_size > self._rules.max_file:
            self._refuse(_OVERSIZE, os.pread(descriptor, HEAD, 0))
            return
        if self._channel.batches.atomic and (findings := self._findings(descriptor)):
            self._refuse(findings[0], os.pread(descriptor, HEAD, 0))
            return
        reader = BatchReader(self._rules.largest)
        self._take(self._parts(descriptor, reader, before.st_size))
        for finding in reader.findings:
            self._state.remark(Remark.of(0, finding), refused=False)
            signal(BatchDoubtful(self._channel.name, finding.place, finding.text, taken=True))
        if not self._state.messages and not self._first:
            self._refuse(_NOTHING, os.pread(descriptor, HEAD, 0))
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            self._state.remark(Remark.of(0, _CHANGED))
        self._keep_envelope(reader)

    def _parts(self, descriptor: int, reader: BatchReader, size: int) -> Iterator[Part]:
        at = 0
        while data := os.pread(descriptor, CHUNK, at):
            at += len(data)
            yield from reader.feed(data)
            signal(FileRead(self._channel.name, max(size - at, 0)))
        yield from reader.end()

    def _findings(self, descriptor: int) -> list[Reason]:
        """What does not hold about the whole, before anything of it is taken."""
        if self._state.parts:
            return []  # it held when it was begun
        reader = BatchReader(self._rules.largest)
        for _ in self._parts(descriptor, reader, 0):
            pass
        return reader.findings

    def _take(self, parts: Iterator[Part]) -> None:
        group: list[Part] = []
        size = 0
        done = self._state.parts
        for number, part in enumerate(parts):
            self._remember(part)
            if number < done:
                self._enter(part)
                continue
            group.append(part)
            size += len(part.raw)
            if len(group) >= GROUP or size >= GROUP_BYTES:
                self._settle(group)
                self._inbox.write("work", self._note, write_state(self._state))
                group, size = [], 0
        self._settle(group)

    def _remember(self, part: Part) -> None:
        """What is around the messages, up to a limit."""
        if part.kind not in _MESSAGES and part.raw:
            if part.kind != Kind.STRAY:
                self._first = self._first or part.raw
            if len(self._envelope) < ENVELOPE:
                self._envelope += part.raw[:ENVELOPE] + b"\r"

    def _enter(self, part: Part) -> None:
        """Which batch the next messages belong to."""
        if part.kind == Kind.FILE:
            self._file = envelope_header(part.raw)
        elif part.kind == Kind.BATCH:
            self._batch = envelope_header(part.raw)

    # Taking

    def _settle(self, group: list[Part]) -> None:
        """Hand a group over, then write down its answers and that it is done."""
        slips = iter(self._passage.messages([part for part in group if part.kind in _MESSAGES]))
        answers = b"".join(
            self._told(next(slips)) if part.kind in _MESSAGES else self._around(part) for part in group
        )
        if self._rules.answers and answers:
            self._inbox.append(self._drafted, self._state.answers, answers)
            self._state.answers += len(answers)
        self._state.parts += len(group)

    def _told(self, slip: Slip) -> bytes:
        state = self._state
        state.messages += 1
        if slip.reason is not None:
            state.remark(Remark.of(state.messages, slip.reason))
        chosen = self._pen.chosen(slip.answers[-1:])
        state.acknowledged += len(chosen)
        return b"".join(chosen)

    def _around(self, part: Part) -> bytes:
        """The segment of the answers' envelope that goes with one of the messages'."""
        self._enter(part)
        state = self._state
        if part.kind == Kind.FILE and self._file is not None:
            return self._pen.open(self._file)
        if part.kind == Kind.BATCH:
            state.acknowledged = 0
            return self._pen.open(self._batch)
        if part.kind == Kind.BATCH_END:
            state.batches += 1
            return self._pen.close(self._batch, state.acknowledged)
        if part.kind == Kind.FILE_END and self._file is not None:
            return self._pen.close(self._file, state.batches)
        return b""

    # Ending

    def _keep_envelope(self, reader: BatchReader) -> None:
        """What was around the messages is kept as it is of a batch over a connection."""
        if not self._first:
            return
        signal(BatchReceived(self._channel.name, "doubtful" if reader.findings else "taken", reader.messages))
        reason = reader.findings[0] if reader.findings else None
        header = envelope_header(self._first)
        self._keep(self._envelope, header, reason)

    def _refuse(self, reason: Reason, head: bytes) -> None:
        """The whole file: nothing of it is taken; its head in quarantine shows it to people."""
        self._state.remark(Remark.of(0, reason))
        header = envelope_header(head[:3] + head[3:].split(b"\r", 1)[0].split(b"\n", 1)[0])
        self._keep(head, header, reason, "rejected")

    def _keep(self, raw: bytes, header: Header, reason: Reason | None, refused: Answered = "") -> None:
        channel = self._channel
        self._passage.keep(
            make_envelope(channel.name, self._keys, raw, header, reason, refused, channel.edition)
        )

    def _decide(self) -> None:
        state, answers = self._state, ""
        place: Final = "failed" if state.refused else "done"
        if state.answers and self._channel.mode != "never":
            answers = self._inbox.free_name("answers", f"{self._name}.ack")
        final = self._inbox.free_name(place, self._name)
        state.ending = Ending(place, os.fsencode(final).hex(), os.fsencode(answers).hex())
        self._inbox.write("work", self._note, write_state(state))


def _name(digits: str) -> str:
    return os.fsdecode(bytes.fromhex(digits))
