"""JSON-2, Odoo's API since version 19: `POST /json/2/<model>/<method>` with an API key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import msgspec

from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.faults import ServerError, fault
from engine.errors import Unavailable

__all__ = ["MAX_ANSWER", "Json2Wire", "http_client", "read_limited"]

MAX_ANSWER = 10 * 1024 * 1024
"""Bytes of an answer (spec: threats, section 3.6)."""


def http_client(connection: OdooConnection) -> httpx.Client:
    """Verified TLS, no redirects, no proxy from the environment, connections kept."""
    return httpx.Client(
        base_url=connection.url,
        timeout=httpx.Timeout(connection.timeout, connect=connection.connect_timeout),
        follow_redirects=False,
        trust_env=False,
    )


def read_limited(http: httpx.Client, method: str, path: str, **request: Any) -> tuple[int, bytes]:
    """Status and body of one request. Raises `Unavailable`; `ServerError` when the body is too big."""
    try:
        with http.stream(method, path, **request) as response:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_ANSWER:
                    raise ServerError("Odoo's answer is larger than 10 MiB")
            return response.status_code, bytes(body)
    except httpx.TimeoutException as error:
        raise Unavailable("Odoo did not answer in time") from error
    except httpx.HTTPError as error:
        raise Unavailable(f"Odoo cannot be reached ({type(error).__name__})") from error


class Json2Wire:
    """Calls over one kept connection."""

    transport = "json2"

    def __init__(self, connection: OdooConnection, version: tuple[int, ...]) -> None:
        self.version = version
        self._http = http_client(connection)
        self._http.headers["Authorization"] = f"bearer {connection.key}"
        self._http.headers["X-Odoo-Database"] = connection.database

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        """One call; see `client.Wire`."""
        body: dict[str, Any] = {**args, "context": context}
        if ids is not None:
            body["ids"] = ids
        status, content = read_limited(
            self._http,
            "POST",
            f"/json/2/{model}/{method}",
            content=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
        )
        if status == 200:
            return _decode(content)
        raise _refused(status, content)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _decode(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError as error:
        raise Unavailable("Odoo's answer is not JSON") from error


def _refused(status: int, content: bytes) -> Exception:
    """Only `name` and `message` of the body are looked at; `debug` holds data."""
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        named: dict[str, Any] = {}
    else:
        named = body
    if not named.get("name") and status not in (401, 403):
        return Unavailable(f"Odoo answered with HTTP {status}")
    return fault(str(named.get("name", "")), str(named.get("message", "")), status)
