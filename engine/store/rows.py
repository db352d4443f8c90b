"""A message as rows: what is written of it, and how its sealed content is opened again."""

from __future__ import annotations

from typing import Any, Final

from engine.model import Arrival, MessageState, Receipt
from engine.store.cipher import Damaged
from engine.store.contents import Contents, Gone
from engine.store.database import Database, Work, insert
from engine.store.part import as_json

__all__ = ["STANDING", "bound_of", "keep_messages", "message_row", "open_content", "seal_content"]

STANDING: Final = ("accepted", "")
"""What a sender was told of a message that stands: so, or nothing yet."""

_MESSAGE: Final = (
    "INSERT INTO messages (id, channel, type, state, received_at, answered, is_original, original,"
    " bytes, fingerprint, digest, step, reason, edition) VALUES "
)
_ANEW: Final = "SELECT key_id, {sealed} FROM contents WHERE message_id = ? AND key_id <> ?"
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
        arrival.edition,
    )


def keep_messages(work: Work, rows: list[Any], contents: list[Any]) -> None:
    """Write rows of `message_row` and of (message id, key id, sealed), both given flat."""
    insert(work, _MESSAGE, 14, rows)
    insert(work, _CONTENT, 3, contents)


def seal_content(contents: Contents, arrival: Arrival) -> tuple[str, bytes]:
    """The id of a key, and its raw bytes sealed with it, bound to its row (whose id is not known yet)."""
    channel = arrival.channel
    bound = bound_of(channel, arrival.fingerprint, arrival.digest)
    return contents.seal(channel, arrival.received_at, arrival.raw, bound)


def open_content(
    database: Database,
    contents: Contents,
    message_id: int,
    channel: str,
    fingerprint: object,
    digest: object,
    key_id: str,
    sealed: object,
) -> bytes:
    """The raw bytes of a message whose row was read. Raises `Damaged`, of it `Gone`."""
    if sealed is None:
        raise Gone
    if not (isinstance(fingerprint, bytes) and isinstance(digest, bytes)):
        raise Damaged
    bound = bound_of(channel, fingerprint, digest)
    try:
        return _opened(contents, key_id, sealed, bound)
    except Gone:  # it may have been sealed anew since the row was read
        with database.read() as work:
            now = work.rows(_ANEW.format(sealed=database.as_bytes.format("sealed")), (message_id, key_id))
        if not now:
            raise
        return _opened(contents, now[0][0], now[0][1], bound)


def _opened(contents: Contents, key_id: str, sealed: object, bound: bytes) -> bytes:
    if not isinstance(sealed, bytes):
        raise Damaged
    return contents.open(key_id, sealed, bound)


def bound_of(channel: str, fingerprint: bytes, digest: bytes) -> bytes:
    """What ties a sealed content to its row."""
    return b"%b%b%b" % (fingerprint, digest, channel.encode())
