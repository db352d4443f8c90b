"""Where an Odoo is and as whom Wardline speaks to it; secrets come from the environment or a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast
from urllib.parse import urlsplit

from engine.errors import Misconfigured

__all__ = ["OdooConnection", "Transport", "from_environment"]

Transport = Literal["auto", "json2", "jsonrpc"]


@dataclass(frozen=True)
class OdooConnection:
    """One Odoo database and its least-privilege user.

    `key` is an API key (JSON-2, and a password for JSON-RPC); `password` serves JSON-RPC alone.
    `company` is the company's name for effects that name none, empty for the user's own.
    Location names are Odoo's complete names (`WH/Stock`). Times are in seconds."""

    name: str
    url: str
    database: str
    user: str = ""
    key: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    transport: Transport = "auto"
    company: str = ""
    source_location: str = "WH/Stock"
    consumption_location: str = ""
    connect_timeout: float = 5.0
    timeout: float = 60.0

    @property
    def variable(self) -> str:
        """The prefix of the connection's environment variables."""
        return prefix(self.name)


def prefix(name: str) -> str:
    """`hospital-odoo` → `WARDLINE_ODOO_HOSPITAL_ODOO`."""
    return f"WARDLINE_ODOO_{name.upper().replace('-', '_')}"


def from_environment(name: str, env: Mapping[str, str]) -> OdooConnection:
    """The connection `name` out of `WARDLINE_ODOO_<NAME>_URL`, `_DATABASE`, `_USER`, `_KEY`,
    `_PASSWORD`, `_TRANSPORT`, `_COMPANY`, `_SOURCE_LOCATION`, `_CONSUMPTION_LOCATION`, `_TIMEOUT`.

    A key or password may be `file:PATH`. Raises `Misconfigured` naming the variable."""
    here = prefix(name)

    def word(last: str, default: str = "") -> str:
        return env.get(f"{here}_{last}", default).strip()

    transport = word("TRANSPORT", "auto")
    if transport not in ("auto", "json2", "jsonrpc"):
        raise Misconfigured("is none of auto, json2, jsonrpc", where=f"{here}_TRANSPORT")
    connection = OdooConnection(
        name=name,
        url=_address(word("URL"), f"{here}_URL"),
        database=word("DATABASE"),
        user=word("USER"),
        key=_secret(word("KEY"), f"{here}_KEY"),
        password=_secret(word("PASSWORD"), f"{here}_PASSWORD"),
        transport=cast(Transport, transport),
        company=word("COMPANY"),
        source_location=word("SOURCE_LOCATION", "WH/Stock"),
        consumption_location=word("CONSUMPTION_LOCATION"),
        timeout=_seconds(word("TIMEOUT", "60"), f"{here}_TIMEOUT"),
    )
    _complete(connection, here)
    return connection


def _complete(connection: OdooConnection, here: str) -> None:
    """Refuse a connection that could never log in."""
    if not connection.database:
        raise Misconfigured("is not set", where=f"{here}_DATABASE", hint="the name of Odoo's database")
    if not connection.key and not connection.password:
        raise Misconfigured("is not set", where=f"{here}_KEY", hint="an API key of Wardline's Odoo user")
    if not connection.user and (connection.transport == "jsonrpc" or not connection.key):
        raise Misconfigured("is not set", where=f"{here}_USER", hint="the login of Wardline's Odoo user")


def _address(url: str, where: str) -> str:
    if not url:
        raise Misconfigured(
            "is not set",
            where=where,
            hint="Odoo's address; --ledger FILE writes a file instead of going to Odoo",
        )
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured("is not an address like https://odoo.example", where=where)
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise Misconfigured("may hold scheme, host and port alone", where=where)
    return f"{parts.scheme}://{parts.netloc}"


def _secret(text: str, where: str) -> str:
    if not text.startswith("file:"):
        return text
    try:
        return Path(text.removeprefix("file:")).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured("names a file that cannot be read", where=where) from error


def _seconds(text: str, where: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 600:
        raise Misconfigured("is not a number of seconds from 1 to 600", where=where)
    return seconds
