"""What every request must pass before anybody looks at what it wants, in this order: its size, who asks,
how often (spec: FHIR, 2.1). Nothing here reads a body: who has not proved who he is reaches no parser."""

from __future__ import annotations

import re
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final

from engine.fhir.issues import Issue, Rejected
from engine.listeners.fhir.serving import whole_body

__all__ = ["declared_size", "inflate", "read_body", "request_ids_of", "too_long", "wait_for_rate"]

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

_SAFE: Final = re.compile(r"[A-Za-z0-9._\-]{1,64}")
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_GZIP: Final = 31  # zlib: a gzip header, 32 KiB window


def too_long() -> Rejected:
    """The refusal of a body beyond its limit."""
    return Rejected(413, Issue("too-long", "the body is larger than this server takes"))


def declared_size(headers: Mapping[str, str], limit: int) -> None:
    """Refuse a body that says itself that it is too long. Raises `Rejected` (413)."""
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:18]) > limit:
        raise too_long()


def request_ids_of(headers: Mapping[str, str], new_id: Callable[[], str]) -> tuple[str, str]:
    """What a request is called in the store and the log, and what the answer repeats: the client's own
    `X-Request-Id` when it is a UUID, which says nothing of anybody. Any other harmless one is repeated only:
    it may be a patient's number."""
    given = headers.get("x-request-id", "")
    if _UUID.fullmatch(given):
        return given, given
    made = new_id()
    return made, given if _SAFE.fullmatch(given) else made


def wait_for_rate(seconds: float) -> None:
    """Raise `Rejected` (429) when the caller has to wait."""
    if seconds > 0:
        after = str(max(1, -int(-seconds // 1)))
        raise Rejected(
            429,
            Issue("throttled", "more requests a second than this client may send"),
            headers=(("Retry-After", after),),
        )


async def read_body(receive: Receive, limit: int) -> bytes:
    """The body as it was sent. Raises `Rejected` (413) at the limit; `ConnectionError` at its end."""
    body = await whole_body(receive, limit)
    if body is None:
        raise too_long()
    return body


def inflate(body: bytes, encoding: str, limit: int) -> bytes:
    """The body without its Content-Encoding. Raises `Rejected`: 415 for others than gzip, 413 when it is
    larger than the limit inside, 400 when it is damaged."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise Rejected(415, Issue("not-supported", "the only Content-Encoding is gzip"))
    unzip = zlib.decompressobj(_GZIP)
    try:
        plain = unzip.decompress(body, limit + 1)
    except zlib.error:
        raise Rejected(400, Issue("structure", "the body is not gzip as its Content-Encoding says")) from None
    if len(plain) > limit:
        raise too_long()
    if not unzip.eof or unzip.unused_data:
        raise Rejected(400, Issue("structure", "the body is not one whole gzip file"))
    return plain
