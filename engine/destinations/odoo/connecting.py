"""Opens a connection: asks which version answers and chooses the transport."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from engine.destinations.odoo.client import OdooClient, Step, Wire
from engine.destinations.odoo.connection import OdooConnection
from engine.destinations.odoo.json2 import Json2Wire, http_client, read_limited
from engine.destinations.odoo.jsonrpc import JsonRpcWire
from engine.errors import Misconfigured, Unavailable

__all__ = ["OLDEST", "connect", "open_wire", "probe"]

OLDEST = (17, 0)


def connect(connection: OdooConnection, step: Step = lambda _: None) -> OdooClient:
    """A client for this thread: JSON-2 where the server has it (19 and newer) and an API key is
    given, JSON-RPC elsewhere. Raises `Unavailable`, `KeyRefused`, `Misconfigured` (too old)."""
    return OdooClient(open_wire(connection), step)


def open_wire(connection: OdooConnection) -> Wire:
    """The transport alone. Raises as `connect` does."""
    version = probe(connection)
    if version < OLDEST:
        raise Misconfigured("Odoo older than 17 is not supported", where=connection.url)
    return _wire(connection, version)


def probe(connection: OdooConnection) -> tuple[int, ...]:
    """The server's version: `/web/version` (19), else `/web/webclient/version_info` (17, 18)."""
    with http_client(connection) as http:
        status, body = read_limited(http, "GET", "/web/version")
        if status == 200:
            return _version(_json(body).get("version"))
        if status >= 500:
            raise Unavailable(f"Odoo answered with HTTP {status}")
        asked = {"jsonrpc": "2.0", "method": "call", "params": {}, "id": 1}
        status, body = read_limited(http, "POST", "/web/webclient/version_info", json=asked)
        if status != 200:
            raise Unavailable("what answers there is not an Odoo that tells its version")
        return _version((_json(body).get("result") or {}).get("server_version"))


def _wire(connection: OdooConnection, version: tuple[int, ...]) -> Wire:
    if connection.transport == "json2" or (
        connection.transport == "auto" and version >= (19,) and connection.key
    ):
        if version < (19,) or not connection.key:
            raise Misconfigured(
                "JSON-2 needs Odoo 19 or newer and an API key", where=f"{connection.variable}_TRANSPORT"
            )
        return Json2Wire(connection, version)
    if not connection.user:
        raise Misconfigured(
            "is not set", where=f"{connection.variable}_USER", hint="JSON-RPC needs the login"
        )
    return JsonRpcWire(connection, version)


def _json(body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        answer = None
    return answer if isinstance(answer, dict) else {}


def _version(text: object) -> tuple[int, ...]:
    """`19.0-20251111` and `saas~18.2` alike; raises `Unavailable` for anything else."""
    found = re.search(r"(\d{1,3})\.(\d{1,3})", str(text))
    if not found:
        raise Unavailable("what answers there is not an Odoo that tells its version")
    return int(found[1]), int(found[2])
