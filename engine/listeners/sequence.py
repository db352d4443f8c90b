"""MSH-13 as a listener reads it (HL7 v2.9.1, 2.9.1; spec: ack, section 7.1). What it means is decided
inside the commit (`engine.store.sequences`)."""

from __future__ import annotations

from engine.errors import Unacceptable
from engine.hl7.accept import Ruling
from engine.hl7.header import Header
from engine.listeners.arrival import Fingerprinting
from engine.model import Numbered, Reason, ReasonCode

__all__ = ["LINK", "has_body", "misnumbered", "numbered"]

LINK = "sequence-link"
"""The step of a message that spoke of sequence numbers only (0, -1) and still held more than a header."""


def misnumbered(header: Header) -> Ruling | None:
    """AE 102 when MSH-13 is no number of the protocol: whole, and not below -1."""
    try:
        number = header.sequence_number
    except Unacceptable as error:
        return Ruling("error", Reason(ReasonCode(error.code), error.text, error.place, hl7=error.hl7))
    if number is None or number >= -1:
        return None
    return Ruling("error", Reason(ReasonCode.BAD_VALUE, "no sequence number is below -1", "MSH-13", hl7=102))


def numbered(header: Header, channel: str, keys: Fingerprinting) -> Numbered | None:
    """The message's number on its link (channel, MSH-3, MSH-4); None when it has none that can be used."""
    if misnumbered(header) is not None or (number := header.sequence_number) is None:
        return None
    return Numbered(keys.of(channel, header.field(3), header.field(4), b""), number)


def has_body(raw: bytes, header: Header) -> bool:
    """Whether there is anything behind MSH."""
    return bool(raw[header.start + header.size :].strip(b"\r\n"))
