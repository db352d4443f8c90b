"""What messages that are stored would become in a set of channels, with nothing stored and nothing sent.

The same code as in service decides; only the vault is one that forgets. It answers an identifier with the
same token whoever asks and in whatever order, so that two sets of channels can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import shake_256
from typing import Literal, NamedTuple

import msgspec

from engine.checking import Checking
from engine.config.cases.rehearsal import accept_rules, answer_code
from engine.config.loading import LoadedChannel
from engine.config.spec import FhirSource, Hl7Source
from engine.courses.memory import CourseMemory
from engine.effects import Effect
from engine.egress import leak_of, work_since
from engine.errors import Unacceptable
from engine.fhir.stored import unpack
from engine.gathering import Fetch, gather
from engine.hl7.accept import check, check_charset
from engine.hl7.header import read_header
from engine.hl7.modes import plan
from engine.model import (
    CourseRow,
    Dead,
    Filtered,
    Fragment,
    Reason,
    ReasonCode,
    Routed,
    Routing,
    StoredMessage,
)
from engine.pipeline import refused, replayed, route, withheld
from engine.privacy.book import TokenBook
from engine.privacy.tokens import mint
from engine.privacy.vault import Vault
from engine.programs import Programs

__all__ = ["Became", "Replaying", "State", "became"]

State = Literal["effects", "filtered", "dead", "refused", "piece", "untaken"]
"""`refused`: told so before anything is routed; `piece`: of a message that comes in several; `untaken`: there
is no such channel."""


class Became(NamedTuple):
    """What a message would become: `why` is the step that filters it or the code of the reason; `answer` that
    of MSA-1 (empty where nothing is answered so)."""

    state: State
    why: str = ""
    answer: str = ""
    effects: tuple[Effect, ...] = ()
    warnings: tuple[str, ...] = ()


class Replaying:
    """A set of channels to which nothing was said yet. What is said is remembered as long as this: courses of
    visits and appointments, merges. `key` (32 bytes) is that of its tokens; `fetch` reads resources that
    others refer to."""

    def __init__(self, channels: Sequence[LoadedChannel], key: bytes, fetch: Fetch) -> None:
        self._channels = {channel.spec.channel: channel for channel in channels}
        self._fetch, self._book, self._courses = fetch, _Book(key), CourseMemory()
        programs = {name: channel.program for name, channel in self._channels.items()}
        self._checking = Checking(Programs(programs))

    def close(self) -> None:
        """End what runs beside it."""
        self._checking.close()

    def become(self, messages: Sequence[StoredMessage]) -> list[Became]:
        """What each of the messages would become, after all that came before it."""
        mine = [msgspec.structs.replace(one, edition=0) for one in messages]
        wrong = self._checking.look([one for one in mine if one.channel in self._channels])
        return [self._one(message, wrong.get(message.id, ())) for message in mine]

    def _one(self, message: StoredMessage, found: tuple[Reason, ...]) -> Became:
        channel = self._channels.get(message.channel)
        if channel is None:
            return Became("untaken")
        source = channel.spec.source
        if source.fhir is not None:
            why = _unserved(message, source.fhir)
            return Became("refused", why) if why else became(self._routed(message, channel, found), "")
        assert source.hl7 is not None  # noqa: S101 - what is not of FHIR is of HL7 v2
        return self._heard(message, channel, source.hl7, found)

    def _heard(
        self, message: StoredMessage, channel: LoadedChannel, source: Hl7Source, found: tuple[Reason, ...]
    ) -> Became:
        """A message of HL7 v2, from its header on."""
        try:
            header = read_header(message.raw, source.charset)
        except Unacceptable as error:
            return Became("refused", error.code, "AR")
        answers, rules = plan(header, source.ack_mode), accept_rules(source)
        ruling = check(header, rules) or check_charset(message.raw, header, rules)[0]
        if ruling is not None:
            code = answers.refused(ruling.answered) if ruling.answered else answers.stored()
            return Became("refused", ruling.reason.code.value, code or "")
        routing = self._routed(message, channel, found)
        failed = isinstance(routing.result, Dead)
        return became(routing, answer_code(answers, source, failed=failed) or "")

    def _routed(self, message: StoredMessage, channel: LoadedChannel, found: tuple[Reason, ...]) -> Routing:
        program, book = channel.program, self._book
        links = gather([message], program, self._fetch) if program.fhir else {}
        rows: list[CourseRow] = []
        if found and found[0].hl7:
            routing = refused(message, program, found, book)
        else:
            routings = route([message], program, book, links=links)
            (routing,), rows = replayed([(program, one) for one in routings], book, self._courses)
        leak = leak_of(routing, message, program, work_since(message.received_at), links, set())
        if leak is not None:
            routing = withheld(routing, program, leak, book)
        else:
            self._courses.keep(rows, routing.result.merges if isinstance(routing.result, Routed) else ())
        book.committed()
        return routing


class _Book(TokenBook):
    """A token book without a store, in which a token follows from the identifier."""

    def __init__(self, key: bytes) -> None:
        vault = Vault(tenant="replay", index_keys={"replay": key}, shift_key=key)
        super().__init__(vault, lambda _: {})

    def _mint(self, identifier: str, index: bytes) -> str:
        self._sheets[identifier[0]] = mint(identifier[0], shake_256(index).digest(26))
        return super()._mint(identifier, index)


def _unserved(message: StoredMessage, source: FhirSource) -> str:
    """Why a resource would not be taken; empty when it would."""
    try:
        stored = unpack(message.raw)
    except Unacceptable as error:
        return error.code
    served = stored.type in source.resources and stored.release in source.releases
    return "" if served else ReasonCode.UNKNOWN_TYPE.value


def became(routing: Routing, answer: str) -> Became:
    """A message as its routing has it."""
    result, warnings = routing.result, tuple(one.text for one in routing.warnings)
    if isinstance(result, Routed):
        return Became("effects", "", answer, result.effects, warnings)
    if isinstance(result, Filtered):
        return Became("filtered", result.step, answer, (), warnings)
    if isinstance(result, Fragment):
        return Became("piece", "", answer)
    return Became("dead", result.reason.code.value, answer, (), warnings)
