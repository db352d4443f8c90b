"""Where a channel listens, read from its file."""

from __future__ import annotations

import re
from ipaddress import ip_address

__all__ = ["is_loopback", "listens_on"]

_PORT = re.compile(r"tcp:(?:(?P<address>.+):)?(?P<port>[0-9]{1,5})")
_ENV = re.compile(r"env:[A-Z][A-Z0-9_]*")


def listens_on(listen: str) -> tuple[str, int] | None:
    """Address (empty: the node's own) and port (0: any free one) of a `listen:`; None for `env:NAME`.

    Raises `ValueError` when it is neither."""
    if _ENV.fullmatch(listen):
        return None
    found = _PORT.fullmatch(listen)
    if not found or int(found["port"]) > 65535:
        raise ValueError
    address = (found["address"] or "").strip("[]")
    return (str(ip_address(address)) if address else ""), int(found["port"])


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
