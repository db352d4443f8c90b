"""`wardline run` with something wrong in it: `python faulty.py FAULT… -- run CHANNELS …`.

Faults are patched into this process only; the engine itself has no switches for tests. A rest is a number
of seconds, or the path of a file: until somebody removes it.

| fault | what goes wrong |
|---|---|
| `loud` | everything that any library logs at any level comes out |
| `die-before-commit` | kill -9 when a message is about to be stored |
| `die-after-commit` | kill -9 when a message has been stored, before its answer |
| `slow=REST` | every commit of messages rests first |
| `hasty=SECONDS` | a frame may take that long, a pause inside it a third of that |
| `refuse` | the destination refuses whatever it gets |
| `dawdle=REST` | so does routing before each batch |
| `stick=LOOP` | that loop works on one thing for ever, from its second turn on; whoever looks is impatient |
| `end=LOOP` | the thread of that loop ends, in its second turn |
| `sealed` | the store takes no commits of any kind while a file `sealed` lies beside the ledger |
| `linger=REST` | so does the destination |
| `impatient=SECONDS` | waits between attempts begin there and stay below a hundred times that |
| `points=FOLDER:NUMBER` | deliveries can be held; kill -9 at that fault point (`fault_points.py`) |
| `in-flight=FOLDER:NUMBER` | the same, a moment after the point: a call is under way |
| `file-step=NUMBER` | kill -9 before that step of the work on files: each call that changes the disk |
| `file-grows` | a file is written to once more while it is read |
| `leak=FOLDER:PLACE` | the patient's name gets out there (`planted_leak.py`) |
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import planted_leak
from fault_points import FaultPoints

from engine import cli
from engine.app import listening, measured, process, working
from engine.destinations.ledger import LedgerDestination
from engine.errors import Unavailable
from engine.listeners import file_run, inbox
from engine.model import Reason, ReasonCode, Refused
from engine.store.sql import SqlStore
from engine.store.sqlite import SqliteDatabase
from engine.threads import Loop

_accept = SqlStore.accept


def loud() -> None:
    """All levels, and the texts that the engine leaves out on purpose."""
    quiet = process.configure_logs

    def configure(**given: Any) -> None:
        quiet(**{**given, "level": "DEBUG"})
        logging.basicConfig(level=logging.DEBUG, format="%(name)s %(message)s", force=True)

    process.configure_logs = configure


def die_before_commit() -> None:
    _accepting(lambda store, arrivals: _die())


def die_after_commit() -> None:
    def accept(store: SqlStore, arrivals: Sequence[Any]) -> Any:
        _accept(store, arrivals)
        _die()

    _accepting(accept)


def slow(rest: str) -> None:
    def accept(store: SqlStore, arrivals: Sequence[Any]) -> Any:
        _rest(rest)
        return _accept(store, arrivals)

    _accepting(accept)


def hasty(seconds: str) -> None:
    patient: Any = listening.Limits
    listening.Limits = partial(  # type: ignore[misc, assignment]
        patient, frame_timeout=float(seconds), read_timeout=float(seconds) / 3
    )


def refuse() -> None:
    reason = Reason(ReasonCode.REFUSED, "the destination refused it", "FT1[1]-7", hl7=204)
    LedgerDestination.deliver = lambda self, deliveries, note: [  # type: ignore[method-assign]
        Refused(reason) for _ in deliveries
    ]


def impatient(seconds: str) -> None:
    first = float(seconds)
    working.RetryPolicy = partial(working.RetryPolicy, first=first, longest=100 * first)  # type: ignore[misc, assignment]


def points(where: str) -> None:
    folder, _, number = where.rpartition(":")
    FaultPoints(Path(folder), int(number)).install()


def in_flight(where: str) -> None:
    folder, _, number = where.rpartition(":")
    FaultPoints(Path(folder), int(number), in_flight=True).install()


def file_step(number: str) -> None:
    left = [int(number)]

    def step(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                _die()
            return call(*given, **named)

        return stepped

    inbox.os = SimpleNamespace(  # type: ignore[assignment]
        **{
            **vars(os),
            **{name: step(getattr(os, name)) for name in ("rename", "unlink", "write", "ftruncate", "fsync")},
        }
    )
    _accepting(step(_accept))


def file_grows() -> None:
    read = file_run.os.pread

    def pread(descriptor: int, size: int, at: int) -> bytes:
        data = read(descriptor, size, at)
        if not data:
            with open(f"/proc/self/fd/{descriptor}", "ab") as file:
                file.write(b"\r")
        return data

    file_run.os = SimpleNamespace(**{**vars(os), "pread": pread})  # type: ignore[assignment]


def leak(where: str) -> None:
    folder, _, place = where.rpartition(":")
    planted_leak.plant(place, Path(folder))


def dawdle(rest: str) -> None:
    turn = working.RoutingLoop.turn

    def slowly(self: Any) -> float:
        _rest(rest)
        return turn(self)

    working.RoutingLoop.turn = slowly  # type: ignore[method-assign]


def stick(loop: str) -> None:
    measured._SHORTER = {loop: 0.3}  # type: ignore[misc, assignment]
    _second_turn(loop, lambda: time.sleep(3600))


def end(loop: str) -> None:
    _second_turn(loop, sys.exit)


def _second_turn(loop: str, fault: Callable[[], object]) -> None:
    before = Loop.__init__

    def made(self: Loop, name: str, turn: Callable[[], float], failed: Any) -> None:
        turns = iter(range(2))

        def turned() -> float:
            if name == loop and next(turns, 1):
                fault()
            return turn()

        before(self, name, turned, failed)

    Loop.__init__ = made  # type: ignore[method-assign]


def sealed() -> None:
    file, write = Path(os.environ["WARDLINE_LEDGER"]).with_name("sealed"), SqliteDatabase.write

    def guarded(self: SqliteDatabase, *turns: str) -> Any:
        if file.exists():
            raise Unavailable("the disk takes nothing")
        return write(self, *turns)

    SqliteDatabase.write = guarded  # type: ignore[method-assign]


def linger(rest: str) -> None:
    deliver = LedgerDestination.deliver

    def slowly(self: LedgerDestination, deliveries: Sequence[Any], note: Any) -> Any:
        _rest(rest)
        return deliver(self, deliveries, note)

    LedgerDestination.deliver = slowly  # type: ignore[method-assign]


def _rest(rest: str) -> None:
    if not rest.startswith("/"):
        time.sleep(float(rest))
    while rest.startswith("/") and os.path.exists(rest):
        time.sleep(0.01)


def _accepting(accept: Callable[[SqlStore, Sequence[Any]], Any]) -> None:
    SqlStore.accept = accept  # type: ignore[method-assign]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Bring the faults about, then be `wardline`."""
    faults, arguments = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    for fault in faults:
        name, _, value = fault.partition("=")
        globals()[name.replace("-", "_")](*([value] if value else []))
    command = process._command
    process._command = lambda share: [  # workers have the same faults
        sys.executable, __file__, *faults, "--", *command(share)[3:]
    ]  # fmt: skip
    sys.argv = ["wardline", *arguments]
    cli.main()


if __name__ == "__main__":
    main()
