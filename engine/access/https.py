"""Asking others over https, with nothing to spare: for the public keys that clients and issuers publish, and
for who somebody is who came by single sign-on.

The addresses stand in our own files, never in a token. Still the answer is not trusted with more than
its body: certificates are verified, nothing is followed, time and size are bounded, and names that lead to
where no such server is (link-local, multicast …) lead nowhere.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit

from engine.access.keys import MAX_SET, Published
from engine.errors import Unavailable

__all__ = ["ask", "fetch_keys"]

CONNECT_SECONDS: Final = 5.0
ALL_SECONDS: Final = 10.0
PORT: Final = 443

_MAX_AGE = re.compile(r"(?:^|[,\s])max-age\s*=\s*\"?(\d{1,10})\"?(?=$|[,\s])", re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?=$|[,\s=])", re.IGNORECASE)


def fetch_keys(url: str) -> Published:
    """The keys that an https address publishes (`engine.access.Fetch`). The system's authorities vouch for
    its certificate (`SSL_CERT_FILE` names others). Raises `Unavailable`."""
    return ask(url, "published keys")


def ask(url: str, what: str, form: Mapping[str, str] | None = None, authorization: str = "") -> Published:
    """What an https address gives, when it is sent this form, if there is one. Raises `Unavailable`, which
    calls it `what`."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise Unavailable(f"{what} come over https only")
    headers = {"Accept": "application/json", "Connection": "close"}
    if authorization:
        headers["Authorization"] = authorization
    try:
        return _ask(parts, parts.hostname, headers, form, what)
    except (OSError, http.client.HTTPException, ValueError):
        raise Unavailable(f"{what} cannot be had") from None


def _ask(
    parts: SplitResult, host: str, headers: dict[str, str], form: Mapping[str, str] | None, what: str
) -> Published:
    end = time.monotonic() + ALL_SECONDS
    connection = _Connection(host, parts.port or PORT, timeout=CONNECT_SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if form is None:
            connection.request("GET", target, headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", target, urlencode(form), headers)
        response = connection.getresponse()
        if response.status != http.HTTPStatus.OK:
            raise Unavailable(f"{what} cannot be had: another status than 200")
        return Published(_body(response, end, what), _may_be_kept(response))
    finally:
        connection.close()


def _body(response: http.client.HTTPResponse, end: float, what: str) -> bytes:
    """The body, bounded in size and time."""
    body = b""
    while part := response.read1(MAX_SET + 1):
        body += part
        if len(body) > MAX_SET or time.monotonic() > end:
            raise Unavailable(f"{what} are too many or too slow")
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
