"""What every kind of listener must know of its channel, and the doors behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

import msgspec

from engine.hl7.accept import AcceptRules
from engine.hl7.modes import AckMode
from engine.listeners.arrival import Fingerprinting
from engine.model import Acknowledge, Answered, Arrival, Reason, Receipt
from engine.telemetry import PrivacyIncident, signal

__all__ = ["BatchRules", "Channel", "Doors", "FirstPiece", "RefusedKeys", "Submit", "Wait"]

Submit = Callable[[Arrival, Callable[[Receipt | None], None]], None]
"""`engine.intake.Intake.submit`."""

Wait = Callable[[int, Callable[[Answered, Reason | None], None], float, Answered], None]
"""`engine.answers.Answers.wait`."""


FirstPiece = Callable[[int, Callable[[bytes], None]], None]
"""`engine.answers.Answers.first_piece`."""


RefusedKeys = Callable[[int, Callable[[Collection[str]], None]], None]
"""`engine.answers.Answers.refused`."""


class BatchRules(msgspec.Struct, frozen=True):
    """How a channel takes batches: which answers go back, whether one whose envelope does not hold is
    refused whole, how many messages one may have, whether it may come without a header."""

    answers: Literal["all", "failed"] = "all"
    atomic: bool = False
    most: int = 10_000
    headless: bool = False


class Channel(msgspec.Struct, frozen=True):
    """A channel as its listener sees it: what it takes and how it answers."""

    name: str
    rules: AcceptRules
    edition: int = 0  # whose rules these are
    acknowledge: Acknowledge = "storage"
    timeout: float = 30.0  # seconds a sender may wait for `transform` or `delivery`
    late: Literal["accepted", "error"] = "accepted"  # told when `delivery` takes longer than that
    nack: bool = False  # say so when the store cannot take a message, instead of only closing
    mode: AckMode = "auto"
    separate: bool = False  # application answers of enhanced mode go over a link of their own
    respond: Literal["order", "master", ""] = ""  # application answers say what became of each order, record
    unique: bool = False  # a control id that stands for other content is refused
    sequence_numbers: bool = False  # MSH-13 counts
    application: str = "WARDLINE"  # MSH-3 of answers when the sender left MSH-5 empty
    facility: str = ""
    batches: BatchRules = BatchRules()


class Doors(msgspec.Struct, frozen=True):
    """Where arrivals go and who knows what became of them; `told` hears of answers without their words."""

    submit: Submit
    wait: Wait
    first_piece: FirstPiece
    refused: RefusedKeys
    keys: Fingerprinting
    told: Callable[[PrivacyIncident], None] = signal
