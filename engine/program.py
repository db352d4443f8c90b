"""A channel, compiled: what the pipeline runs and the config builds (`engine.config.build`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.coursing import CourseReader
from engine.fhir.path import Path
from engine.hl7.profile import Profile
from engine.model import Acknowledge, Answered, Lane
from engine.privacy.flags import FhirFlags, Flags
from engine.privacy.guard import Guard
from engine.privacy.harvest import Harvester
from engine.privacy.mentions import Mentions, NoMentions
from engine.scheduling import Schedule
from engine.transforms.condition import Condition
from engine.transforms.effect import Make
from engine.transforms.scope import Value

__all__ = ["Filter", "Program", "Remark", "Rule"]


class Filter(msgspec.Struct, frozen=True):
    """A named step that ends a message as filtered when all of its conditions hold; with an `anchor`, one
    group of that segment."""

    name: str
    conditions: tuple[Condition, ...]
    anchor: str = ""


class Remark(msgspec.Struct, frozen=True):
    """A named oddity that a person should see: where all of its conditions hold in a group of `anchor`
    (empty: in the message). The message goes on."""

    name: str
    conditions: tuple[Condition, ...]
    anchor: str = ""


class Rule(msgspec.Struct, frozen=True):
    """When `whole` holds for the message: for each group of segment `anchor` (empty: for the message)
    where `each` holds, the effect that `make` makes."""

    whole: tuple[Condition, ...]
    each: tuple[Condition, ...]
    anchor: str
    make: Make


class Program(msgspec.Struct, frozen=True):
    """A channel, ready to run. Shared between threads; a token book is not."""

    channel: str
    lane: Lane
    destinations: tuple[str, ...]
    """`odoo:<connection>` or `ledger:<path>`."""

    acknowledge: Acknowledge
    filtered: Answered
    """What the sender of a filtered message is told, when it waits for the outcome."""

    charset: str
    flags: Flags | FhirFlags
    """What it does about privacy flags."""

    required: tuple[Value, ...]
    filters: tuple[Filter, ...]
    """Of the whole message."""

    group_filters: Mapping[str, tuple[Filter, ...]]
    """By the segment whose groups they end."""

    remarks: tuple[Remark, ...]
    rules: tuple[Rule, ...]
    sequence: Value
    sequence_each: bool
    """Whether `sequence` reads what groups have of their own: then each effect has its own place."""

    no_effect: Literal["filtered", "dead"]
    slots: int
    """How many values of a message are remembered (`Scope`)."""

    guard: Guard
    """What holds back at the way out whatever identifies somebody (`engine.egress`)."""

    harvester: Harvester
    """What identifies in its messages of HL7 v2."""

    widened: tuple[str, ...]
    """Elements of FHIR resources that the channel lets through, each with a point behind it."""

    validate: Literal["none", "structure", "profile"] = "none"
    """What is asked of a message before it is mapped (`engine.checking`)."""

    profile: Profile | None = None

    course: CourseReader | None = None
    """What orders the messages about one visit or appointment by the time at which it happened."""

    fragment_timeout: float = 900.0
    """Seconds until the pieces of a message must be together."""

    largest: int = 16 * 1024 * 1024
    """Bytes of a message, whole or in pieces."""

    fhir: bool = False
    """Whether its messages are FHIR resources (`engine.fhir.stored`)."""

    follows: tuple[Path, ...] = ()
    """The references through which it reads other resources."""

    tenant: str | None = None
    """Whose vault its numbers are looked up in; None: the node's."""

    schedule: Schedule | None = None
    """When its effects are carried out; None: at once."""

    shadow: bool = False
    """Whether it only compares what it would write with what stands."""

    mentions: Mentions = NoMentions()
    """What finds the identifiers that its messages name."""
