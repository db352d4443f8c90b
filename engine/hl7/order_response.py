"""The application answer to orders: ORS, ORN, ORP or ORR with an ORC for each order (HL7 v2.9.1 chapter 4,
sections 4.4 and 4.7 to 4.10, chapter 4A; order control codes: table 0119).

A placer that asks to cancel wants to hear `CR` or `UC`, not only that its message was understood. Each ORC
says what became of the request and repeats the order's numbers as they were sent; nothing else is in it.
"""

from __future__ import annotations

from engine.errors import Unacceptable
from engine.hl7.acknowledgement import Response
from engine.hl7.document import Document
from engine.hl7.header import Header
from engine.hl7.reading import Fields
from engine.hl7.tables import DEFAULT_VERSION, read_version

__all__ = ["ANSWERED_BY", "order_response"]

ANSWERED_BY = {
    "OMS^O05": ("ORS", "O06"),
    "OMN^O07": ("ORN", "O08"),
    "OMP^O09": ("ORP", "O10"),
    "ORM^O01": ("ORR", "O02"),
    "RDE^O11": ("RRE", "O12"),
    "RDS^O13": ("RRD", "O14"),
    "RAS^O17": ("RRA", "O18"),
    "RDE^O25": ("RRE", "O26"),
    "RDE^O01": ("RRE", "O02"),
    "RDS^O01": ("RRD", "O02"),
    "RAS^O01": ("RRA", "O02"),
}
"""MSH-9 of an order → that of its answer."""

_OUTCOMES = {
    "CA": ("CR", "UC"),
    "DC": ("DR", "UD"),
    "HD": ("HR", "UH"),
    "RL": ("OR", "UR"),
    "RP": ("RQ", "UM"),
    "XO": ("XR", "UX"),
    "RF": ("OF", "UF"),
}
"""What a request (ORC-1) is told: done as requested, unable to."""

_OTHERWISE = ("OK", "UA")


def order_response(raw: bytes, header: Header, *, done: bool, charset: str = "") -> Response | None:
    """What an application answer to the orders in `raw` says: `done` as requested or not. None for a message
    that is no order, holds none, or cannot be read: then a general acknowledgement is all there is to say.

    `charset` is that of 8-bit text whose MSH-18 is empty."""
    answered = ANSWERED_BY.get(f"{header.type}^{header.event}")
    if answered is None:
        return None
    try:
        document = Document.parse(raw, default_charset=charset, header=header)
        orders = [_order(fields, done) for fields in document.all("ORC")]
        segments = document.encode(orders) if orders else b""
    except Unacceptable:
        return None
    mark = header.delimiters.component
    version = read_version(header.version) or read_version(DEFAULT_VERSION) or ()
    parts = [*answered, "_".join(answered)] if version >= (2, 3, 1) else [*answered]
    return Response(mark.join(parts).encode("ascii"), segments) if segments else None


def _order(fields: Fields, done: bool) -> Fields:
    """ORC with the outcome and the numbers (ORC-2, ORC-3), escaped as they came."""
    control, placer, filler = (fields[n] if n < len(fields) else "" for n in (1, 2, 3))
    outcome = _OUTCOMES.get(control.strip(), _OTHERWISE)[0 if done else 1]
    answer = ["ORC", outcome, placer, filler]
    while not answer[-1]:
        answer.pop()
    return answer
