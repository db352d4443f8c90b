"""What leaves is held against the message that it came from (`engine.privacy.guard`): before effects are
stored, and once more before they are delivered.

A message is read again for that only where an effect holds more than tokens and words of the channel's files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, Protocol

import msgspec

from engine.auditing import Act, Entry
from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.fhir.document import Links, Resource
from engine.gathering import gather
from engine.hl7.document import Document
from engine.model import Dead, Delivery, Reason, Routed, Routing, StoredMessage
from engine.privacy.fhir_harvest import fhir_harvest
from engine.privacy.guard import Leak
from engine.privacy.matching import Identities
from engine.privacy.outgoing import Open
from engine.program import Program
from engine.programs import Programs
from engine.resources import ResourceKey, Version
from engine.telemetry import PrivacyIncident, signal

__all__ = ["Compared", "Egress", "Leaking", "Where", "identities_of", "leak_of", "work_since"]

Where = Literal["routing", "delivery", "answer"]

_YEAR = timedelta(days=366)
_COMPARED = 4_096  # messages of which is remembered what was compared, twice that at most
_CLEAN = 10_000  # phrases of ours that are remembered as harmless, before it starts afresh


def work_since(received_at: float) -> date:
    """From which day on a day is one of the work itself, for a message of that time (seconds since the
    epoch): charges come late, but hardly by a year; days before are compared with days of birth."""
    return (datetime.fromtimestamp(received_at, UTC) - _YEAR).date()


class Leaking(Exception):
    """Messages of a batch would let out who somebody is: map it again with those held back."""


class Storage(Protocol):
    """What the way out needs of the store."""

    def content(self, message_id: int) -> bytes: ...
    def resources(self, keys: Sequence[ResourceKey]) -> Mapping[ResourceKey, Version]: ...
    def record(self, entries: Sequence[Entry]) -> list[int]: ...


class Compared:
    """What this process compared with its message when it was made: the same need not be compared again when
    it is delivered. Shared by threads; forgets what is old."""

    def __init__(self) -> None:
        self._young: dict[int, set[Open]] = {}
        self._old: dict[int, set[Open]] = {}

    def keep(self, message_id: int, left: set[Open]) -> None:
        """This was left of a message, and holds nothing that identifies in it."""
        if len(self._young) >= _COMPARED:
            self._young, self._old = {}, self._young
        self._young[message_id] = left

    def covers(self, message_id: int, left: set[Open]) -> bool:
        """Whether all that is left was compared with this message."""
        known = self._young.get(message_id) or self._old.get(message_id)
        return known is not None and left <= known


class Egress:
    """The way out, guarded by one thread; `who` it is in the audit. The threads of a process
    share what they `compared`."""

    def __init__(
        self,
        programs: Programs,
        store: Storage,
        who: str,
        clock: Callable[[], float],
        compared: Compared | None = None,
    ) -> None:
        self._programs, self._store, self._who, self._clock = programs, store, who, clock
        self._compared = compared or Compared()
        self._clean: set[str] = set()
        self._open: set[str] = set()  # channels of which an effect held more than tokens and known words

    def has_course(self, delivery: Delivery) -> bool:
        """Whether the channel of a delivery keeps courses of visits or appointments."""
        program = self._programs.get(delivery.edition, delivery.channel)
        return program is not None and program.course is not None

    def check(
        self,
        routings: Sequence[Routing],
        messages: Mapping[int, StoredMessage],
        links: Mapping[str, Links],
        stopped: dict[int, Leak],
    ) -> None:
        """Raises `Leaking` when there are more leaks than those of `stopped`, which it adds them to, each in
        the audit: nothing of such a message may stand, not in the courses of a batch either. `links` are what
        the resources of each channel refer to. All messages were taken by one edition."""
        since = work_since(max((one.received_at for one in messages.values()), default=0.0))
        found: dict[int, Leak] = {}
        for routing in self._suspects(routings, messages, since):
            message = messages[routing.message_id]
            program = self._program(message)
            of = links.get(message.channel, {})
            leak, left = _compared(routing, message, program, since, of, self._clean)
            if leak is None and left:
                self._compared.keep(message.id, left)
            elif leak is not None and message.id not in stopped:
                found[message.id] = leak
        if len(self._clean) > _CLEAN:
            self._clean.clear()
        if found:
            self.record(found, "routing", messages)
            stopped |= found
            raise Leaking

    def without_names(self, routing: Routing, message: StoredMessage, links: Mapping[str, Links]) -> Routing:
        """A dead letter for want of a code that also says who somebody is, without the code: it is in no
        worklist, and stays a dead letter."""
        result = routing.result
        if not isinstance(result, Dead) or result.lacks is None:
            return routing
        program = self._program(message)
        identities = identities_of(message, program, links.get(message.channel, {}))
        if not program.guard.in_code(result.lacks[1], identities):
            return routing
        return msgspec.structs.replace(routing, result=Dead(result.reason))

    def _suspects(
        self, routings: Sequence[Routing], messages: Mapping[int, StoredMessage], since: date
    ) -> list[Routing]:
        """Those to be looked at one by one: not the effects of a channel that hold nothing but tokens and
        its own words, which is told of a whole batch at once."""
        batches: dict[str, list[Routing]] = {}
        for routing in routings:
            batches.setdefault(messages[routing.message_id].channel, []).append(routing)
        suspects: list[Routing] = []
        for channel, batch in batches.items():
            guard = self._program(messages[batch[0].message_id]).guard
            several = channel not in self._open  # else it is done message by message at once
            if several and guard.quiet([one.result for one in batch], since):
                batch = [one for one in batch if one.warnings or isinstance(one.result, Dead)]
            elif several:
                self._open.add(channel)
            suspects += batch
        return suspects

    def deliveries(self, batch: Sequence[Delivery]) -> dict[int, Leak]:
        """Those of these deliveries that would let somebody out, by id, and where. The message of one is
        gone after its time: then it was compared when its effects were made."""
        since = work_since(self._clock())
        left: dict[int, tuple[Program, list[tuple[Delivery, set[Open]]]]] = {}
        for delivery in batch:
            program = self._maker(delivery)
            opened = program and program.guard.left([delivery.effect], since, [delivery.sequence_key])
            if program and opened and not self._compared.covers(delivery.message_id, opened):
                left.setdefault(delivery.message_id, (program, []))[1].append((delivery, opened))
        found: dict[int, Leak] = {}
        for message_id, (program, several) in left.items():
            try:
                found |= self._compare(message_id, program, several)
            except (Unavailable, Misconfigured):
                raise
            except Exception as error:  # a bug of ours must neither let anything out nor stop the others
                told = Leak("message", f"could not be compared: {type(error).__name__}")
                found |= {delivery.id: told for delivery, _ in several}
        return found

    def _program(self, message: StoredMessage) -> Program:
        program = self._programs.get(message.edition, message.channel)
        assert program is not None  # noqa: S101 - it was routed by it
        return program

    def _maker(self, delivery: Delivery) -> Program | None:
        """The program that made it; where it cannot be had, the one that stands in its place now."""
        programs, channel = self._programs, delivery.channel
        return programs.get(delivery.edition, channel) or programs.get(0, channel)

    def _compare(
        self, message_id: int, program: Program, several: Sequence[tuple[Delivery, set[Open]]]
    ) -> dict[int, Leak]:
        """Those of a message's deliveries that would let somebody out."""
        compared = set[Open]().union(*(opened for _, opened in several))
        identities = self._identities(message_id, program, compared)
        if identities is None:
            return {}
        leaks = {
            delivery.id: program.guard.leak(opened, [delivery.effect], identities)
            for delivery, opened in several
        }
        return {number: leak for number, leak in leaks.items() if leak is not None}

    def record(
        self, leaks: Mapping[int, Leak], where: Where, of: Mapping[int, StoredMessage | Delivery]
    ) -> None:
        """What was stopped is in the audit before it is a dead letter. `of` are the messages or deliveries
        by the ids of `leaks`. Raises `Unavailable`: then it is not stopped yet, but tried again."""
        told = []
        for number, leak in sorted(leaks.items()):
            one = of[number]
            message = one.message_id if isinstance(one, Delivery) else one.id
            told.append(PrivacyIncident(one.channel, where, message, leak.place, leak.row))
        if told:
            self._store.record([self._entry(one) for one in told])
        for happened in told:
            signal(happened)

    def _entry(self, told: PrivacyIncident) -> Entry:
        return Entry(
            at=self._clock(),
            who=self._who,
            role="engine",
            act=Act.INCIDENT,
            object=f"message:{told.message}",
            outcome="refused",
            detail={"channel": told.channel, "where": told.where, "place": told.place, "row": told.row},
        )

    def _identities(self, message_id: int, program: Program, left: set[Open]) -> Identities | None:
        """What identifies in a stored message, where it has to be read for what is left."""
        try:
            raw = self._store.content(message_id)
        except (KeyError, Unacceptable):
            return None
        if _clear(raw, program, left):
            return None
        message = StoredMessage(message_id, program.channel, raw, 0.0)
        links = gather([message], program, self._store.resources) if program.fhir else {}
        return identities_of(message, program, links)


def _clear(raw: bytes, program: Program, left: set[Open]) -> bool:
    """Whether nothing is left to compare, or nothing that could stand in the message."""
    return not left or (not program.fhir and program.harvester.sieve.clear(raw, left))


def leak_of(
    routing: Routing,
    message: StoredMessage,
    program: Program,
    since: date,
    links: Links,
    clean: set[str],
) -> Leak | None:
    """What a message would let out with all that it became, its warnings and its reason; days from `since`
    on are those of the work. What we say ourselves is compared once: `clean` grows by it, for what is said
    of two messages is of neither."""
    return _compared(routing, message, program, since, links, clean)[0]


def _compared(
    routing: Routing, message: StoredMessage, program: Program, since: date, links: Links, clean: set[str]
) -> tuple[Leak | None, set[Open]]:
    """The same, and what was left of the effects to compare."""
    guard, result = program.guard, routing.result
    made, left = guard.routed(result, since) if isinstance(result, Routed) else ([], set[Open]())
    phrases: list[str] = []
    if routing.warnings or isinstance(result, Dead):
        reasons = (*routing.warnings, *((result.reason,) if isinstance(result, Dead) else ()))
        phrases = [phrase for phrase in _phrases(reasons) if phrase not in clean]
    if not phrases and _clear(message.raw, program, left):
        return None, left
    identities = identities_of(message, program, links)
    row = next((row for phrase in phrases if (row := guard.in_words(phrase, identities))), "")
    if row:
        return Leak("reason", row), left
    clean.update(phrases)
    return guard.leak(left, made, identities), left


def identities_of(message: StoredMessage, program: Program, links: Links) -> Identities:
    """What identifies in a message; nothing in one that cannot be read: nothing was made of it."""
    try:
        if not program.fhir:
            document = Document.parse(message.raw, default_charset=program.charset)
            return Identities(program.harvester.of(document))
        resource = Resource.parse(message.raw)
    except Unacceptable:
        return Identities(())
    resource.links = links
    seen = fhir_harvest(resource)
    return Identities([one for one in seen if not f"{one.row}.".startswith(program.widened)])


def _phrases(reasons: Iterable[Reason]) -> list[str]:
    return [
        text for reason in reasons for text in (reason.text, reason.place, *_phrases(reason.more)) if text
    ]
