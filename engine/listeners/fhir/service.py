"""What the FHIR door serves and what stands behind it: channels, limits, access, store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Any, Literal, Protocol

import msgspec

from engine.auditing import Entry
from engine.fhir.issues import Issue, Rejected
from engine.fhir.releases import Release
from engine.resources import Find, Found, Moved, ResourceKey, Unit, Version, Written
from engine.store.contracts.views import DeliveryView, MessageView, Query
from engine.telemetry import PrivacyIncident, signal

__all__ = ["Access", "Caller", "Doors", "Keys", "Limits", "Offer", "Resources", "Right", "Sealing", "Service"]

Right = Literal["create", "read", "vread", "history", "update", "patch", "delete", "search", "history-type"]
"""What a scope can allow."""


class Caller(Protocol):
    """Who asks (`engine.access`)."""

    @property
    def id(self) -> str: ...
    @property
    def rate(self) -> float: ...
    def may(self, type_: str, interaction: Right) -> bool: ...


class Access(Protocol):
    """Who may ask (`engine.access`). `known` answers at once, None when `authenticate`, which may have to
    wait for others, must be asked in a thread; both raise `Rejected` (401)."""

    def known(self, headers: Mapping[str, str], peer: Any, now: float) -> Caller | None: ...
    def authenticate(self, headers: Mapping[str, str], peer: Any, now: float) -> Caller: ...
    def token_response(self, body: bytes, peer: Any, now: float) -> tuple[int, dict[str, Any]]: ...
    def smart_configuration(self) -> dict[str, Any]: ...


class Rates(Protocol):
    """How often (`engine.access.Rates`): seconds until one more request is allowed, 0 for now."""

    def allow(self, who: str, now: float, rate: float = 0.0) -> float: ...


class Resources(Protocol):
    """The verbs of the store that read (`engine.store.base`)."""

    def resources(self, keys: Sequence[ResourceKey]) -> dict[ResourceKey, Version]: ...
    def version(self, key: ResourceKey, version: int) -> Version | None: ...
    def history(
        self, release: str, type_: str, id_: str, *, before: int, since: float, limit: int
    ) -> Found: ...
    def find(self, find: Find) -> Found: ...
    def unit(self, id_: str) -> list[Version]: ...
    def messages(self, query: Query) -> list[MessageView]: ...
    def deliveries(self, query: Query, *, message_id: int = 0) -> list[DeliveryView]: ...


class Keys(Protocol):
    """Keyed digests (`engine.store.cipher.Fingerprints`)."""

    def of(self, channel: str, msh3: bytes, msh4: bytes, msh10: bytes) -> bytes: ...
    def digest(self, raw: bytes) -> bytes: ...
    def term(self, value: bytes) -> tuple[bytes, ...]: ...


class Sealing(Protocol):
    """What makes a cursor opaque (`engine.store.cipher.Cipher`)."""

    key_id: str

    def seal(self, plain: bytes, bound: bytes) -> bytes: ...
    def open(self, key_id: str, sealed: bytes, bound: bytes) -> bytes: ...


class Offer(msgspec.Struct, frozen=True):
    """What one channel takes at this address: types with what clients may do."""

    channel: str
    releases: Collection[Release]
    resources: Mapping[str, Collection[str]]
    unique: bool = False  # identifiers are
    zone: tzinfo = UTC
    edition: int = 0  # whose rules these are


class Limits(msgspec.Struct, frozen=True):
    """Bytes of a body and of a token request, entries of a bundle, seconds for a request to arrive."""

    body: int = 1024 * 1024
    bundle: int = 10 * 1024 * 1024
    form: int = 16 * 1024
    entries: int = 1000
    head_seconds: float = 10.0
    body_seconds: float = 60.0
    connections: int = 1000
    tokens: float = 5.0  # token requests a second from one address: each costs a signature check


class Doors(msgspec.Struct, frozen=True):
    """Where units go, how the store is read. `submit` answers None when nothing could be stored; `look`
    runs a blocking call in a thread; `judge` one that finds out who calls, in a thread of its own kind:
    it may wait for somebody else's server. `record` puts into the audit what an answer shows, and says
    whether that could be done; `told` hears of answers that go without their words."""

    submit: Callable[[Unit], Awaitable[Written | Moved | None]]
    look: Callable[..., Awaitable[Any]]
    judge: Callable[..., Awaitable[Any]]
    store: Resources
    keys: Keys
    cursors: Sealing
    record: Callable[[Sequence[Entry]], Awaitable[bool]]
    told: Callable[[PrivacyIncident], None] = signal


class Service(msgspec.Struct, frozen=True, dict=True):
    """One address: its channels and what they share."""

    offers: tuple[Offer, ...]
    limits: Limits
    access: Access
    rates: Rates
    doors: Doors
    base: str  # as clients write it, without a slash at its end
    clock: Callable[[], float]
    new_id: Callable[[], str]
    version: str
    since: float  # when what is served became so: the date of the CapabilityStatement
    xml: bool = True

    @cached_property
    def releases(self) -> frozenset[Release]:
        """All that are spoken here."""
        return frozenset(release for offer in self.offers for release in offer.releases)

    @cached_property
    def _types(self) -> dict[tuple[str, str], Offer]:
        return {
            (release, type_): offer
            for offer in self.offers
            for release in offer.releases
            for type_ in offer.resources
        }

    def offer(self, release: str, type_: str) -> Offer | None:
        """The channel that takes a type, or None."""
        return self._types.get((release, type_))

    def offered(self, release: str, type_: str) -> Offer:
        """The channel that takes a type. Raises `Rejected` (404)."""
        offer = self.offer(release, type_)
        if offer is None:
            raise Rejected(404, Issue("not-supported", "resources of this type are not served here"))
        return offer

    def allowed(self, release: str) -> dict[str, Collection[str]]:
        """The types of a release, with what clients may do."""
        return {type_: offer.resources[type_] for (of, type_), offer in self._types.items() if of == release}
