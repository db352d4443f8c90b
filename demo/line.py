"""What a story is made of: acts of lines, a line being one message and what is to come of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from demo.messages import Body, message

__all__ = ["CHANNELS", "Act", "Line", "Refusal", "raw_of"]

CHANNELS = {"ADT": "adt-encounters", "SIU": "theatre-schedule", "DFT": "dft-charges"}
"""Whose door takes which type of message."""

Refusal = tuple[str, str]
"""An effect's word (`-` before there is one) and the code of the reason why it waits for a person."""


@dataclass(frozen=True)
class Line:
    """One message: when, which, in business words, the segments behind MSH, and the effects (their
    words, with blanks between) that it becomes.

    `state` is where it ends; `refused` are the effects that Odoo refuses, `cause` is why it never
    became effects. `sent` is how often it is sent, with `parallel` over as many connections at once.
    `crash`: the engine is killed when the message is on the wire and not yet answered. `nameless`:
    without control id. `enhanced`: asks for a commit acknowledgement (MSH-15, MSH-16)."""

    at: str
    event: str
    words: str
    body: Body = ()
    effects: str = ""
    answer: str = "AA"
    state: str = "delivered"
    refused: tuple[Refusal, ...] = ()
    cause: str = ""
    sent: int = 1
    parallel: bool = False
    crash: bool = False
    nameless: bool = False
    enhanced: bool = False

    @property
    def channel(self) -> str:
        """The channel it is sent to; what no channel takes goes to the door for admissions."""
        return CHANNELS.get(self.event[:3], CHANNELS["ADT"])


@dataclass(frozen=True)
class Act:
    """Lines that belong together; the next act begins when all effects of this one are settled."""

    title: str
    lines: tuple[Line, ...]


def raw_of(line: Line, control_id: str, day: date) -> bytes:
    """The bytes to send; what has no segments is no HL7 at all."""
    if not line.body:
        return b"GET /status HTTP/1.1\r\nHost: wardline\r\n\r\n"
    more = "|||AL|NE" if line.enhanced else ""
    return message(line.event, "" if line.nameless else control_id, line.at, line.body, day, more)
