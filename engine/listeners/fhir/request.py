"""A request as it came over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["Receive", "Request"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Request:
    """Method, path as on the wire, query, headers in lower case (several of a name joined by commas),
    the client's certificate or None. `id` is what it is called here, `echo` what the answer calls it; `body`,
    its `digest` (keyed) and `size` are set when it is read."""

    def __init__(self, scope: MutableMapping[str, Any], receive: Receive, id_: str) -> None:
        self.method: str = scope["method"]
        self.path: bytes = scope["raw_path"]
        self.query: str = scope["query_string"].decode("ascii", "replace")
        self.address: str = (scope.get("client") or ("",))[0]
        self.peer: Any = scope.get("peer")
        self.headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
        self.receive = receive
        self.id = self.echo = id_
        self.body, self.digest, self.size = b"", b"", 0

    def __repr__(self) -> str:
        return f"Request({self.method})"
