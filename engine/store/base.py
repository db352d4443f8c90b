"""The contract of safe storage: what every message store promises, and nothing about how.

Plain synchronous verbs, called from threads (`engine.threads`). Each verb is one transaction:
when it returns, what it did survives kill -9, a kernel crash and a power cut; when it raises
`Unavailable`, nothing of it happened. One conformance suite (`tests/conformance/store_contract.py`) runs
over every implementation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from engine.model import (
    Answered,
    Arrival,
    CourseRow,
    Delivery,
    HeldFragment,
    Lane,
    Receipt,
    Routing,
    Settlement,
    StoredMessage,
)
from engine.store.cabinet import Cabinet
from engine.store.contracts.accounts import AccountStore
from engine.store.contracts.alerts import AlertStore
from engine.store.contracts.assertions import AssertionStore
from engine.store.contracts.audit import AuditStore
from engine.store.contracts.care import CareStore
from engine.store.contracts.checks import CheckStore
from engine.store.contracts.editions import EditionStore
from engine.store.contracts.figures import FigureStore
from engine.store.contracts.fixing import FixStore
from engine.store.contracts.holding import HoldStore
from engine.store.contracts.measures import MeasureStore
from engine.store.contracts.mentions import MentionStore
from engine.store.contracts.merging import MergeStore
from engine.store.contracts.overview import OverviewStore
from engine.store.contracts.owing import OwingStore
from engine.store.contracts.parking import ParkingStore
from engine.store.contracts.purging import PurgeStore
from engine.store.contracts.resources import ResourceStore
from engine.store.contracts.scheduling import ScheduleStore
from engine.store.contracts.vault import VaultStore
from engine.store.contracts.views import ViewStore
from engine.tokens import NewToken

__all__ = ["AT_ONCE", "CoursesMoved", "MessageStore", "Store", "TokensTaken", "VaultTurned"]

AT_ONCE: Final = 16 * 2**20
"""Bytes of content that are read for routing at once, and what the last message has beyond: a hundred large
letters, one behind the other, would not fit into memory."""


class TokensTaken(Exception):
    """Another router minted a token for the same identifier first: map again with `known`."""

    def __init__(self, known: dict[bytes, str]) -> None:
        super().__init__(f"{len(known)} tokens were minted elsewhere meanwhile")
        self.known = known


class VaultTurned(Exception):
    """The vault is not what it was when a batch was mapped (a key changed, a person was erased, a merge
    undone): map again with what it is now."""


class CoursesMoved(Exception):
    """Another router wrote one of the courses first: read them and map again."""


class MessageStore(
    ViewStore, ParkingStore, ScheduleStore, OwingStore, MergeStore, MentionStore, PurgeStore, Protocol
):
    """Safe storage for messages, effects and tokens: the journey, and what is asked about it."""

    def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt]:
        """Make arrivals durable in one commit and say what each is, in the same order.

        An arrival whose fingerprint and digest equal an earlier one (in the store or earlier in
        this batch) that was accepted or is still in work is recorded as its duplicate, without
        content and without effect. One that was answered with an error or rejection before does
        not count. Same fingerprint with another digest: a new message, `reused` set; with `unique`
        into quarantine instead. One that names a `step` is filtered at once.

        A `numbered` arrival is accepted only as the expected number of its link, which is then the
        next (`engine.store.sequences`). When it `owes`, an application answer is owed from now on."""
        ...

    def unrouted(self, channels: Sequence[str], after: int, limit: int) -> list[StoredMessage]:
        """Messages in state received with id greater than `after`, oldest first, decrypted; none of a channel
        that a person stopped. At most `limit`, and none behind those that fill `AT_ONCE` bytes."""
        ...

    def tokens(self, indexes: Sequence[bytes]) -> dict[bytes, str]:
        """The tokens known for these look-ups; merged ones answer with their survivor."""
        ...

    def survivors(self, tokens: Sequence[str]) -> dict[str, str]:
        """For tokens that were merged away, the token that stands for them now; others absent."""
        ...

    def courses(self, space: str, keys: Sequence[str]) -> list[CourseRow]:
        """The courses kept under these keys, and under numbers that were merged into them. The body of
        one whose bytes are damaged is empty."""
        ...

    def route(
        self,
        routings: Sequence[Routing],
        minted: Sequence[NewToken],
        now: float,
        courses: Sequence[CourseRow] = (),
        *,
        turn: int = -1,
    ) -> None:
        """Store what messages became: their state, their deliveries (one per effect and
        destination), new tokens and merges, and the courses that they changed, all in one transaction.

        Of a message that is sent through again, a delivery that was carried out stays what it is where the
        same effect is made again, also where none is made any more; what is made otherwise is made anew, and
        the earlier one kept as replaced. With anything that stands the message is no filtered one.

        A `Fragment` is held until it is routed again, as the first of a message or among the `rest` of
        one: those become joined, with the first as their `original`. One that is dead without a rest is
        no original of resends any more: the whole message has to come again.

        A message that is no longer in state received (or fragment, when it is not becoming one) is left
        alone: routing twice is harmless. So is a message of which a piece is not held any more.
        Raises, with nothing stored: `TokensTaken` when a minted look-up exists already, `VaultTurned` when
        the vault is not at `turn` any more (-1: not asked), `CoursesMoved` when a course is not of the
        version that its row names any more, `Unacceptable` for a merge that would close a circle or is one
        of too many in a row."""
        ...

    def fragments(self, channels: Sequence[str]) -> list[HeldFragment]:
        """The pieces of messages that are held for these channels, by id."""
        ...

    def claim(
        self, destination: str, lane: Lane, limit: int, *, now: float, lease_until: float, holder: str
    ) -> list[Delivery]:
        """Take due deliveries, oldest message first, under a lease.

        At most the deliveries of one message per sequence key, and none whose key has an earlier
        message's delivery still open (due later or claimed), nor what follows one of its own message that
        is due later. An empty key orders nothing."""
        ...

    def note(self, progress: dict[int, dict[str, str]]) -> None:
        """Durably merge words into the progress of claimed deliveries (delivery id → words)."""
        ...

    def settle(self, settlements: Sequence[Settlement], *, now: float, holder: str) -> list[int]:
        """Write how attempts ended and move messages to their state. A settlement whose lease was
        lost to another holder is ignored. Returns the message ids that reached a final state."""
        ...

    def reclaim(self, now: float, holder: str = "") -> int:
        """Deliveries whose lease has ended become due again, and those that `holder` still holds (it
        has just started, so nobody works on them); how many."""
        ...

    def answer(self, answers: dict[int, Answered]) -> None:
        """Record what senders were told after all (`acknowledge: transform | delivery`).

        The first answer stands; a message that was refused is no original of resends any more."""
        ...

    def own(self, part: str = "") -> bool:
        """Take the store for this engine (or for a `part` beside it, of which there is one too) until `close`
        or the end of the process; False when another has it. Reading and single verbs need no ownership."""
        ...

    def idle(self) -> bool:
        """Whether a small commit right now would neither wait for another nor cross a network."""
        ...

    def check(self) -> None:
        """Raise `Unavailable` when a commit cannot be made durable right now."""
        ...

    def close(self) -> None:
        """Let go of connections and threads."""
        ...


class Store(
    MessageStore,
    ResourceStore,
    EditionStore,
    AssertionStore,
    AuditStore,
    VaultStore,
    MeasureStore,
    CheckStore,
    AccountStore,
    OverviewStore,
    FigureStore,
    AlertStore,
    HoldStore,
    FixStore,
    CareStore,
    Protocol,
):
    """Safe storage for all that comes in, and the cabinet with its keys."""

    cabinet: Cabinet
