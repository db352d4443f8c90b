"""A real browser, spoken to as its developer tools do (Chrome DevTools Protocol), no driver between."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from chromium import Chromium
from websockets.sync.client import connect

__all__ = ["Browser"]


class Browser:
    """A browser with one page; `folder` is where it keeps what it keeps."""

    def __init__(self, chromium: Chromium, folder: Path) -> None:
        self._folder, self._numbers, self._opened = folder, itertools.count(1), ExitStack()
        self.events: list[dict[str, Any]] = []
        self._command = [
            chromium.program, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-dev-shm-usage", f"--user-data-dir={folder}", "--remote-debugging-port=0",
            "about:blank",
        ]  # fmt: skip
        self._environ = chromium.environ

    def __enter__(self) -> Self:
        with ExitStack() as opened:
            silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self._process = subprocess.Popen(self._command, env=self._environ, **silent)
            opened.callback(self._end)
            self._socket = opened.enter_context(connect(self._address(), max_size=None, proxy=None))
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.call(f"{domain}.enable")
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._opened.close()

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command; its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            said = json.loads(self._socket.recv(30))
            if said.get("id") == number:
                assert "error" not in said, said
                result: dict[str, Any] = said["result"]
                return result
            self.events.append(said)

    def look(self, expression: str) -> Any:
        """What an expression of the page gives."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]
        return found.get("value")

    def goes(self, act: Callable[[], object]) -> None:
        """Do something that leads to another page, and wait until that is there."""
        self.look("window.before = true")
        act()
        self.until("!window.before && document.readyState === 'complete'")

    def until(self, expression: str, within: float = 20.0) -> None:
        """Wait until an expression of the page holds."""
        end = time.monotonic() + within
        while not self.look(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.05)

    def open(self, url: str) -> None:
        self.goes(lambda: self.call("Page.navigate", url=url))

    def key(self, name: str, code: int, *, text: str = "") -> None:
        """Press a key."""
        pressed = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", **pressed, **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def complaints(self) -> list[str]:
        """What the page or its policy complained about."""
        return [
            event["params"]["entry"]["text"]
            for event in self.events
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error"
        ]

    def asked(self) -> set[str]:
        """The addresses that were asked for anything."""
        return {
            httpx.URL(event["params"]["request"]["url"]).netloc.decode()
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        }

    def _address(self) -> str:
        """Where the page's tools listen, once the browser says so."""
        told, end = self._folder / "DevToolsActivePort", time.monotonic() + 30
        while not (told.exists() and told.read_text().strip()):
            assert time.monotonic() < end, "the browser does not start"
            time.sleep(0.05)
        port = told.read_text().splitlines()[0]
        pages = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
        return str(next(one["webSocketDebuggerUrl"] for one in pages if one["type"] == "page"))
