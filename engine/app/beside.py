"""The console beside an engine: a process of its own, started with it, again when it ends, and ended with
it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed

from engine.app.signing_on import single_of
from engine.console.server import door_of, listening
from engine.settings import Settings
from engine.telemetry import ConsoleEnded, signal
from engine.threads import Threads

__all__ = ["Beside", "check_console"]

AGAIN: Final = 1.0
LONGEST: Final = 60.0
"""Seconds until a console that ended is started again, at first and at most."""


def check_console(settings: Settings) -> None:
    """Raises `Misconfigured` for a console that would not start: said before the engine does."""
    options = listening(
        settings.console, certificate=settings.console_cert, key=settings.console_key,
        url=settings.console_url, insecure_ok=settings.insecure_ok,
    )  # fmt: skip
    single_of(settings, door_of(options, options.port).url)


class Beside:
    """Starts the console, waits for it in a thread (`engine.app.workers` says why), starts it again. Its
    standard input closes when this process is gone: then it ends too."""

    def __init__(self, reactor: Any, environment: Mapping[str, str]) -> None:
        self._reactor, self._environment = reactor, dict(environment)
        self._waits = Threads(reactor, "console")
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: Deferred[None] | None = None
        self._again = AGAIN
        self._stopping = False

    def start(self) -> None:
        """Start it."""
        if self._stopping:
            return
        command = [sys.executable, "-m", "engine.cli", "console", "--beside"]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, env=self._environment, stdin=subprocess.PIPE
        )
        self._ended = self._waits.run(self._process.wait).addCallback(self._over)

    def stop(self) -> Deferred[Any]:
        """Ask it to finish; fires when it is gone."""
        self._stopping = True
        if self._process is None or self._ended is None:
            self._waits.close()
            return succeed(None)
        with suppress(ProcessLookupError):
            self._process.terminate()
        return self._ended.addCallback(lambda _: self._waits.close())

    def _over(self, status: int) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = self._ended = None
        if not self._stopping:
            signal(ConsoleEnded(status))
            self._reactor.callLater(self._again, self.start)
            self._again = min(LONGEST, 2 * self._again)
