"""Messages that came in pieces: put together when all pieces are here, given up when the rest stays away.

The pieces are in the store; nothing is remembered here but when to look again. The joined message is the
first piece's: its effects, its place in the order, its dead letter (spec: ack, section 7.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

from engine.errors import Unacceptable
from engine.hl7.continuation import chains, join
from engine.model import Dead, HeldFragment, Lane, Reason, ReasonCode, Routing, StoredMessage
from engine.program import Program
from engine.programs import HOMELESS, Programs
from engine.store.base import MessageStore

__all__ = ["MOST_HELD", "MOST_PIECES", "Assembly", "GivenUp", "Whole"]

MOST_PIECES = 100
"""Pieces of one message."""

MOST_HELD = 5_000
"""Pieces of unfinished messages that wait in one channel: all of them are looked at whenever one comes."""

REGULARLY = 30.0
"""Seconds until it is looked again whatever was found: what a person held is not seen until it is let go."""

_LATE = Reason(
    ReasonCode.CONTINUATION, "the rest of this message did not come in time: send all of it again", "DSC-1"
)
_ORPHAN = Reason(
    ReasonCode.CONTINUATION, "the message that this continues did not come: send all of it again", "MSH-14"
)
_GONE = Reason(
    ReasonCode.INTERNAL, "the content of a piece is not stored any more: ask the sender for it again"
)
_TOO_MANY = Reason(ReasonCode.OVERSIZE, f"more than {MOST_PIECES} pieces", "DSC-1", hl7=104)
_CROWDED = Reason(
    ReasonCode.CONTINUATION,
    f"more than {MOST_HELD} pieces of unfinished messages: the oldest are given up, send all of it again",
    "DSC-1",
)
_TOO_LARGE = Reason(ReasonCode.OVERSIZE, "the pieces are larger than one message may be", "DSC-1", hl7=104)


class Whole(NamedTuple):
    """A message put together, under the id of its first piece; `rest` are the ids of the others."""

    message: StoredMessage
    rest: tuple[int, ...]


GivenUp = tuple[str, Routing]
"""Channel and routing of a piece that is given up."""

_Unfinished = tuple[float, list[HeldFragment], Program]
"""Until when what is missing may come, the pieces so far, the program of the first."""


class Assembly:
    """Looks after the pieces of the channels that are `mine`; a message is of the edition that accepted its
    first piece."""

    def __init__(
        self,
        store: MessageStore,
        programs: Programs,
        clock: Callable[[], float],
        mine: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._store, self._programs, self._clock, self._mine = store, programs, clock, mine
        self._look_at = 0.0  # at once: an earlier run may have left some

    def held(self) -> None:
        """A piece was stored: look at the next turn."""
        self._look_at = 0.0

    @property
    def due(self) -> bool:
        """Whether it is time to look."""
        return self._clock() >= self._look_at

    def look(self, *, behind: bool = False) -> tuple[list[Whole], list[GivenUp]]:
        """The messages that are complete, and the pieces that are given up: for being late not while routing
        is `behind`, for the rest of them may be among what is to be routed still."""
        now, wholes, given_up = self._clock(), list[Whole](), list[GivenUp]()
        self._look_at = now + REGULARLY
        channels = sorted(filter(self._mine, self._programs.channels))
        held = sorted(self._store.fragments(channels), key=lambda one: one.channel)
        for _, pieces in groupby(held, key=lambda one: one.channel):
            unfinished: list[_Unfinished] = []
            for chain in chains(list(pieces)):
                program = self._programs.get(chain[0].edition, chain[0].channel)
                reason = _refusal(chain, program, 0.0 if behind else now) if program is not None else HOMELESS
                if program is None or reason is not None:
                    given_up += _buried(chain, reason or HOMELESS, program)
                elif chain[0].follows or chain[-1].leads:
                    unfinished.append((_deadline(chain, program), chain, program))
                else:
                    self._put_together(chain, program, wholes, given_up)
            given_up += self._wait(unfinished)
        return wholes, given_up

    def _wait(self, unfinished: list[_Unfinished]) -> list[GivenUp]:
        """Look again when the first of them is late; the oldest of too many are given up."""
        unfinished.sort(key=lambda one: one[0], reverse=True)
        given_up, room = list[GivenUp](), MOST_HELD
        for deadline, chain, program in unfinished:
            room -= len(chain)
            if room < 0:
                given_up += _buried(chain, _CROWDED, program)
            else:
                self._look_at = min(self._look_at, deadline)
        return given_up

    def _put_together(
        self, chain: Sequence[HeldFragment], program: Program, wholes: list[Whole], given_up: list[GivenUp]
    ) -> None:
        first, rest = chain[0], tuple(one.message_id for one in chain[1:])
        try:
            raw = join([self._store.content(one.message_id) for one in chain], program.charset)
        except KeyError:
            given_up.append((first.channel, _dead(first.message_id, _GONE, program, rest)))
        except Unacceptable as refusal:
            reason = Reason(ReasonCode(refusal.code), refusal.text, refusal.place, hl7=refusal.hl7)
            given_up.append((first.channel, _dead(first.message_id, reason, program, rest)))
        else:
            message = StoredMessage(first.message_id, first.channel, raw, first.since, first.edition)
            wholes.append(Whole(message, rest))


def _refusal(chain: Sequence[HeldFragment], program: Program, now: float) -> Reason | None:
    """Why these pieces are given up; None while there is hope."""
    if len(chain) > MOST_PIECES:
        return _TOO_MANY
    if sum(one.size for one in chain) > program.largest:
        return _TOO_LARGE
    if (chain[0].follows or chain[-1].leads) and now >= _deadline(chain, program):
        return _ORPHAN if chain[0].follows else _LATE
    return None


def _deadline(chain: Sequence[HeldFragment], program: Program) -> float:
    return min(one.since for one in chain) + program.fragment_timeout


def _buried(chain: Sequence[HeldFragment], reason: Reason, program: Program | None) -> list[GivenUp]:
    return [(one.channel, _dead(one.message_id, reason, program)) for one in chain]


def _dead(message_id: int, reason: Reason, program: Program | None, rest: tuple[int, ...] = ()) -> Routing:
    lane = program.lane if program else Lane.NORMAL
    shadow = program is not None and program.shadow
    return Routing(message_id, Dead(reason), lane, answered="error", rest=rest, shadow=shadow)
