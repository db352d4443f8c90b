"""Batches of answers: the envelope around the acknowledgements of one batch (HL7 v2.9.1 chapter 2, sections
2.9.3 and 2.14.2; spec: ack, section 7.3).

BHS-12 refers to the incoming BHS-11, BTS-1 counts the acknowledgements. Pure: clock and ids are arguments.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from engine.errors import Unacceptable
from engine.hl7.acknowledgement import build
from engine.hl7.delimiters import USUAL, Delimiters, read_delimiters
from engine.hl7.header import Header

__all__ = ["closing", "envelope_header", "opening"]

_CONTROL_ID = 10  # index of BHS-11 and FHS-11 in the split segment


def envelope_header(segment: bytes) -> Header:
    """A BHS or FHS as the header of a message: its sender and receiver at MSH-3 to -6, its control id at
    MSH-10, its name at MSH-9. Of an empty or unreadable one nothing but the usual delimiters."""
    fields, delimiters = _read(segment)
    named = (fields + [b""] * (_CONTROL_ID + 1))[: _CONTROL_ID + 1]
    name = segment[:3] if segment[:3] in (b"FHS", b"BHS") else b""
    made = [b"MSH", delimiters.encoding, *named[2:7], b"", name, named[_CONTROL_ID], b"P", b""]
    return Header(made, delimiters, start=0, size=len(segment), quirks=(), has_msa=False)


def opening(
    name: Literal["BHS", "FHS"],
    answered: Header,
    *,
    control_id: str,
    now: datetime,
    own_application: str,
    own_facility: str,
) -> bytes:
    """The header of the answer to the batch or file of `answered` (`envelope_header`), with its CR."""
    acknowledgement = build(
        answered,
        "AA",
        control_id=control_id,
        now=now,
        own_application=own_application,
        own_facility=own_facility,
    )
    separator = answered.delimiters.separator
    fields = acknowledgement.split(b"\r", 1)[0].split(separator)
    made = [name.encode(), *fields[1:7], b"", b"", b"", control_id.encode(), answered.control_id]
    return separator.join(made).rstrip(separator) + b"\r"


def closing(name: Literal["BTS", "FTS"], answered: Header, count: int) -> bytes:
    """The trailer that goes with it."""
    return b"%b%b%d\r" % (name.encode(), answered.delimiters.separator, count)


def _read(segment: bytes) -> tuple[list[bytes], Delimiters]:
    separator = segment[3:4]
    fields = segment.split(separator) if separator else []
    try:
        return fields, read_delimiters(separator, fields[1] if len(fields) > 1 else b"")
    except Unacceptable:
        return [], USUAL
