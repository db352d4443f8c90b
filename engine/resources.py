"""The nouns of FHIR resources: versions, which are messages; units of them; what finds them."""

from __future__ import annotations

import msgspec

from engine.model import Arrival

__all__ = ["Expect", "Find", "Found", "Moved", "ResourceKey", "Span", "Unit", "Version", "Write", "Written"]


class ResourceKey(msgspec.Struct, frozen=True):
    """Which resource: FHIR release (`R4`), type (`SupplyRequest`), id."""

    release: str
    type: str
    id: str


class Span(msgspec.Struct, frozen=True):
    """A date that a resource is found by: search parameter, first and last moment that it can mean
    (seconds since the epoch)."""

    param: str
    low: float
    high: float


class Write(msgspec.Struct, frozen=True):
    """One version of a resource on its way into the store, as a message like any other.

    `arrival.raw` is what is routed (`engine.fhir.stored`: a first line that names it, then JSON).
    `version` is the number that it gets: 1 for a new one, else one more than the current. `terms` are
    keyed digests of what it is found by (16 bytes each, with the search parameter in them); `client` names
    who wrote it, `request_id` in which request, `body_hash` is a keyed digest of the body as
    transmitted: without the key nobody can try bodies (`engine.store.cipher.Fingerprints.digest`)."""

    arrival: Arrival
    key: ResourceKey
    version: int
    terms: tuple[bytes, ...] = ()
    spans: tuple[Span, ...] = ()
    deleted: bool = False
    client: str = ""
    request_id: str = ""
    body_hash: bytes = b""


class Expect(msgspec.Struct, frozen=True):
    """What must still hold when a unit is written: that exactly these resources (`ids`, none for `()`)
    match what `find` asks for, deleted ones left out."""

    find: Find
    ids: tuple[str, ...] = ()


class Unit(msgspec.Struct, frozen=True):
    """Writes that are done together or not at all. `id` names them (its Task)."""

    id: str
    writes: tuple[Write, ...]
    expects: tuple[Expect, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """A unit is safe: the message ids of its writes, in their order, and when (seconds since the epoch)."""

    ids: tuple[int, ...]
    at: float


class Moved(msgspec.Struct, frozen=True):
    """A unit is not written: a resource is not of the version that it goes on from any more, or an
    expectation does not hold. Read again and decide again."""


class Version(msgspec.Struct, frozen=True):
    """One version of a resource, read back. `body` is its JSON without what the server adds (`meta`), or
    None when it was removed after its time or is damaged; `created` is the message id of version 1: a
    stable order."""

    key: ResourceKey
    version: int
    at: float
    deleted: bool
    message_id: int
    created: int
    unit: str
    client: str
    request_id: str
    body_hash: bytes
    body: bytes | None = None

    def __repr__(self) -> str:
        return f"Version({self.key.type}/{self.key.id}/{self.version})"


class Find(msgspec.Struct, frozen=True):
    """Which current versions: of this type, with one digest of each group in `terms`, one span of each
    group in `spans` that overlaps (`Span.param`, `low`..`high`), `ids` when given, written between
    `since` and `until` (0: open). In the order of creation after `after`; at most `limit`."""

    release: str
    type: str
    terms: tuple[tuple[bytes, ...], ...] = ()
    spans: tuple[tuple[Span, ...], ...] = ()
    ids: tuple[str, ...] = ()
    since: float = 0.0
    until: float = 0.0
    after: int = 0
    limit: int = 100


class Found(msgspec.Struct, frozen=True):
    """What was found: a page of versions with their bodies, and how many there are in all."""

    versions: tuple[Version, ...]
    total: int
