"""A proxy in front of Odoo that does to requests what networks and busy servers do."""

from __future__ import annotations

import json
import random
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

FAULTS = ("refuse", "late before", "late after", "500", "429", "serialization", "not json", "cut")
"""What a proxy does by itself. Further: `key` forwards with a key that Odoo does not know."""

PATIENCE = 2.5
"""Seconds that clients of the proxy wait for an answer: longer than a slow machine's Odoo needs for one."""


class FaultyProxy(ThreadingHTTPServer):
    """Forwards to `target`; a share of the requests (seeded dice) meets a fault. A request with `poison`
    in it meets the `poisoned` fault whenever it comes."""

    daemon_threads = True

    def __init__(
        self, target: str, share: float, seed: int, faults: tuple[str, ...] = FAULTS, *, port: int = 0
    ) -> None:
        super().__init__(("127.0.0.1", port), _Proxied)
        self.target, self.share, self.faults = target, share, faults
        self.dice = random.Random(seed)
        self.met: dict[str, int] = {}
        self.poison, self.poisoned = b"", ""
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def end(self) -> None:
        """Listen no more, and answer nobody who is still connected."""
        self.share, self.faults, self.poison = 1.0, ("refuse",), b""
        self.shutdown()
        self.server_close()

    def fault(self, body: bytes) -> str:
        with self._lock:
            chosen = self.dice.choice(self.faults) if self.dice.random() < self.share else ""
            chosen = self.poisoned if self.poison and self.poison in body else chosen
            self.met[chosen] = self.met.get(chosen, 0) + 1
        return chosen

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news here."""


class _Proxied(BaseHTTPRequestHandler):
    server: FaultyProxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._meet("GET")

    def do_POST(self) -> None:
        self._meet("POST")

    def log_message(self, *_: object) -> None:
        return None

    def _meet(self, method: str) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.server.fault(body)
        if fault in ("refuse", "late before"):
            if fault == "late before":
                self._until_nobody_waits()
            self.close_connection = True
            return
        if fault in ("500", "429", "not json"):
            self._answer(200 if fault == "not json" else int(fault), b"<html>no</html>", "text/html")
            return
        if fault == "serialization":
            self._answer(*self._serialization(), "application/json")
            return
        if fault == "key" and "Authorization" in self.headers:
            self.headers.replace_header("Authorization", "bearer withdrawn")
        status, content, kind = self._forward(method, body)
        if fault == "late after":
            self._until_nobody_waits()
            self.close_connection = True
            return
        self._answer(status, content, kind, cut=fault == "cut")

    def _until_nobody_waits(self) -> None:
        self.connection.settimeout(10 * PATIENCE)
        with suppress(OSError):
            self.connection.recv(1)

    def _forward(self, method: str, body: bytes) -> tuple[int, bytes, str]:
        wanted = {
            n: v for n, v in self.headers.items() if n.lower() not in ("host", "connection", "content-length")
        }
        with httpx.Client(trust_env=False, timeout=60) as http:
            reply = http.request(method, self.server.target + self.path, content=body, headers=wanted)
        return reply.status_code, reply.content, reply.headers.get("Content-Type", "")

    def _serialization(self) -> tuple[int, bytes]:
        text = "could not serialize access due to concurrent update"
        data = {
            "name": "psycopg2.errors.SerializationFailure",
            "message": text,
            "arguments": [text],
            "debug": "…",
        }
        if self.path.startswith("/json/2"):
            return 500, json.dumps(data).encode()
        error = {"code": 200, "message": "Odoo Server Error", "data": data}
        return 200, json.dumps({"jsonrpc": "2.0", "id": 1, "error": error}).encode()

    def _answer(self, status: int, content: bytes, kind: str, *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.close_connection = self.close_connection or cut
