"""Sealing what came in: each channel's day has a key of its own, kept in the cabinet.

When a day's key is destroyed, all that it sealed is gone, in every copy of the store that was ever made.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection
from datetime import date
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.errors import Unavailable
from engine.store.cabinet import Cabinet
from engine.store.cipher import NONCE, TAG, Cipher, Damaged
from engine.store.keys import KeyRing

__all__ = ["DAY_SECONDS", "Contents", "Gone", "channel_of", "is_day_key"]

DAY_SECONDS: Final = 86400.0
_EPOCH: Final = date(1970, 1, 1).toordinal()


class Gone(Damaged):
    """What sealed it was destroyed: its retention is over, or its patient was erased."""


class _Box(NamedTuple):
    key_id: str
    prefix: bytes
    encrypt: Callable[[bytes, bytes, bytes], bytes]
    decrypt: Callable[[bytes, bytes, bytes], bytes]


class Contents:
    """Seals with the key of the day (UTC) on which something was received, opens with any that is left; what
    was stored before there was a cabinet opens with the ring."""

    def __init__(self, ring: KeyRing, cabinet: Cabinet) -> None:
        self._before, self._cabinet = Cipher(ring), cabinet
        self._days: dict[tuple[str, float], _Box] = {}
        self._boxes: dict[str, _Box] = {}
        self._lock = threading.Lock()
        self._wanted: tuple[str, float] | None = None  # a day whose key could not be made

    def check(self) -> None:
        """Make the key that was wanted last, if that failed. Raises `Unavailable` when it fails again."""
        if wanted := self._wanted:
            self._new(wanted)

    def seal(self, channel: str, at: float, plain: bytes, bound: bytes) -> tuple[str, bytes]:
        """The id of the key; nonce, ciphertext, tag: 28 bytes longer than `plain`. Raises `Unavailable` when
        a new day's key cannot be made durable."""
        day = (channel, at // DAY_SECONDS)
        box = self._days.get(day) or self._new(day)
        nonce = os.urandom(NONCE)
        return box.key_id, nonce + box.encrypt(nonce, plain, box.prefix + bound)

    def open(self, key_id: str, sealed: bytes, bound: bytes) -> bytes:
        """The plain bytes. Raises `Damaged` when anything about them changed, `Gone` when their key was
        destroyed."""
        if not is_day_key(key_id):
            return self._before.open(key_id, sealed, bound)
        box = self._boxes.get(key_id) or self._find(key_id)
        if len(sealed) < NONCE + TAG:
            raise Damaged
        try:
            return box.decrypt(sealed[:NONCE], sealed[NONCE:], box.prefix + bound)
        except InvalidTag:
            raise Damaged from None

    def forget(self, key_ids: Collection[str]) -> None:
        """These were destroyed."""
        with self._lock:
            for key_id in key_ids:
                self._boxes.pop(key_id, None)
            self._days = {day: box for day, box in self._days.items() if box.key_id not in key_ids}

    def _new(self, day: tuple[str, float]) -> _Box:
        with self._lock:
            if box := self._days.get(day):
                return box
            channel, number = day
            text = date.fromordinal(_EPOCH + int(number)).isoformat()
            try:
                key_id, key = self._cabinet.day_key(text, channel, number * DAY_SECONDS)
            except Unavailable:
                self._wanted = day
                raise
            self._wanted = None
            box = _box(key_id, key)
            # Keys of days that are over are asked for again: they may have been destroyed elsewhere.
            self._days = {other: kept for other, kept in self._days.items() if other[1] >= number - 1}
            self._boxes = {kept.key_id: kept for kept in self._days.values()}
            self._days[day] = self._boxes[key_id] = box
            return box

    def _find(self, key_id: str) -> _Box:
        key = self._cabinet.key(key_id)
        if key is None:
            raise Gone
        with self._lock:
            return self._boxes.setdefault(key_id, _box(key_id, key))


def is_day_key(key_id: str) -> bool:
    """Whether a content's key lies in the cabinet; those of the ring have no slash in their id."""
    return "/" in key_id


def channel_of(key_id: str) -> str:
    """Whose day a key of the cabinet is of; empty for one of the ring (`Cabinet.day_key`)."""
    return key_id.split("/")[1] if is_day_key(key_id) else ""


def _box(key_id: str, key: bytes) -> _Box:
    aead = AESGCM(key)
    return _Box(key_id, f"wardline/1/content/{key_id}\x1f".encode(), aead.encrypt, aead.decrypt)
