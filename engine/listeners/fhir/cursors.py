"""Where a client goes on reading: sealed, so that an address holds nothing of what was looked for, and
bound to the client that it was given to."""

from __future__ import annotations

import base64
from typing import TypeVar

import msgspec

from engine.fhir.issues import Issue, Rejected
from engine.listeners.fhir.service import Sealing
from engine.store.cipher import Damaged

__all__ = ["open_cursor", "seal_cursor"]

T = TypeVar("T")


def seal_cursor(sealing: Sealing, client: str, place: str, state: object) -> str:
    """A text for an address; `place` is the list that it goes on in."""
    sealed = sealing.seal(msgspec.msgpack.encode(state), _bound(client, place))
    return base64.urlsafe_b64encode(f"{sealing.key_id}:".encode() + sealed).decode().rstrip("=")


def open_cursor(sealing: Sealing, client: str, place: str, text: str, kind: type[T]) -> T:
    """What was sealed. Raises `Rejected` (400) for anything else, and for another client's."""
    try:
        key_id, _, sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).partition(b":")
        plain = sealing.open(key_id.decode("ascii"), sealed, _bound(client, place))
        return msgspec.msgpack.decode(plain, type=kind)
    except (ValueError, Damaged):
        raise Rejected(
            400, Issue("value", "not a place that this server told this client to go on from")
        ) from None


def _bound(client: str, place: str) -> bytes:
    return f"{client}\x1f{place}".encode()
