"""A trial: everything that a channel makes of one message, with nothing stored and nothing sent.

The message as a tree, what privacy does to each place, each step's before and after, the effects, the
acknowledgement. What becomes of the message is decided by the code that runs in service
(`engine.config.cases.rehearsal`); the steps explain it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from engine.config.cases.aliases import AliasBook
from engine.config.cases.fhir_rehearsal import ResourceTrial
from engine.config.cases.rehearsal import trial_of
from engine.config.changes import policy_of
from engine.config.loading import LoadedChannel
from engine.destinations.odoo import OdooConnection
from engine.effects import Effect, Item, Money
from engine.errors import Unacceptable
from engine.fhir.document import Resource
from engine.hl7.document import Document
from engine.model import Reason
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.harvest import Harvester
from engine.privacy.matching import Identities
from engine.privacy.policy import Policy
from engine.workbench.looks import Show
from engine.workbench.masking import MASK, Line
from engine.workbench.planned import ShownPlan, goes_to_odoo, planned
from engine.workbench.steps import Step, steps_of
from engine.workbench.tree import tree_of

__all__ = ["Attempt", "Tried", "try_message", "with_plan"]


class Tried(msgspec.Struct, frozen=True):
    """What a trial shows. `acknowledgement` is the code of MSA-1 (`none` for none) or the status of HTTP,
    `answer` what would be sent back; effects are plain data, each under its word, with aliases in place of
    tokens."""

    channel: str
    file: str
    acknowledgement: str
    answer: str
    state: str
    step: str
    reason: Reason | None
    warnings: tuple[Reason, ...]
    sequence_key: str
    tree: tuple[Line, ...]
    odd: tuple[str, ...]
    steps: tuple[Step, ...]
    effects: tuple[Mapping[str, Mapping[str, Any]], ...]
    destinations: tuple[str, ...]
    plan: ShownPlan | None = None

    def __repr__(self) -> str:
        return f"Tried({self.channel})"


class Attempt(NamedTuple):
    """A trial, the effects with their tokens, the book that knows what these stand for, and the effects of
    what was sent before."""

    tried: Tried
    made: tuple[Effect, ...]
    book: AliasBook
    before: tuple[Effect, ...] = ()


def with_plan(attempt: Attempt, connection: OdooConnection | None = None) -> Tried:
    """The trial with what would go to Odoo, where the channel has one and the message effects."""
    tried = attempt.tried
    if not attempt.made or not goes_to_odoo(tried.destinations):
        return tried
    return msgspec.structs.replace(
        tried, plan=planned(attempt.made, attempt.book.shown, connection, attempt.before)
    )


def try_message(
    channel: LoadedChannel, raw: bytes, *, numbered: bool = False, after: Sequence[bytes] = ()
) -> Attempt:
    """Try one message (or the JSON of a resource) in a channel, `after` those that were sent before. With
    `numbered` no identifier of it is told: its tokens are numbered in what is shown."""
    book = AliasBook(numbered=numbered)
    trial = trial_of(channel, book)
    before = tuple(effect for one in after for effect in trial.say(one).made)
    said = trial.say(raw)
    policy = policy_of(channel.spec)[0]
    try:
        tree, odd = tree_of(raw, channel.program.charset, policy=policy)
    except Unacceptable:  # the answer says so
        tree, odd = [], []
    steps: Sequence[Step] = ()
    if said.state not in ("quarantined", "refused"):
        steps = _steps(channel, trial.packed(raw) if isinstance(trial, ResourceTrial) else raw, policy, book)
    tried = Tried(
        channel=channel.spec.channel,
        file=str(channel.path),
        acknowledgement=said.code,
        answer=said.acknowledgement.decode("utf-8", "replace").replace("\r", "\n"),
        state=said.state,
        step=said.step,
        reason=said.reason,
        warnings=said.warnings,
        sequence_key=said.sequence_key,
        tree=tuple(tree),
        odd=tuple(odd),
        steps=tuple(steps),
        effects=tuple(said.effects),
        destinations=channel.program.destinations,
    )
    return Attempt(tried, said.made, book, before)


def _steps(channel: LoadedChannel, raw: bytes, policy: Policy | FhirPolicy, book: AliasBook) -> list[Step]:
    program = channel.program
    document: Document | Resource
    try:
        if program.fhir:
            document = Resource.parse(raw)
            identities = Identities(fhir_harvest(document))
        else:
            document = Document.parse(raw, default_charset=program.charset)
            identities = Identities(
                Harvester(policy if isinstance(policy, Policy) else Policy()).of(document)
            )
    except Unacceptable:
        return []
    book.start(0, program.tenant)
    return steps_of(channel, document, book, _showing(book, identities))


def _showing(book: AliasBook, identities: Identities) -> Show:
    """How values are shown: tokens as aliases, and nothing that identifies somebody."""

    def show(value: Any) -> str:
        text = _text(value)
        told = book.shown(text)
        return MASK if told == text and identities.row_in(text) else told

    return show


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Money):
        return f"{value.amount:f} {value.currency}".strip()
    if isinstance(value, Item):
        return " ".join(part for part in (f"{value.quantity:f}", value.unit, value.code, value.lot) if part)
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    return value.isoformat() if isinstance(value, date) else str(value)
