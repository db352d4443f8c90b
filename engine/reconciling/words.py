"""The nouns of reconciliation: gaps, differences, control totals, checks and repairs. Values only."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Literal

import msgspec

__all__ = [
    "OPEN_KINDS", "Check", "CheckState", "Difference", "Flow", "Gap", "GapKind", "Mend", "Remedy", "Repair",
    "RepairState", "Report", "Scope", "Subject", "Total", "encode",
]  # fmt: skip


class GapKind(StrEnum):
    """How the books and Odoo differ."""

    MISSING = "missing"  # carried out, and not in Odoo any more
    DOUBLED = "doubled"  # once in the books, twice in Odoo
    CHANGED = "changed"  # Odoo says something else than the message
    CANCELLED = "cancelled"  # cancelled, or taken back, in Odoo alone
    UNKNOWN = "unknown"  # in Odoo, and nothing in the books says why
    WAITING = "waiting"  # accepted, and still on its way
    DEAD = "dead"  # a dead letter that nobody has settled
    LOST = "lost"  # acknowledged, and the store does not say what became of it


OPEN_KINDS = (GapKind.WAITING, GapKind.DEAD, GapKind.LOST)
"""Gaps between messages and effects, which Odoo has no part in."""

Subject = Literal["charges", "stock", "contacts", "master", "messages"]
"""What a gap is about: charges and stock have books of their own."""

Mend = Literal["", "again", "restore", "cancel", "credit"]
"""What Wardline can do about a gap: nothing, carry the effect out again under its key, make Odoo say what the
message says, cancel the double, or credit it."""


class Difference(msgspec.Struct, frozen=True):
    """One field that Odoo has otherwise: numbers, days, item codes and places, never free text (then both are
    empty)."""

    field: str
    said: str
    found: str


class Gap(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One discrepancy. `message_id` and `delivery_id` name the last effect under the key (0: there is none),
    `since` is when its message was received (seconds since the epoch), `documents` are ids in Odoo.

    `mend` is what can be done; it is `asked` when that would undo what a person did in Odoo, and then it is
    only done for who asks for this gap by its number. `advice` says what a person has to do."""

    kind: GapKind
    subject: Subject
    effect: str
    key: str
    text: str
    channel: str = ""
    destination: str = ""
    company: str = ""
    message_id: int = 0
    delivery_id: int = 0
    since: float = 0.0
    model: str = ""
    documents: tuple[int, ...] = ()
    differences: tuple[Difference, ...] = ()
    mend: Mend = ""
    asked: bool = False
    advice: str = ""

    @property
    def mark(self) -> str:
        """By what the same gap is known in another check."""
        named = self.key if self.kind is not GapKind.UNKNOWN else f"{self.model}:{self.documents}"
        return f"{self.destination} {self.kind.value} {self.effect} {named}"


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """A control total: how many lines of a kind of effect, of a channel and day (UTC, of the message), say so
    much of an item, and how many documents have how much of it. Goods count in the item's own unit (`unit`
    is empty), and what is brought back counts negative. Amounts are of lines whose message says the price, in
    the company's currency; where Odoo's price list speaks there is nothing to hold it against."""

    subject: Subject
    channel: str
    day: str
    effect: str
    item: str
    unit: str = ""
    company: str = ""
    effects: int = 0
    documents: int = 0
    quantity_said: Decimal = Decimal(0)
    quantity_found: Decimal = Decimal(0)
    amount_said: Decimal = Decimal(0)
    amount_found: Decimal = Decimal(0)
    currency: str = ""

    @property
    def balances(self) -> bool:
        """Whether both sides agree."""
        said = self.effects, self.quantity_said, self.amount_said
        return said == (self.documents, self.quantity_found, self.amount_found)


class Flow(msgspec.Struct, frozen=True):
    """The messages of a channel by state, and its effects by kind and state."""

    channel: str
    messages: dict[str, int]
    effects: dict[str, dict[str, int]]


class Scope(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a check looks at: messages received from `since` until before `until` (seconds since the epoch; 0:
    until now), of one `channel` or all, on their way to this Odoo (`odoo:hospital`; empty: every one)."""

    since: float
    until: float = 0.0
    channel: str = ""
    destination: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a check found. Of very many gaps the first stand here and all are counted (`counts`, by kind).
    `compared` are documents by effect; `untold` are effects that no check looks at, by kind; `unread` are the
    Odoos that could not be asked, with the reason in words of ours."""

    gaps: tuple[Gap, ...] = ()
    counts: dict[str, int] = {}
    by_channel: dict[str, int] = {}
    totals: tuple[Total, ...] = ()
    flows: tuple[Flow, ...] = ()
    compared: dict[str, int] = {}
    untold: dict[str, int] = {}
    unread: dict[str, str] = {}
    seconds: float = 0.0


CheckState = Literal["asked", "running", "done", "failed"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A run of the reconciliation. `gaps` counts those that are not simply on their way."""

    number: int
    at: float
    who: str
    state: CheckState
    scope: Scope
    gaps: int = 0
    report: Report = Report()


class Remedy(msgspec.Struct, frozen=True, omit_defaults=True):
    """One step of a repair: the gap by its place in the check (from 1), what is done about it, in words, and
    the exact calls that Odoo would get, as one text each. `outcome` is what came of it."""

    number: int
    gap: Gap
    mend: Mend
    text: str
    calls: tuple[str, ...] = ()
    outcome: str = ""


RepairState = Literal["proposed", "approved", "working", "sent", "done", "failed", "withdrawn"]


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody put forward after a check, and what became of it. `sent` are effects on their way again,
    which a further look at Odoo has yet to find."""

    number: int
    check: int
    state: RepairState
    at: float
    who: str
    why: str
    ticket: str = ""
    remedies: tuple[Remedy, ...] = ()
    decided_by: str = ""
    decided_at: float = 0.0


encode = msgspec.json.Encoder(decimal_format="string").encode
"""Any of these as JSON bytes."""
