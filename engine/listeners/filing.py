"""What is written down about a file while it is worked on, and the report beside one that failed.

Never a value and never a name: file names are free text (spec: PHI, section 4).
"""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.model import Reason

__all__ = ["Ending", "Remark", "State", "read_state", "report", "write_state"]

MOST_REMARKS = 1000


class Remark(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that was refused or does not hold: the number of the message in its file (0: the file
    or its envelope), the reason and the place."""

    message: int
    reason: str
    text: str
    place: str = ""

    @classmethod
    def of(cls, message: int, reason: Reason) -> Remark:
        """Of a reason."""
        return cls(message, reason.code.value, reason.text, reason.place)


class Ending(msgspec.Struct, frozen=True):
    """How a file ends, decided and written down before the first step of it: where it goes under which
    name, and its answers (empty: there are none). Names as hexadecimal digits, for they may be no text."""

    place: Literal["done", "failed"]
    final: str
    answers: str = ""


class State(msgspec.Struct, omit_defaults=True):
    """How far a file is: `parts` of it are done (`engine.hl7.batch.Part`), `answers` bytes of answers
    stand, `acknowledged` of them in the batch that is open and `batches` closed ones before."""

    parts: int = 0
    messages: int = 0
    answers: int = 0
    acknowledged: int = 0
    batches: int = 0
    refused: int = 0
    remarks: list[Remark] = []
    ending: Ending | None = None

    def remark(self, remark: Remark, *, refused: bool = True) -> None:
        """Something for the report; of very many the first."""
        self.refused += refused
        if len(self.remarks) < MOST_REMARKS:
            self.remarks.append(remark)


_decoder = msgspec.json.Decoder(State)


def read_state(note: bytes) -> State:
    """The state that a note holds; a fresh one when there is none or it is no note of ours: the file
    is begun again, and its messages are known by the store."""
    try:
        return _decoder.decode(note) if note else State()
    except msgspec.DecodeError:
        return State()


def write_state(state: State) -> bytes:
    """The note."""
    return msgspec.json.encode(state)


def report(state: State) -> bytes:
    """The control report of a file: counts, what was refused, what does not hold."""
    said = {
        "messages": state.messages,
        "refused": state.refused,
        "remarks": [msgspec.to_builtins(one) for one in state.remarks],
    }
    return msgspec.json.format(msgspec.json.encode(said), indent=2) + b"\n"
