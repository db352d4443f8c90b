"""What every answer of our pages carries: a browser loads nothing from elsewhere, keeps nothing, and lets
nobody frame them (CSP Level 3; the Fetch standard; HTML, 7.1)."""

from __future__ import annotations

from typing import Final

from starlette.types import Message, Send

__all__ = ["CONSOLE", "CONSOLE_OVER_TLS", "WORKBENCH", "Answer"]

_Headers = tuple[tuple[bytes, bytes], ...]

_POLICY: Final = (
    b"default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self';"
    b" form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_EVERYWHERE: Final[_Headers] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),  # with no-referrer a form would say that it came from nowhere
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

WORKBENCH: Final[_Headers] = ((b"content-security-policy", _POLICY), *_EVERYWHERE)
"""Its pages have no scripts."""

CONSOLE: Final[_Headers] = (
    (b"content-security-policy", _POLICY + b"; script-src 'self'; connect-src 'self'"),
    *_EVERYWHERE,
)
CONSOLE_OVER_TLS: Final[_Headers] = (*CONSOLE, (b"strict-transport-security", b"max-age=31536000"))
"""Seconds of a year (RFC 6797)."""


class Answer:
    """Sends an answer with the headers that every one carries; what the page says itself stands, as an asset
    may be kept. `began`: whether something was sent."""

    def __init__(self, send: Send, headers: _Headers) -> None:
        self._send, self._headers = send, headers
        self.began = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.began = True
            said = {name for name, _ in message["headers"]}
            message["headers"] = [*message["headers"], *(one for one in self._headers if one[0] not in said)]
        await self._send(message)
