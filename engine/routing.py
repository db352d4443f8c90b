"""From stored messages to stored effects: the loop that drives the pipeline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby

import msgspec

from engine import tracing
from engine.assembly import Assembly
from engine.checking import Checking
from engine.egress import Compared, Egress, Leaking
from engine.errors import Misconfigured, Unavailable
from engine.fhir.document import Links
from engine.gathering import gather
from engine.model import Dead, Fragment, Reason, Routed, Routing, StoredMessage
from engine.pipeline import NamePointer, failed, refused, replayed, route, withheld
from engine.privacy.book import Minted, TokenBook
from engine.privacy.guard import Leak
from engine.privacy.sealing import SubjectGone
from engine.privacy.vault import Vault
from engine.program import Program
from engine.programs import HOMELESS, Programs
from engine.store.base import AT_ONCE, CoursesMoved, Store, TokensTaken, VaultTurned
from engine.telemetry import MessagesRouted, signal
from engine.tokens import NewToken

__all__ = ["RoutingLoop"]

REST = 0.5  # seconds between looks when nothing waits (a wake-up ends it early)


class RoutingLoop:
    """Routes the messages of the channels that are `mine` in the order they arrived, each by the edition that
    took it; those that come in pieces when they are complete. `name` names their pointers, `seal` seals new
    tokens, `renew` reads the vault's keys anew when it has turned; `holder` is this process's name in the
    audit.

    `routed()` is called after a batch's effects are durable: there may be something to deliver, and
    something to tell senders that wait. `remember` keeps the names of the authorities whose numbers come by,
    before what names them is stored."""

    def __init__(
        self,
        store: Store,
        programs: Programs,
        book: TokenBook,
        *,
        seal: Callable[[Sequence[Minted]], list[NewToken]],
        renew: Callable[[], Vault],
        name: NamePointer,
        batch: int,
        clock: Callable[[], float],
        routed: Callable[[], None],
        holder: str,
        compared: Compared | None = None,
        remember: Callable[[Collection[str]], None] = lambda _: None,
        mine: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._store, self._programs, self._book, self._mine = store, programs, book, mine
        self._batch, self._clock = batch, clock
        self._seal, self._renew = seal, renew
        self._erasing = False
        self._routed, self._name = routed, name
        self._assembly = Assembly(store, programs, clock, mine)
        self._checking = Checking(programs)
        self._remember, self._seen = remember, dict[int, int]()
        self._links: dict[str, Links] = {}  # what the resources of this batch refer to, by channel
        self._egress = Egress(programs, store, holder, clock, compared)
        self._storing = 0.0  # when the commit of the last batch began

    def turn(self) -> float:
        """Route one batch; the seconds to rest before the next."""
        waiting = self._store.unrouted(sorted(filter(self._mine, self._programs.channels)), 0, self._batch)
        for _, of_one in groupby(waiting, key=lambda message: message.edition):
            self._route(list(of_one))
        if self._assembly.due:
            full = len(waiting) >= self._batch or sum(len(message.raw) for message in waiting) >= AT_ONCE
            self._put_together(behind=full)
        return 0.0 if waiting else REST

    def close(self) -> None:
        """End what runs beside it."""
        self._checking.close()

    def _route(self, waiting: Sequence[StoredMessage]) -> None:
        """Messages of one edition."""
        homeless = [one for one in waiting if self._programs.get(one.edition, one.channel) is None]
        if homeless:
            self._bury(homeless)
            waiting = [one for one in waiting if one not in homeless]
        began = self._clock()
        routings = self._map(waiting) if waiting else []
        if tracing.on():
            self._trace(routings, waiting, began)
        if any(isinstance(routing.result, Fragment) for routing in routings):
            self._assembly.held()
        self._tell(routings, {message.id: message.channel for message in waiting})

    def _trace(self, routings: Sequence[Routing], waiting: Sequence[StoredMessage], began: float) -> None:
        """A span for each message, from the beginning of its batch: mapped together, stored in one commit."""
        done, messages = self._clock(), {one.id: one for one in waiting}
        for routing in routings:
            message = messages[routing.message_id]
            if tracing.traced(message.correlation):
                result = routing.result
                span = tracing.tell(
                    message.correlation, "route", began, done,
                    failed=result.reason.code.value if isinstance(result, Dead) else "",
                    channel=message.channel, message=message.id, batch=len(waiting),
                    result=type(result).__name__.lower(), edition=message.edition,
                    effects=len(result.effects) if isinstance(result, Routed) else 0,
                )  # fmt: skip
                tracing.tell(message.correlation, "map", began, self._storing, within=span)
                tracing.tell(message.correlation, "store", self._storing, done, within=span)

    def _bury(self, homeless: Sequence[StoredMessage]) -> None:
        routings = [Routing(message.id, Dead(HOMELESS), answered="error") for message in homeless]
        self._store.route(routings, [], self._clock())
        self._tell(routings, {message.id: message.channel for message in homeless})

    def _put_together(self, *, behind: bool) -> None:
        """Route what has become whole, one by one, and bury what did not."""
        try:
            wholes, given_up = self._assembly.look(behind=behind)
            for whole in wholes:
                routings = self._map([whole.message], whole.rest)
                self._tell(routings, {whole.message.id: whole.message.channel})
            if given_up:
                routings = [routing for _, routing in given_up]
                self._store.route(routings, [], self._clock())
                self._tell(routings, {routing.message_id: channel for channel, routing in given_up})
        except BaseException:
            self._assembly.held()  # they still are: the next turn looks again
            raise

    def _tell(self, routings: Sequence[Routing], channels: Mapping[int, str]) -> None:
        """Effects are durable: whoever waits for that, and the counts."""
        self._routed()
        counted = Counter((channels[r.message_id], type(r.result).__name__.lower()) for r in routings)
        for (channel, result), amount in counted.items():
            signal(MessagesRouted(channel, result, amount))

    def _map(self, waiting: Sequence[StoredMessage], rest: tuple[int, ...] = ()) -> list[Routing]:
        """Map and store; when another router minted a token or wrote a course first, map again. `rest`
        are the later pieces of the one that waits."""
        findings = self._checking.look(waiting)
        by_id = {message.id: message for message in waiting}
        stopped: dict[int, Leak] = {}  # what the guard holds back, found when it was mapped before
        while True:
            routed = self._all_routings(waiting, findings, stopped)
            if rest:
                routed = [(program, msgspec.structs.replace(one, rest=rest)) for program, one in routed]
            try:
                routings, courses = replayed(routed, self._book, self._store)
                self._egress.check(routings, by_id, self._links, stopped)
                if self._book.misled:  # by a merge that is none after all: nobody else's may be believed
                    self._book.abandon({})
                    return self._each(waiting)
                routings = [
                    self._finished(one, program, by_id[one.message_id])
                    for (program, _), one in zip(routed, routings, strict=True)
                ]
                self._keep_authorities()
                minted = self._seal(self._book.minted())
                self._storing = self._clock()
                self._store.route(routings, minted, self._storing, courses, turn=self._book.turn)
            except (TokensTaken, VaultTurned, SubjectGone, CoursesMoved, Leaking) as moved:
                self._again(moved)
                continue
            except BaseException as error:
                self._book.abandon({})
                if isinstance(error, Exception) and not isinstance(error, (Unavailable, Misconfigured)):
                    return self._apart(waiting, rest, error)
                raise
            self._book.committed()
            self._erasing = False
            return routings

    def _finished(self, routing: Routing, program: Program, message: StoredMessage) -> Routing:
        """As it is stored: with the run of its channel's schedule, the one in force whichever edition took
        it, or without a code that says who somebody is."""
        if isinstance(routing.result, Dead):
            return self._egress.without_names(routing, message, self._links)
        now = self._programs.get(0, program.channel) or program
        if now.schedule is None or not isinstance(routing.result, Routed):
            return routing
        due_at = now.schedule.run_for(message.received_at, self._clock())
        return msgspec.structs.replace(routing, due_at=due_at)

    def _again(self, moved: Exception) -> None:
        """Another was first: learn what is so now. Raises `Unavailable` while a person is being erased."""
        if isinstance(moved, (VaultTurned, SubjectGone)):
            before = self._book.turn
            self._book.renew(self._renew())
            if isinstance(moved, SubjectGone) and self._book.turn == before:
                self._await_erasure()
        else:
            self._book.abandon(moved.known if isinstance(moved, TokensTaken) else {})

    def _await_erasure(self) -> None:
        """The cabinet knows of an erasure, the store does not. When it still does not after a rest, whoever
        erased died in between, and it is carried out here."""
        self._erasing = not self._erasing
        if self._erasing:
            raise Unavailable("a person is being erased")
        self._store.settle_erasures((), self._clock())
        self._book.renew(self._renew())

    def _keep_authorities(self) -> None:
        """Whose numbers came by for the first time is remembered: under each a number is searched for."""
        seen = [program.mentions.seen for program in self._programs.all()]
        counts = {id(names): len(names) for names in seen}
        if counts != self._seen:
            self._remember(set().union(*seen))
            self._seen = counts

    def _each(self, waiting: Sequence[StoredMessage]) -> list[Routing]:
        """One by one: each when what came before it is known for good."""
        return [routing for message in waiting for routing in self._map([message])]

    def _apart(
        self, waiting: Sequence[StoredMessage], rest: tuple[int, ...], error: Exception
    ) -> list[Routing]:
        """One by one, so that a message that cannot be stored or meets a bug of ours becomes a dead letter
        and stops no other."""
        if len(waiting) > 1:
            return self._each(waiting)
        (message,) = waiting
        program = self._programs.get(message.edition, message.channel)
        assert program is not None  # noqa: S101 - it was mapped by it
        dead = failed(message, program, error, self._book)
        self._store.route([msgspec.structs.replace(dead, rest=rest)], [], self._clock())
        return [dead]

    def _all_routings(
        self,
        waiting: Sequence[StoredMessage],
        findings: Mapping[int, tuple[Reason, ...]],
        stopped: Mapping[int, Leak],
    ) -> list[tuple[Program, Routing]]:
        """Every channel's, in the order of arrival; of those that were stopped their dead letter."""
        channels: dict[str, list[StoredMessage]] = {}
        for message in waiting:
            channels.setdefault(message.channel, []).append(message)
        routed = [
            (program, routing)
            for channel, batch in channels.items()
            if (program := self._programs.get(batch[0].edition, channel)) is not None
            for routing in self._routings(batch, program, findings)
        ]
        if stopped:
            routed = [
                (program, withheld(one, program, stopped[one.message_id], self._book))
                if one.message_id in stopped
                else (program, one)
                for program, one in routed
            ]
        return sorted(routed, key=lambda one: one[1].message_id)

    def _routings(
        self, batch: Sequence[StoredMessage], program: Program, findings: Mapping[int, tuple[Reason, ...]]
    ) -> list[Routing]:
        """One channel's, with what its check found."""
        if program.fhir:
            links = self._links[program.channel] = gather(batch, program, self._store.resources)
            return route(batch, program, self._book, links=links)
        if not findings:
            return route(batch, program, self._book, self._name)
        wrong = {number: reasons for number, reasons in findings.items() if reasons[0].hl7}
        passed = [message for message in batch if message.id not in wrong]
        routings = [refused(one, program, wrong[one.id], self._book) for one in batch if one.id in wrong]
        for routing in route(passed, program, self._book, self._name):
            odd = findings.get(routing.message_id, ())
            routings.append(msgspec.structs.replace(routing, warnings=(*odd, *routing.warnings)))
        return routings
