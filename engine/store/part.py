"""What every group of the store's verbs stands on."""

from __future__ import annotations

import zlib
from typing import Any

import msgspec

from engine.model import Reason
from engine.store.audit_keys import AuditKeys
from engine.store.cabinet import Cabinet
from engine.store.contents import Contents
from engine.store.database import Database

__all__ = ["Part", "as_json", "checksum", "reason_of", "reasons_of", "words_of"]


class Part:
    """A group of verbs over one database, its cabinet, what seals contents, and the keys of the audit."""

    def __init__(self, database: Database, contents: Contents, cabinet: Cabinet, audit: AuditKeys) -> None:
        self._database, self._contents, self.cabinet, self._audit = database, contents, cabinet, audit


_encoder = msgspec.json.Encoder()
_reason = msgspec.json.Decoder(Reason)
_reasons = msgspec.json.Decoder(tuple[Reason, ...])
_words = msgspec.json.Decoder(dict[str, str])


def as_json(value: Any) -> bytes | None:
    """JSON for a column, nothing for nothing."""
    return _encoder.encode(value) if value else None


def reason_of(column: bytes | None) -> Reason | None:
    """The reason a column holds."""
    return _reason.decode(column) if column else None


def reasons_of(column: bytes | None) -> tuple[Reason, ...]:
    """The warnings a column holds."""
    return _reasons.decode(column) if column else ()


def words_of(column: bytes | None) -> dict[str, str]:
    """The progress or documents a column holds."""
    return _words.decode(column) if column else {}


def checksum(delivery_id: int, destination: str, sequence_key: str, effect: bytes) -> int:
    """CRC-32 of what a delivery says and where it goes: a flipped bit on the disk must not become
    another quantity in Odoo."""
    return zlib.crc32(effect, zlib.crc32(f"{delivery_id}\x1f{destination}\x1f{sequence_key}".encode()))
