"""From a control id (MSH-10) to its message, while all is sealed.

What makes a resend the same message is a keyed name of channel, sending application and facility, and control
id. A person knows the control id: the name is made for every channel and for every sender whose messages came
in lately, and looked up. Nothing is written for that when messages are taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from engine.errors import Unacceptable
from engine.hl7.header import read_header
from engine.store.base import Store
from engine.store.cipher import Fingerprints

__all__ = ["Sender", "names_of", "senders"]

_LATELY: Final = 60
"""Messages of each channel whose senders are tried."""


class Sender(NamedTuple):
    """MSH-3 and MSH-4, as they stand in the message."""

    application: bytes
    facility: bytes


def senders(store: Store, channels: Iterable[str]) -> dict[str, set[Sender]]:
    """By channel, who sent its newest messages."""
    return {channel: set(_of(store, ids)) for channel, ids in store.kept(list(channels), _LATELY).items()}


def names_of(
    keys: Fingerprints, control_id: str, found: dict[str, set[Sender]], given: Collection[Sender] = ()
) -> tuple[bytes, ...]:
    """The names (`Arrival.fingerprint`) that a message with this control id may go by; with `given` senders,
    theirs alone."""
    written = control_id.encode("utf-8", "replace")
    return tuple(
        keys.of(channel, one.application, one.facility, written)
        for channel, known in found.items()
        for one in given or known
    )


def _of(store: Store, ids: Sequence[int]) -> Iterable[Sender]:
    for message in store.stored(ids):
        with suppress(Unacceptable):
            header = read_header(message.raw)
            yield Sender(header.field(3), header.field(4))
