"""An editor, as far as a language server can tell: it opens files, asks and is told (LSP 3.17, stdio)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, NamedTuple

from npm_packages import packages

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LONGEST = 60
"""Seconds for an answer, on a busy machine."""

Json = dict[str, Any]


def server_command() -> list[str]:
    """The language server, installed once for each state of its lock file; skips where Node.js or the
    packages are not to be had."""
    return ["node", str(packages(HERE) / "yaml-language-server/bin/yaml-language-server"), "--stdio"]


@contextmanager
def editing(schemas: dict[str, list[str]]) -> Iterator[Editor]:
    """An editor with a language server of its own, told which schema (a path) is for which files (globs)."""
    process = subprocess.Popen(server_command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    editor = Editor(process, schemas)
    try:
        editor.start()
        yield editor
    finally:
        process.kill()
        process.wait(10)
        editor.close()


class Opened(NamedTuple):
    """A file that is open: its path, its text, what the server says is wrong with it."""

    path: Path
    text: str
    diagnostics: list[Json]

    @property
    def said(self) -> list[tuple[int, str]]:
        """Lines (from 1) and words."""
        return [(one["range"]["start"]["line"] + 1, one["message"]) for one in self.diagnostics]


class Editor:
    """One client of one server."""

    def __init__(self, process: subprocess.Popen[bytes], schemas: dict[str, list[str]]) -> None:
        self._process, self._asked, self._opened = process, 0, 0
        self._told: Queue[Json] = Queue()
        mapped = {(ROOT / path).as_uri(): globs for path, globs in schemas.items()}
        store = {"enable": False}
        self._settings = {
            "validate": True, "hover": True, "completion": True, "format": {"enable": False},
            "schemas": mapped, "schemaStore": store, "kubernetesCRDStore": store,
        }  # fmt: skip
        self._reader = Thread(target=self._read, daemon=True)

    def start(self) -> None:
        """Say hello, and how files are to be looked at."""
        self._reader.start()
        capabilities: Json = {
            "workspace": {"configuration": True, "didChangeConfiguration": {}},
            "textDocument": {
                "completion": {"completionItem": {"documentationFormat": ["markdown"]}},
                "hover": {"contentFormat": ["markdown"]},
            },
        }
        self.ask("initialize", {"processId": None, "rootUri": ROOT.as_uri(), "capabilities": capabilities})
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": self._settings}})
        self._answer(self._until(lambda one: one.get("method") == "workspace/configuration"))

    def close(self) -> None:
        """Let go of the pipes of a server that has ended."""
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def open(self, path: Path, text: str | None = None) -> Opened:
        """A file, as it is or with another text, once the server has looked at it. It is a file of its own
        beside `path`, so that nothing said of another is taken for its own."""
        self._opened += 1
        here = path.with_name(f"{self._opened}-{path.name}")
        said = path.read_text() if text is None else text
        document = {"uri": here.as_uri(), "languageId": "yaml", "version": 1, "text": said}
        self._tell("textDocument/didOpen", {"textDocument": document})
        told = self._until(lambda one: _about(one) == document["uri"])
        return Opened(here, said, list(told["params"]["diagnostics"]))

    def at(self, what: str, opened: Opened, marked: str) -> Any:
        """What the server says of the place where `marked` ends: `completion` or `hover`."""
        upto = opened.text[: opened.text.index(marked) + len(marked)]
        position = {"line": upto.count("\n"), "character": len(upto.rpartition("\n")[2])}
        document = {"uri": opened.path.as_uri()}
        return self.ask(f"textDocument/{what}", {"textDocument": document, "position": position})

    def ask(self, method: str, params: Json) -> Any:
        """A request and its answer."""
        self._asked += 1
        number = self._asked
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        answer = self._until(lambda one: one.get("id") == number and "method" not in one)
        assert "error" not in answer, answer
        return answer["result"]

    def _tell(self, method: str, params: Json) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def _until(self, wanted: Callable[[Json], bool]) -> Json:
        while True:
            one = self._told.get(timeout=LONGEST)
            if wanted(one):
                return one
            if "method" in one and "id" in one:
                self._answer(one)

    def _answer(self, request: Json) -> None:
        """What the server asks back: the settings, section by section; anything else needs nothing."""
        result: Any = None
        if request["method"] == "workspace/configuration":
            result = [
                self._settings if item.get("section") == "yaml" else None
                for item in request["params"]["items"]
            ]
        self._send({"jsonrpc": "2.0", "id": request["id"], "result": result})

    def _send(self, message: Json) -> None:
        body = json.dumps(message).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self._process.stdin.flush()

    def _read(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        while head := pipe.readline():
            length = int(head.partition(b":")[2])
            while pipe.readline().strip():
                pass  # other headers, then an empty line
            self._told.put(json.loads(pipe.read(length)))


def _about(message: Json) -> str:
    """The file whose diagnostics a message tells; empty for another message."""
    if message.get("method") != "textDocument/publishDiagnostics":
        return ""
    return str(message["params"]["uri"])
