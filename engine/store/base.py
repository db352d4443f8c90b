"""The contract of safe storage: what every message store promises, and nothing about how.

Plain synchronous verbs, called from threads (`engine.threads`). Each verb is one transaction:
when it returns, what it did survives kill -9, a kernel crash and a power cut; when it raises
`Unavailable`, nothing of it happened. One conformance suite (`tests/conformance/store_contract.py`) runs
over every implementation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from engine.auditing import AuditQuery, Checkpoint, Configuration, Entry, Recorded
from engine.correlation import correlation
from engine.model import (
    Activation,
    Answered,
    Application,
    Arrival,
    CourseRow,
    Delivery,
    DeliveryState,
    Edition,
    Erased,
    Erasure,
    Find,
    Found,
    HeldFragment,
    Lane,
    Merged,
    MessageState,
    Moved,
    NewToken,
    Parked,
    Purged,
    Reason,
    Receipt,
    ResourceKey,
    Retention,
    Routing,
    Running,
    SealKey,
    Settlement,
    StoredMessage,
    TokenRow,
    TurnedRow,
    Unit,
    Unmerged,
    Use,
    Version,
    Written,
)
from engine.store.cabinet import Cabinet
from engine.store.contracts.accounts import AccountStore
from engine.store.contracts.alerts import AlertStore
from engine.store.contracts.care import CareStore
from engine.store.contracts.checks import CheckStore
from engine.store.contracts.figures import FigureStore
from engine.store.contracts.fixing import FixStore
from engine.store.contracts.holding import HoldStore
from engine.store.contracts.measures import MeasureStore
from engine.store.contracts.overview import OverviewStore
from engine.store.keys import KeyRing

__all__ = [
    "AccountRow", "AuditStore", "CoursesMoved", "DeliveryView", "EditionStore", "MessageStore",
    "MessageView", "Owed", "Query", "ResourceStore", "ScheduledRun", "Store", "TokensTaken", "VaultStore",
    "VaultTurned",
]  # fmt: skip


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


class Query(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which messages or deliveries: everything given must hold."""

    channel: str = ""
    state: str = ""  # a MessageState or DeliveryState
    ids: tuple[int, ...] = ()  # message ids (of deliveries: delivery ids)
    since: float = 0.0  # received at or after, seconds since the epoch
    until: float = 0.0
    after: int = 0  # id greater than: for paging
    limit: int = 100


class MessageView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an operator may see of a message: no content."""

    id: int
    channel: str
    type: str
    state: MessageState
    received_at: float
    answered: Answered = ""
    bytes: int = 0
    original: int = 0
    step: str = ""
    reason: Reason | None = None
    effects: int = 0
    warnings: tuple[Reason, ...] = ()
    application: Application = ""
    edition: int = 0  # that accepted it, or that it was last sent through; 0: before there were any
    again: int = 0  # how often it was sent on its way again

    @property
    def correlation(self) -> str:
        """What it is called in logs and traces."""
        return correlation(self.id, self.received_at)


class DeliveryView(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an operator may see of a delivery: the effect (free of PHI), its state, its documents."""

    delivery: Delivery
    state: DeliveryState
    due_at: float = 0.0
    reason: Reason | None = None
    documents: dict[str, str] = {}
    note: str = ""
    settled_at: float = 0.0


class AccountRow(msgspec.Struct, frozen=True):
    """One line of the books: a count per channel, message state and delivery state."""

    channel: str
    state: MessageState
    messages: int


class ScheduledRun(msgspec.Struct, frozen=True):
    """How many deliveries of a channel wait for the run at `due_at` (seconds since the epoch, UTC)."""

    channel: str
    due_at: float
    deliveries: int


class Owed(msgspec.Struct, frozen=True):
    """How it stands with an application answer on a link of its own; `attempts` to tell it so far."""

    message_id: int
    attempts: int
    how: Application = "owed"


class MessageStore(Protocol):
    """Safe storage for messages, effects and tokens."""

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
        that a person stopped."""
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

    def parked(self) -> list[Parked]:
        """What waits for codes that tables lack, oldest first."""

    def heal(self, channel: str, table: str, codes: Sequence[str], *, edition: int, told: Entry) -> int:
        """Messages of a channel that wait for one of these codes of a table, as another edition than this
        one found, are to be routed again, by this one, in the order of their arrival; how many. `told` is
        recorded in the same commit, with which messages they were."""

    def release_scheduled(
        self, now: float, *, channel: str = "", limit: int = 2000, told: Entry | None = None
    ) -> int:
        """Scheduled deliveries whose run has come, or with a `channel` all of its own, become due, oldest
        message first; how many, `limit` at most. `told` is recorded in the same commit."""

    def bring_forward(self, channel: str, due_at: float, *, limit: int, told: Entry | None = None) -> int:
        """Scheduled deliveries of a channel whose run is later go with the one at `due_at`, nearest run
        first; how many, `limit` at most. `told` is recorded in the same commit."""

    def scheduled(self) -> list[ScheduledRun]:
        """What waits for which run."""

    def answer(self, answers: dict[int, Answered]) -> None:
        """Record what senders were told after all (`acknowledge: transform | delivery`).

        The first answer stands; a message that was refused is no original of resends any more."""
        ...

    def owed(self, channel: str, limit: int) -> list[Owed]:
        """Application answers that are owed to senders of this channel and whose outcome is known,
        oldest message first."""
        ...

    def told(self, answers: Sequence[Owed]) -> None:
        """Write how it stands with application answers."""
        ...

    def messages(self, query: Query) -> list[MessageView]:
        """Messages that match, by id."""
        ...

    def mentioned(self, terms: Sequence[int], query: Query) -> list[MessageView]:
        """Messages that match and name one of the identifiers behind these terms
        (`engine.privacy.mentions`), with their duplicates and later pieces, by id."""
        ...

    def kin(self, tokens: Sequence[str]) -> dict[bytes, str]:
        """All indexes (and their tokens) of those who are one with these tokens, themselves included."""
        ...

    def merges(self, token: str = "") -> list[Merged]:
        """Every merge that ever concerned this token or who is one with it (empty: the last thousand), newest
        first."""
        ...

    def unmerge(self, gone: str, into: str, *, now: float, told: Entry | None = None) -> Unmerged:
        """Take a merge back: from this commit on `gone` stands for itself again, with what was merged into
        it, and for each delivery of the merge another one is due that moves back what that one moved. `told`
        goes into the audit with it. Raises `Unacceptable` (`conflict`, nothing stored) when no such merge
        holds, or while it is still on its way."""
        ...

    def versions_of(self, message_ids: Sequence[int]) -> list[ResourceKey]:
        """The resources that these messages are versions of."""
        ...

    def authorities(self) -> list[bytes]:
        """The sealed names of the authorities whose numbers came by."""
        ...

    def keep_authorities(self, sealed: Collection[bytes], gone: Collection[bytes] = ()) -> None:
        """Remember sealed names of authorities, and forget those in `gone`."""
        ...

    def deliveries(self, query: Query, *, message_id: int = 0) -> list[DeliveryView]:
        """Deliveries that match (of one message when given), by id."""
        ...

    def content(self, message_id: int) -> bytes:
        """The raw bytes of one message as transmitted. Raises `KeyError` when there are none,
        `Unacceptable` when what is stored is damaged."""
        ...

    def newest(self, channel: str, limit: int) -> list[int]:
        """The ids of a channel's newest messages of their own (no duplicates, no pieces), oldest first."""
        ...

    def stored(self, message_ids: Sequence[int]) -> list[StoredMessage]:
        """Messages with their content, by id; those whose content is gone or damaged are absent."""
        ...

    def account(self) -> list[AccountRow]:
        """Counts of messages per channel and state."""
        ...

    def gaps(self) -> list[str]:
        """Plain words for whatever does not add up (a message in no state, an effect without a
        message, a delivered message with an open delivery …); empty when the books balance."""
        ...

    def backlog(self, now: float) -> dict[str, dict[str, float]]:
        """Per channel: `unrouted`, `fragments` (held), `due`, `scheduled`, `owed` (application answers),
        `dead`, and `oldest`, the age in seconds of the oldest open one."""
        ...

    def purge(
        self,
        default: Retention,
        channels: Mapping[str, Retention],
        now: float,
        *,
        dry_run: bool = False,
        rest: Callable[[float], object] = time.sleep,
    ) -> Purged:
        """Remove the content of what has been here for as many whole days as its class is kept, and destroy
        the keys of those days, each when nothing is sealed with it any more. Never content of what is in
        work, is owed, or is what a resource is now: that is sealed anew. With it goes whom those messages
        name.

        A message that is not in work stops being the original of resends after `duplicates` days; so is
        forgotten a visit that is closed and an appointment that holds nothing. With `dry_run` nothing is
        done, and told what would be.

        It goes in small pieces with rests between them, so that nobody waits for it; `rest` waits so many
        seconds, and may raise to end it: what was done until then stands."""
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


class ResourceStore(Protocol):
    """Safe storage for FHIR resources: versions that are messages. Every store has these verbs too."""

    def write(self, units: Sequence[Unit]) -> list[Written | Moved]:
        """Make units durable in one commit and say what became of each, in the same order. Each unit is
        all there or not at all; a later one sees what earlier ones wrote. Its messages are accepted
        and wait for routing in the order of the writes, next to each other.

        Who wrote what is kept with each version, chained by hash: what is changed or taken away
        afterwards is found (`verify_versions`)."""
        ...

    def resources(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]:
        """The current versions of these, deleted ones too, with their bodies; unknown ones are absent."""
        ...

    def version(self, key: ResourceKey, version: int) -> Version | None:
        """One version with its body."""
        ...

    def history(self, release: str, type_: str, id_: str, *, before: int, since: float, limit: int) -> Found:
        """Versions, newest first, of one resource or (with an empty id) of a type, whose message id is below
        `before` (0: all), written at or after `since`."""
        ...

    def find(self, find: Find) -> Found:
        """What matches, with bodies. Deleted ones are not found."""
        ...

    def unit(self, id_: str) -> list[Version]:
        """The versions that a unit wrote, in their order, without bodies."""
        ...

    def verify_versions(self) -> list[str]:
        """Plain words for every version that was changed or is missing since it was written; empty when
        the chain holds."""
        ...


class AssertionStore(Protocol):
    """Safe storage for what may happen once only at the token endpoint."""

    def first_use(self, digest: bytes, until: float, now: float) -> bool:
        """Remember durably that the assertion with this digest (16 bytes) was used, `until` it is of no use
        anyway, and say whether this was the first time."""
        ...


class EditionStore(Protocol):
    """Safe storage for the sets of channels that are, were or may be run. Every verb that changes what is to
    be run records its entry, about `edition:NUMBER`, in the same commit; who may do it, and whether somebody
    else has to agree, is decided before (`engine.editions`)."""

    def propose(
        self, digest: bytes, packed: bytes, sites: Sequence[str], *, at: float, why: str, told: Entry
    ) -> Edition:
        """Keep a set of channels under the next number, `proposed` by whom `told` names. What has the same
        digest as one before is that one; proposed anew when it was withdrawn, or when an author puts forward
        what nobody but its proposer approved."""

    def decide(
        self, number: int, state: Literal["approved", "withdrawn"], *, at: float, told: Entry
    ) -> Edition:
        """Approve or withdraw a proposed edition. Raises `Misconfigured` for one that is not there or not
        proposed (any more)."""

    def activate(
        self, number: int, *, at: float, why: str, told: Entry, after: int | None = None
    ) -> Activation:
        """From this commit on the edition is the active one. Raises `Misconfigured` for one that is not there
        or not approved, and when the newest activation is not that `after` which it was decided on any more
        (0: there was none)."""

    def active(self) -> Activation | None:
        """The newest activation; None before there is any. Cheap: asked every second."""

    def edition(self, number: int) -> Edition | None:
        """One edition without its files."""

    def packed(self, number: int) -> bytes:
        """The files of an edition as they were proposed. Raises `KeyError` when there is none."""

    def editions(self, limit: int = 1000) -> list[Edition]:
        """Editions, newest first."""

    def activations(self, limit: int = 1000) -> list[Activation]:
        """Activations, newest first."""

    def working_editions(self) -> list[int]:
        """Editions that messages which are not routed yet, or whose deliveries are open, were accepted by."""

    def unrouted_channels(self) -> list[str]:
        """The channels of messages that are not routed yet, whichever edition has them."""

    def say_running(self, running: Running) -> None:
        """Remember what a process did with an activation."""

    def running(self) -> list[Running]:
        """What each process of the engine did last."""

    def forget_running(self, holders: Sequence[str]) -> None:
        """Only these processes are there from now on."""


class AuditStore(Protocol):
    """Safe storage for who did what, when and why. Nothing is changed or taken away but by `purge_audit`, and
    what is done past these verbs is found by `verify_audit`."""

    def record(self, entries: Sequence[Entry]) -> list[int]:
        """Append entries in one commit; their numbers. Who cannot record an act does not do it. When the
        audit does not end where it was left, an incident is appended before them.

        Raises `Misconfigured` for an entry that may not be written (`engine.auditing.checked`)."""
        ...

    def entries(self, query: AuditQuery) -> list[Recorded]:
        """Entries that match, oldest first or newest first."""
        ...

    def checkpoint(self, now: float) -> Checkpoint | None:
        """Sign where the audit and the versions of resources stand; None when they stand where the last
        checkpoint found them."""
        ...

    def checkpoints(self, after: int, limit: int = 1000) -> list[Checkpoint]:
        """Checkpoints with a number greater than `after`, oldest first."""
        ...

    def verify_audit(self, witnessed: Sequence[Checkpoint] = ()) -> list[str]:
        """Plain words for every entry that was changed, is missing, was added or put elsewhere, for every
        checkpoint that does not hold, and for what contradicts the checkpoints `witnessed` elsewhere; empty
        when the audit is the one that was written."""
        ...

    def has_past(self, before: float) -> bool:
        """Whether `purge_audit` would find entries to remove."""
        ...

    def may_purge_audit(self) -> bool:
        """Whether the database lets its user take entries away: on PostgreSQL its owner alone
        (`deploy/postgres-roles.sql`)."""
        ...

    def purge_audit(self, before: float, entry: Entry) -> int:
        """Remove the entries up to the newest checkpoint made before then; how many. `entry`, to
        which what was removed is added, is recorded first; the checkpoint stays and is what the chain goes on
        from. Raises `Misconfigured`, and removes nothing, when the audit does not hold."""
        ...

    def configured(self) -> dict[str, Configuration]:
        """What was loaded last, by name."""
        ...

    def configure(self, loaded: Sequence[Configuration], entries: Sequence[Entry]) -> None:
        """Remember what is loaded now, and record the entries, in one commit."""
        ...


class VaultStore(Protocol):
    """The vault for those who seal and unseal. Every store has these verbs too."""

    def token_rows(self, tokens: Sequence[str]) -> dict[str, TokenRow]:
        """The rows of these tokens as they are kept; unknown ones are absent."""
        ...

    def seal_keys(self, ids: Sequence[str]) -> dict[str, SealKey]:
        """Wrapped seal keys; unknown ones are absent."""
        ...

    def keep_seal_key(self, key: SealKey) -> None:
        """Make a wrapped seal key durable, before anything is sealed with it."""
        ...

    def settle_erasures(self, used: Sequence[str], now: float) -> list[Erasure]:
        """Carry out here what the cabinet knows to be erased, and remove contents whose keys, of those
        `used`, were destroyed. Tells what was carried out."""
        ...

    def erasable(self, token: str, named: Collection[int] = ()) -> Erased:
        """What erasing the person behind a token would come to; `named` are messages that are known to name
        the person besides those that the vault finds."""
        ...

    def erase(self, erasure: Erasure, planned: Erased, entry: Entry) -> Erased:
        """Erase a person as `erasable` planned it: first the keys, from which no copy recovers; then, in one
        commit with the audit's `entry`, sealed identifiers, look-ups, contents of messages that name nobody
        else, and who is named where. What was minted meanwhile goes too. What is left of it, after a crash
        or when an older copy of the store is put back, is done when the store is opened.

        Raises, with nothing done, `KeyError` when nobody is planned, `Unacceptable` (`conflict`) when the
        person's numbers are others than planned by now, `Misconfigured` for an entry that may not be
        written."""
        ...

    def erasures(self) -> list[Erasure]:
        """Who was erased, oldest first."""
        ...

    def uses(self) -> Mapping[str, Use]:
        """Which keys of the ring each recorded purpose uses (`engine.store.uses`)."""
        ...

    def begin_rotation(self, index_key: str, now: float) -> float:
        """Begin to go over to new keys, or go on with it: whatever is stored from now on is found under
        `index_key` too. Since when seal keys count as new."""
        ...

    def to_rotate(self) -> int:
        """How many rows hold an identifier."""
        ...

    def rotation_page(self, after: str, limit: int) -> list[TokenRow]:
        """Rows that hold an identifier, by token, after this one."""
        ...

    def readers(self) -> dict[str, int]:
        """For whom seal keys are wrapped, and how many."""
        ...

    def seal_keys_since(self, since: float) -> set[str]:
        """The ids of seal keys made since."""
        ...

    def turn_rows(self, turned: Sequence[TurnedRow]) -> None:
        """Give rows their new look-ups and seals; one that was erased or sealed anew meanwhile keeps what it
        has."""
        ...

    def reterm(self, terms: Mapping[int, int]) -> None:
        """Let mentions under old terms be found under new ones (old → new)."""
        ...

    def end_rotation(self, index_key: str) -> None:
        """All rows have gone over: from now on only `index_key` is used. Old look-ups and the seal keys that
        nothing is sealed with any more are removed."""
        ...

    def begin_terms(self, key_id: str) -> None:
        """From now on resources are found by this key of the ring too: who writes and who searches them has
        both (`Fingerprints.term`)."""
        ...

    def foundable(self, after: int, limit: int) -> list[Version]:
        """Current versions that are not deleted, with their bodies, in the order of creation after this."""
        ...

    def turn_terms(self, turned: Sequence[tuple[Version, tuple[bytes, ...]]]) -> None:
        """Let resources be found by these terms and no others; one that was written meanwhile keeps its."""
        ...

    def end_terms(self, key_id: str) -> None:
        """All resources have gone over to this key."""
        ...

    def carry_names(self, ring: KeyRing) -> None:
        """Let the ring's current key carry the keys that name messages, so that older ones may leave."""
        ...

    def forget_strangers(self, index_key: str) -> int:
        """Forget mentions, made before this, of what is no token's number under `index_key`; how many."""
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
