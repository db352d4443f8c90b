"""A message as rows: what is written of it, and how its sealed content is opened again."""

from __future__ import annotations

from typing import Any, Final

from engine.model import Arrival, MessageState, Receipt
from engine.store.cipher import Cipher, Damaged
from engine.store.database import Work, insert
from engine.store.part import as_json

__all__ = ["STANDING", "keep_messages", "message_row", "open_content", "seal_content"]

STANDING: Final = ("accepted", "")
"""What a sender was told of a message that stands: so, or nothing yet."""

_MESSAGE: Final = (
    "INSERT INTO messages (id, channel, type, state, received_at, answered, is_original, original,"
    " bytes, fingerprint, digest, step, reason) VALUES "
)
_CONTENT: Final = "INSERT INTO contents (message_id, key_id, sealed) VALUES "

_RECEIVED, _DUPLICATE, _FILTERED, _QUARANTINED = (
    state.value
    for state in (
        MessageState.RECEIVED,
        MessageState.DUPLICATE,
        MessageState.FILTERED,
        MessageState.QUARANTINED,
    )
)


def message_row(receipt: Receipt, arrival: Arrival, *, original: bool = True) -> tuple[Any, ...]:
    """The row of a message; `original` says whether a resend of it is its duplicate, when it stands."""
    if receipt.original:
        state, stands = _DUPLICATE, 0
    elif arrival.step:
        state, stands = _FILTERED, int(original)
    elif receipt.answered in STANDING:
        state, stands = _RECEIVED, int(original)
    else:
        state, stands = _QUARANTINED, 0
    return (
        receipt.id,
        arrival.channel,
        arrival.type,
        state,
        arrival.received_at,
        receipt.answered,
        stands,
        receipt.original,
        len(arrival.raw),
        arrival.fingerprint,
        arrival.digest,
        arrival.step,
        as_json(receipt.refused or arrival.reason),
    )


def keep_messages(work: Work, rows: list[Any], contents: list[Any]) -> None:
    """Write rows of `message_row` and of (message id, key id, sealed), both given flat."""
    insert(work, _MESSAGE, 13, rows)
    insert(work, _CONTENT, 3, contents)


def seal_content(cipher: Cipher, arrival: Arrival) -> bytes:
    """Its raw bytes, sealed and bound to its row (the id is not known yet when it is sealed)."""
    return cipher.seal(arrival.raw, _bound(arrival.channel, arrival.fingerprint, arrival.digest))


def open_content(
    cipher: Cipher, channel: str, fingerprint: object, digest: object, key_id: str, sealed: object
) -> bytes:
    """The raw bytes of a message. Raises `Damaged`."""
    if not (isinstance(sealed, bytes) and isinstance(fingerprint, bytes) and isinstance(digest, bytes)):
        raise Damaged
    return cipher.open(key_id, sealed, _bound(channel, fingerprint, digest))


def _bound(channel: str, fingerprint: bytes, digest: bytes) -> bytes:
    return b"%b%b%b" % (fingerprint, digest, channel.encode())
