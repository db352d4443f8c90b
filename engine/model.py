"""The nouns that travel through the engine: message, routing, delivery, outcome, reason.

Values only: no I/O, no clock. Nothing here shows content in its `repr`.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Literal

import msgspec

from engine.correlation import correlation
from engine.effects import Effect, Encounter, Release, Reserve
from engine.tokens import TokenMerge

__all__ = [
    "Acknowledge", "Answered", "Application", "Arrival", "CourseEvent", "CourseRow", "Dead", "Delivered",
    "Delivery", "DeliveryState", "Filtered", "Fragment", "HeldFragment", "Lane", "MessageState",
    "Numbered", "Outcome", "Owner", "Reason", "ReasonCode", "Receipt", "Refused", "Retention", "Routed",
    "Routing", "Said", "Settlement", "StoredMessage", "TryAgain",
]  # fmt: skip

Acknowledge = Literal["storage", "transform", "delivery"]
Answered = Literal["", "accepted", "error", "rejected"]
"""What the sender was told: nothing yet, AA/CA, AE/CE, AR/CR."""

Application = Literal["", "owed", "taken", "refused", "not-due"]
"""An application answer on a link of its own: none, to be told, told, given up, not asked for."""


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """For how many whole days (UTC) what is kept, after the day on which it was received: `content` of what
    is delivered or filtered, `dead` letters, `quarantine`; by what a resend is known (`duplicates`)."""

    content: int = 30
    dead: int = 90
    quarantine: int = 90
    duplicates: int = 90


class MessageState(StrEnum):
    """Every stored message is in exactly one of these."""

    RECEIVED = "received"  # safe on disk, not routed yet
    FRAGMENT = "fragment"  # a piece of a message, kept until the others are here
    JOINED = "joined"  # a later piece, routed together with the first, which `original` names
    WAITING = "waiting"  # routed; at least one delivery is still open
    DELIVERED = "delivered"  # every effect stands
    SHADOWED = "shadowed"  # every effect was compared with what stands, and none carried out
    FILTERED = "filtered"  # no effect wanted; the step is named
    DUPLICATE = "duplicate"  # same as an earlier one, which `original` names
    DEAD = "dead"  # a dead letter: routing failed, or a delivery was refused
    SKIPPED = "skipped"  # a dead letter that a person settled without effect
    QUARANTINED = "quarantined"  # answered with an error or rejection, kept for a person


class DeliveryState(StrEnum):
    """One effect on its way to one destination."""

    DUE = "due"
    SCHEDULED = "scheduled"  # waits for the next run of its channel, and holds back nothing of others
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    SHADOWED = "shadowed"  # compared with what stands, by a channel that writes nothing
    DEAD = "dead"
    SKIPPED = "skipped"  # dead, and settled by a person without effect
    REPLACED = "replaced"  # of an earlier round: a replay of its message made its effect anew


class Lane(IntEnum):
    """Which queue a channel's deliveries take; a lower number never waits behind a higher."""

    HIGH = 0
    NORMAL = 1
    BULK = 2


class Owner(StrEnum):
    """Who must act on a dead letter."""

    BUSINESS = "business"  # a code, an item, an amount: the channel's business owner
    TECHNICAL = "technical"  # a rule, a right, a bug: the channel's technical owner
    PRIVACY = "privacy"  # what the policy or a person's wish forbids: the security officer


class ReasonCode(StrEnum):
    """The closed list of why a message or a delivery did not go through (labels of metrics)."""

    FRAMING = "framing"
    NOT_HL7 = "not-hl7"
    OVERSIZE = "oversize"
    UNKNOWN_TYPE = "unknown-type"
    UNKNOWN_EVENT = "unknown-event"
    PROCESSING_ID = "processing-id"
    VERSION = "version"
    CHARSET = "charset"
    CONTROL_ID_REUSED = "control-id-reused"
    SEQUENCE_NUMBER = "sequence-number"
    MISSING_FIELD = "missing-field"
    BAD_VALUE = "bad-value"
    STRUCTURE = "structure"
    BATCH = "batch"  # the envelope of a batch does not hold: its counts, its order
    CONTINUATION = "continuation"  # a message sent in pieces that did not become whole
    UNMAPPED_CODE = "unmapped-code"
    UNKNOWN_ITEM = "unknown-item"
    UNKNOWN_LOCATION = "unknown-location"
    UNKNOWN_UNIT = "unknown-unit"
    UNKNOWN_COMPANY = "unknown-company"
    UNKNOWN_REFERENCE = "unknown-reference"  # credit for an unknown charge, cancel before its booking
    QUANTITY = "quantity"
    CONFLICT = "conflict"  # the document has gone on: invoiced, done, locked
    NOT_ALLOWED = "not-allowed"  # the destination's user lacks a right
    REFUSED = "refused"  # any other refusal of the destination
    UNAVAILABLE = "unavailable"  # the world was not ready; only on its way to another attempt
    PRIVACY = "privacy"  # what must not leave would have left, or a privacy flag that nobody decided about
    GAVE_UP = "gave-up"  # the world did not come back within the allowed attempts
    INTERNAL = "internal"


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why, where and whose: fixed words and a place, never a value. `more` are further places where the
    same went wrong, as a check finds them."""

    code: ReasonCode
    text: str
    place: str = ""
    owner: Owner = Owner.TECHNICAL
    hl7: int = 207
    more: tuple[Reason, ...] = ()


class Numbered(msgspec.Struct, frozen=True):
    """A place in the sequence number protocol (HL7 v2.9.1, 2.9.1): `link` (16 bytes, keyed) names channel,
    MSH-3 and MSH-4; `number` is MSH-13: 0 asks for the expected number, -1 has it forgotten, and neither
    is a message to route (one with nothing to keep, without a `step`, is not stored either)."""

    link: bytes
    number: int


class Arrival(msgspec.Struct, frozen=True):
    """A message as it came, on its way into the store.

    `fingerprint` (16 bytes, keyed) is what makes a resend the same message: channel, MSH-3,
    MSH-4, MSH-10; `digest` (16 bytes, keyed) is of the raw bytes (spec: acknowledgement, section 6).
    `answered` is `accepted` when safe storage is all that the sender waits for, empty when the
    answer comes later, `error`/`rejected` for what is kept in quarantine with its `reason`.
    `unique` refuses a control id that stands for other content; `owes` says that an application
    answer is owed on a link of its own. `edition` is the number of the one that accepted it, and whose
    programs it is routed by (0: before there were any).
    """

    channel: str
    raw: bytes
    fingerprint: bytes
    digest: bytes
    received_at: float  # seconds since the epoch, UTC
    answered: Answered = "accepted"
    reason: Reason | None = None
    type: str = ""  # `ADT^A01`: MSH-9.1 and .2 when they are words of the standard, else empty
    numbered: Numbered | None = None
    unique: bool = False
    owes: bool = False
    step: str = ""  # names why it is no message to be routed: kept as filtered by that step
    edition: int = 0

    def __repr__(self) -> str:
        return f"Arrival({self.channel!r}, {len(self.raw)} bytes)"


class Receipt(msgspec.Struct, frozen=True):
    """What the store did with an arrival: its id; `original` when it was seen before (then
    `answered` says what the original was or will be told); `reused` when its control id was
    seen with other content; `refused` when it went into quarantine for that or for its sequence number;
    `expected`, in the sequence number protocol, is MSA-4 (-1: no number is known). The id of
    what was not stored, because it only spoke of sequence numbers, is 0."""

    id: int
    original: int = 0
    answered: Answered = "accepted"
    reused: bool = False
    refused: Reason | None = None
    expected: int | None = None


class StoredMessage(msgspec.Struct, frozen=True):
    """A message read back for routing; `raw` is the bytes as transmitted, `edition` the one that accepted it,
    or the current one when it was sent through again (0: before there were any)."""

    id: int
    channel: str
    raw: bytes
    received_at: float
    edition: int = 0
    said: bool = False  # it was routed before, and goes through again

    @property
    def correlation(self) -> str:
        """What it is called in logs and traces."""
        return correlation(self.id, self.received_at)

    def __repr__(self) -> str:
        return f"StoredMessage({self.id}, {self.channel!r}, {len(self.raw)} bytes)"


class CourseEvent(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """What one message says about one visit or appointment: free of PHI, kept with its course.

    `happened` and `sent` (MSH-7) are microseconds since the epoch; `trigger` is the event it counts as;
    `effects` are those that stand while the course says so. `lines` says whether its reservations are
    all that the appointment wants (`all`) or only those that change (`some`); `starts` is the
    appointment's start, 0 when it does not say."""

    happened: int
    sent: int
    trigger: str
    effects: tuple[Encounter | Reserve | Release, ...] = ()
    lines: Literal["all", "some"] = "all"
    starts: int = 0


class Said(msgspec.Struct, frozen=True):
    """An event for the course `key`; what comes of it stands in the order at `sequence_key`."""

    key: str
    event: CourseEvent
    sequence_key: str = ""


class CourseRow(msgspec.Struct, frozen=True):
    """A course as it is stored: `key` (a token) within its space of keys; `version` counts its writes
    and is 0 before the first. `body` is empty when what is stored is damaged, or to forget it.
    `stands` says that something of it stands in Odoo: such a course is never forgotten by age."""

    space: str
    key: str
    version: int
    body: bytes
    stands: bool = True


class Routed(msgspec.Struct, frozen=True):
    """Became effects, all for one place in the order: `sequence_key` (a token text or empty). A message
    about several orders has effects for several places: then `sequence_keys` has one per effect.

    `said` is what it says about visits or appointments: what comes of that is known when it is put in
    its place among what was said before (`engine.courses`)."""

    effects: tuple[Effect, ...]
    sequence_key: str = ""
    merges: tuple[TokenMerge, ...] = ()
    sequence_keys: tuple[str, ...] = ()
    said: tuple[Said, ...] = ()


class Filtered(msgspec.Struct, frozen=True):
    """No effect is wanted; `step` names the rule that said so."""

    step: str


class Dead(msgspec.Struct, frozen=True):
    """Could not be mapped: a dead letter. `lacks` is the table of its channel and the code that it lacks, if
    that is why."""

    reason: Reason
    lacks: tuple[str, str] | None = None

    def __repr__(self) -> str:
        return f"Dead({self.reason!r})"


class Fragment(msgspec.Struct, frozen=True):
    """Is a piece of a message: `follows` names what it continues, `leads` what continues it (keyed
    digests of the pointers, scoped to the sender; empty for nothing)."""

    follows: bytes
    leads: bytes


class HeldFragment(msgspec.Struct, frozen=True):
    """A stored piece that waits for the others, `since` (seconds since the epoch); `size` in bytes."""

    message_id: int
    channel: str
    follows: bytes
    leads: bytes
    since: float
    size: int = 0
    edition: int = 0  # that accepted it


class Routing(msgspec.Struct, frozen=True):
    """What one stored message became; `rest` are the later pieces of it, in order, when it came in
    pieces; `mentions` are the terms of the identifiers that it names (`engine.privacy.mentions`); `same`
    are pairs of look-ups, gone and into, of numbers that it merges and that led to one token already."""

    message_id: int
    result: Routed | Filtered | Dead | Fragment
    lane: Lane = Lane.NORMAL
    destinations: tuple[str, ...] = ()
    answered: Answered = "accepted"  # what the sender is (now) told; empty: still waits for delivery
    warnings: tuple[Reason, ...] = ()
    rest: tuple[int, ...] = ()
    mentions: tuple[int, ...] = ()
    same: tuple[tuple[bytes, bytes], ...] = ()
    due_at: float = 0.0
    shadow: bool = False
    """Of a channel that writes nothing: what would be a dead letter is shadowed too, for nobody is to send it
    again."""
    said: bool = False
    """Of a message that was routed before: what it says of a course takes the place of what it said."""


class Delivery(msgspec.Struct, frozen=True):
    """One effect on its way to one destination: the unit of retry, dead letter, redelivery."""

    id: int
    message_id: int
    channel: str
    destination: str
    effect: Effect
    sequence_key: str
    attempts: int  # including this one
    progress: dict[str, str] = {}  # what the saga wrote down so far (Destination.deliver)
    again: str = ""  # sent on its way again: why it had stopped (engine.overtaking)
    edition: int = 0  # whose programs made it
    received_at: float = 0.0  # its message, seconds since the epoch; 0 where nobody asked

    @property
    def correlation(self) -> str:
        """What its message is called in logs and traces."""
        return correlation(self.message_id, self.received_at)


class Delivered(msgspec.Struct, frozen=True, tag="delivered"):
    """Stands. `documents` are the destination's own references (`stock.picking` → `42`); `note`
    says what a reader should know ("nothing was reserved", "short by 2")."""

    documents: dict[str, str] = {}
    note: str = ""


class TryAgain(msgspec.Struct, frozen=True, tag="try-again"):
    """The world was not ready: down, slow, serialization failure."""

    reason: Reason


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The destination will never take it as it stands: a dead letter with a reason."""

    reason: Reason


class Shadowed(msgspec.Struct, frozen=True, tag="shadowed"):
    """Compared with what stands, and not carried out. `found` says under `would` what it would come to
    (`create`, `change`, `stands`, `refused`; `write` where there is nothing to compare with) and under
    `differs` in which words it differs from what stands; `note` what a reader should know, `reason` why it
    would be refused."""

    found: dict[str, str]
    note: str = ""
    reason: Reason | None = None


Outcome = Delivered | TryAgain | Refused | Shadowed


class Settlement(msgspec.Struct, frozen=True):
    """How an attempt ended. `retry_at` goes with `TryAgain` (seconds since the epoch)."""

    delivery_id: int
    outcome: Outcome
    retry_at: float = 0.0
