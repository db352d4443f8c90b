"""HL7 v2 in files: the door of one channel, from its folder to its `Reception`.

A thread looks into the folder, takes files that are complete, oldest first, one at a time. A folder that is
not there, a disk that is full, a store that takes nothing: nothing moves, an operator sees it, and it goes on
when it is mended (docs/manual/batches-and-files.md).
"""

from __future__ import annotations

import errno
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import msgspec
from twisted.internet.defer import Deferred

from engine.errors import Unavailable
from engine.listeners.channel import Channel, Doors
from engine.listeners.exchange import Pen
from engine.listeners.file_run import STATE, FileRules, FileRun
from engine.listeners.inbox import Inbox, Seen
from engine.listeners.passage import Passage, Stopped
from engine.telemetry import FolderAway, FolderBack, FolderSeen, FolderWatched, LoopFailed, signal
from engine.threads import Loop, Threads

__all__ = ["FolderListener", "FolderRules"]

AT_ONCE = 100  # files taken between two looks into the folder
PAUSE = 1.0  # seconds before what the store did not take is tried again
TIDY_EVERY = 3600.0  # seconds between looks for files that were kept long enough
DAY = 86400.0


class FolderRules(msgspec.Struct, frozen=True):
    """Where the files are, which, when one is complete, in which order, how long done ones stay."""

    path: str
    pattern: str
    files: FileRules
    order: Literal["time", "name"] = "time"
    settle: float = 10.0  # seconds without a change
    every: float = 5.0  # seconds between looks
    keep: float = 30 * DAY


class _Way(NamedTuple):
    """How files go in, as one thing: what a file is begun with."""

    channel: Channel
    rules: FolderRules
    pen: Pen
    passage: Passage


class FolderListener:
    """One channel's door. `from_thread` runs a function in the reactor's thread; `threads` is where a
    stop is waited for."""

    def __init__(
        self,
        channel: Channel,
        doors: Doors,
        rules: FolderRules,
        *,
        from_thread: Callable[..., Any],
        threads: Threads,
    ) -> None:
        self._doors, self._from_thread, self._threads = doors, from_thread, threads
        self._counters: Counter[str] = Counter()
        self._stopping = False
        self._accepting = True
        self._away = ""
        self._seen: dict[str, tuple[Seen, float]] = {}
        self._tidied = 0.0
        self._emptied: Deferred[None] | None = None
        self._ended = False
        self._loop = Loop(f"folder {channel.name}", self.turn, self._failed)
        self.take_up(channel, rules)

    def take_up(self, channel: Channel, rules: FolderRules) -> None:
        """Take files by these rules from the next one on; one that is begun is taken to its end by the rules
        that it was begun by."""
        passage = Passage(
            channel,
            self._doors,
            self._counters,
            from_thread=self._from_thread,
            stopping=lambda: self._stopping,
        )
        self._way = _Way(channel, rules, Pen(channel, self._doors.told), passage)

    @property
    def name(self) -> str:
        """The channel's name."""
        return self._way.channel.name

    @property
    def counters(self) -> Mapping[str, int]:
        """Irregularities of headers and character sets, growing only."""
        return self._counters

    @property
    def is_open(self) -> bool:
        """Whether files can be taken."""
        return self._accepting and not self._away and not self._stopping

    def open(self) -> None:
        """Begin to look."""
        signal(FolderWatched(self.name))
        self._loop.start()

    def accepting(self, yes: bool) -> None:
        """Go on or wait (the store is down)."""
        self._accepting = yes
        if yes:
            self._loop.wake()

    def retire(self) -> Deferred[Any]:
        """Take no more files, and stop when those that are begun are at their end."""
        self._emptied = Deferred()
        self._emptied.addCallback(lambda _: self._threads.run(self._loop.stop, None))
        self._loop.wake()
        return self._emptied

    def drain(self, timeout: float) -> Deferred[Any]:
        """Stop after the messages that are on their way; the rest of a file is taken at the next start."""
        self._stopping = True
        return self._threads.run(self._loop.stop, timeout)

    # The loop's thread

    def turn(self) -> float:
        """Take what is complete; the seconds to rest before the next look."""
        if not self._accepting:
            return PAUSE
        try:
            inbox = Inbox(self._way.rules.path)
            try:
                worked = self._work(inbox)
            finally:
                inbox.close()
        except Unavailable:
            return PAUSE
        except Stopped:
            return PAUSE
        except OSError as error:
            self._is_away(error)
            return self._way.rules.every
        if self._away:
            self._away = ""
            signal(FolderBack(self.name))
        return 0.0 if worked else self._way.rules.every

    def _work(self, inbox: Inbox) -> bool:
        """What an earlier run left, then what is complete; whether there was any."""
        left = inbox.names("work")
        for name in left:
            self._file(inbox, name)
        self._clear(inbox)
        if self._is_retiring():
            return self._end()
        complete = self._complete(inbox)
        for name in complete:
            if self._is_retiring() or not self._accepting:
                return True
            with suppress(FileNotFoundError):  # taken back by whoever put it there
                inbox.take(name)
                self._file(inbox, name)
        if not complete:
            self._tidy(inbox)
        return bool(left or complete)

    def _is_retiring(self) -> bool:
        """Whether no more files are to be taken: it may be said at any moment."""
        return self._emptied is not None

    def _end(self) -> bool:
        """Nothing is begun any more: say so once."""
        if self._emptied is not None and not self._ended:
            self._ended = True
            self._from_thread(self._emptied.callback, None)
        return False

    def _clear(self, inbox: Inbox) -> None:
        """Notes of files that are not in `work/` any more: the last steps of those that were ending."""
        for note in inbox.notes():
            if note.endswith(STATE):
                self._file_run(inbox, note[1:].removesuffix(STATE)).end()
        for note in inbox.notes():
            inbox.remove("work", note)

    def _file(self, inbox: Inbox, name: str) -> None:
        if self._stopping:
            raise Stopped
        self._file_run(inbox, name).run()

    def _file_run(self, inbox: Inbox, name: str) -> FileRun:
        channel, rules, pen, passage = self._way
        return FileRun(inbox, name, channel, rules.files, passage, self._doors.keys, pen)

    def _complete(self, inbox: Inbox) -> list[str]:
        """The names of files that did not change for long enough, in order."""
        now, rules = time.monotonic(), self._way.rules
        found, odd = inbox.arrived(rules.pattern)
        before, self._seen = self._seen, {}
        for seen in found:
            known = before.get(seen.name)
            self._seen[seen.name] = known if known and known[0] == seen else (seen, now)
        oldest = max((time.time() - seen.changed / 1e9 for seen in found), default=0.0)
        signal(FolderSeen(self.name, len(found), odd, max(oldest, 0.0)))
        settled = [seen for seen, since in self._seen.values() if now - since >= rules.settle]
        by_name = rules.order == "name"
        settled.sort(key=lambda seen: (0 if by_name else seen.changed, seen.name))
        return [seen.name for seen in settled[:AT_ONCE]]

    def _tidy(self, inbox: Inbox) -> None:
        """Remove what is done and was kept long enough: it is in the store."""
        if time.monotonic() - self._tidied < TIDY_EVERY and self._tidied:
            return
        self._tidied = time.monotonic()
        for name in inbox.names("done"):
            if inbox.age("done", name, time.time()) > self._way.rules.keep:
                inbox.remove("done", name)

    def _is_away(self, error: OSError) -> None:
        word = errno.errorcode.get(error.errno or 0, "OSError")
        if word != self._away:
            self._away = word
            signal(FolderAway(self.name, word))

    def _failed(self, error: BaseException) -> float:
        signal(LoopFailed("folder", type(error).__name__))
        return PAUSE
