"""Asking for the public keys that clients and issuers publish, over https and with nothing to spare.

The addresses stand in the clients file, never in a token. Still the answer is not trusted with more than
its body: certificates are verified, nothing is followed, time and size are bounded, and names that lead to
where no key server is (link-local, multicast …) lead nowhere.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from engine.access import Published
from engine.access.keys import MAX_SET
from engine.errors import Unavailable

__all__ = ["fetch_keys"]

CONNECT_SECONDS: Final = 5.0
ALL_SECONDS: Final = 10.0
PORT: Final = 443

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,10})\"?(?=$|[,\s])", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?=$|[,\s=])", re.IGNORECASE)


def fetch_keys(url: str) -> Published:
    """What an https address gives (`engine.access.Fetch`). The system's authorities vouch for its
    certificate (`SSL_CERT_FILE` names others). Raises `Unavailable`."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Unavailable("published keys come over https only")
    try:
        return _ask(parts, parts.hostname, time.monotonic() + ALL_SECONDS)
    except (OSError, http.client.HTTPException, ValueError):
        raise Unavailable("published keys cannot be had") from None


def _ask(parts: SplitResult, host: str, end: float) -> Published:
    connection = _Connection(host, parts.port or PORT, timeout=CONNECT_SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept": "application/json", "Connection": "close"})
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise Unavailable("published keys cannot be had: another status than 200")
        return Published(_body(response, end), _may_be_kept(response))
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse, end: float) -> bytes:
    """The body, bounded in size and time."""
    body = b""
    while part := response.read1(MAX_SET + 1):
        body += part
        if len(body) > MAX_SET or time.monotonic() > end:
            raise Unavailable("published keys are too many or too slow")
    return body


def _may_be_kept(response: http.client.HTTPResponse) -> float | None:
    """Seconds (RFC 9111, 5.2.2): `max-age` less what it has aged on its way; None when nothing is said."""
    said = response.headers.get("Cache-Control", "")
    if _NOT_KEPT.search(said):
        return 0.0
    found = _MAX_AGE.search(said)
    age = response.headers.get("Age", "0").strip()
    if found is None:
        return None
    return max(0.0, float(found[1]) - (float(age) if age.isascii() and age.isdigit() else 0.0))


class _Connection(http.client.HTTPSConnection):
    """Resolves its host once, and connects to nothing but addresses that it looked at."""

    def connect(self) -> None:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
        if any(map(_nowhere, addresses)):
            raise OSError("an address where no key server is")
        plain = _first(addresses, self.port)
        try:
            self.sock = _context().wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _first(addresses: list[str], port: int) -> socket.socket:
    """A connection to the first address that takes it."""
    for address in addresses[:-1]:
        try:
            return socket.create_connection((address, port), CONNECT_SECONDS)
        except OSError:
            continue
    return socket.create_connection((addresses[-1], port), CONNECT_SECONDS)


def _nowhere(address: str) -> bool:
    found = ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    one = mapped or found
    return bool(one.is_link_local or one.is_multicast or one.is_unspecified or one.is_reserved)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
