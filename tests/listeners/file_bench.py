"""A folder listener on a real folder and a real store, without a reactor: what it hands over is stored at
once. `in_child` runs it in a process of its own that may be killed at a chosen step."""

from __future__ import annotations

import base64
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from engine.hl7.accept import AcceptRules
from engine.listeners import inbox
from engine.listeners.channel import BatchRules, Channel, Doors
from engine.listeners.file_run import FileRules
from engine.listeners.folder import FolderListener, FolderRules
from engine.model import Arrival, Receipt
from engine.store.base import MessageStore
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing
from engine.store.sql import SqlStore, open_store

KEY = "first:" + base64.b64encode(b"\x07" * 32).decode()
RING = KeyRing({"first": b"\x07" * 32})
STEPS = ("mkdir", "rename", "unlink", "write", "ftruncate", "fsync")


@contextmanager
def store_in(folder: Path) -> Iterator[MessageStore]:
    store = open_store(f"sqlite:///{folder}/wardline.db", RING)
    try:
        yield store
    finally:
        store.close()


def listener(store: MessageStore, path: Path, *, atomic: bool = False, **rules: Any) -> FolderListener:
    """Takes everything that is called `*.hl7`, at once, and writes answers."""

    def submit(arrival: Arrival, settled: Callable[[Receipt | None], None]) -> None:
        settled(store.accept([arrival])[0])

    files = FileRules(rules.pop("largest", 65536), rules.pop("max_file", 10**9), answers=True)
    return FolderListener(
        Channel("charges", AcceptRules(), batches=BatchRules(atomic=atomic)),
        Doors(submit, lambda *_: None, lambda *_: None, lambda *_: None, Fingerprints(RING)),
        FolderRules(str(path), "*.hl7", files, **{"settle": 0.0, **rules}),
        from_thread=lambda call, *given: call(*given),
        threads=None,  # type: ignore[arg-type] - nothing is stopped here
    )


def turns(folder: Path, path: Path, **rules: Any) -> None:
    """Take whatever there is."""
    with store_in(folder) as store:
        door = listener(store, path, **rules)
        while not door.turn():
            pass


def in_child(work: Callable[[], None], deadly: int | None = None) -> bool:
    """Run `work` in a child process; kill -9 before its step number `deadly`: a call that changes the
    disk, or a commit. Whether it came through."""
    child = os.fork()
    if not child:
        try:
            if deadly is not None:
                _count_down(deadly)
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def _count_down(deadly: int) -> None:
    left = [deadly]

    def step(call: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*given: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*given, **named)

        return stepped

    inbox.os = SimpleNamespace(  # type: ignore[assignment]
        **{**vars(os), **{name: step(getattr(os, name)) for name in STEPS}}
    )
    SqlStore.accept = step(SqlStore.accept)  # type: ignore[method-assign]
