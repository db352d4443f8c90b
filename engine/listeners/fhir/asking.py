"""One interaction that is asked for, by a request of its own or by an entry of a bundle; and its answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from engine.auditing import Entry
from engine.fhir.issues import Issue, Rejected
from engine.fhir.preference import Preference
from engine.fhir.releases import Release
from engine.fhir.searching import MOST, Context, Pairs
from engine.listeners.fhir.service import Caller, Offer, Right, Service

__all__ = ["LARGE", "Answer", "Ask"]


P = ParamSpec("P")
T = TypeVar("T")

LARGE: Final = 65536
"""Bytes from which something is worked on in a thread."""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants what done with which resource. `base` is the address of the release (no slash at its
    end), `place` what paths in findings start with inside a bundle, `new_id` the id that the resource gets
    if it is a new one, `conditions` the If-… headers in lower case."""

    service: Service
    caller: Caller
    release: Release
    interaction: str
    base: str
    request_id: str
    type: str = ""
    id: str = ""
    version: str = ""
    new_id: str = ""
    query: Pairs = ()
    conditions: Mapping[str, str] = {}
    prefer: Preference = Preference()
    body: Any = None  # a resource, or the operations of a patch
    body_hash: bytes = b""
    place: str = ""
    provenance: dict[str, Any] | None = None  # what came with it (`X-Provenance`)
    size: int = 0  # bytes of the body
    most: int = MOST  # resources of one page
    seen: list[Entry] = []  # what the answer shows, for the audit; one list for all entries of a bundle

    def __repr__(self) -> str:
        return f"Ask({self.interaction} {self.type})"

    @property
    def offer(self) -> Offer:
        """The channel that takes it. Raises `Rejected` (404)."""
        return self.service.offered(self.release, self.type)

    def must(self, *rights: Right, type_: str = "") -> None:
        """Raise `Rejected` (403) unless the caller has all of these rights."""
        if not all(self.caller.may(type_ or self.type, right) for right in rights):
            raise Rejected(403, Issue("forbidden", "this client may not do that", self.place))

    def context(self, type_: str = "") -> Context:
        """What a search of a type is read with."""
        name = type_ or self.type
        zone = self.service.offered(self.release, name).zone
        return Context(self.release, name, zone, self.service.doors.keys.term, self.base)

    async def apart(self, size: int, call: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What a call on so many bytes gives: many are worked on in a thread, so that others do not wait."""
        if size < LARGE:
            return call(*args, **named)
        found: T = await self.service.doors.look(call, *args, **named)
        return found

    def header(self, name: str) -> str | None:
        """A condition (`if-match`), or None."""
        return self.conditions.get(name)


class Answer(msgspec.Struct):
    """What goes back: the HTTP status, a body or none, headers; of an interaction with one version of a
    resource its `location`, `version` and `at` (seconds since the epoch)."""

    status: int
    body: dict[str, Any] | None = None
    headers: list[tuple[str, str]] = []
    location: str = ""
    version: int = 0
    at: float = 0.0
    channel: str = ""
    size: int = 0  # bytes of the body, about

    def __repr__(self) -> str:
        return f"Answer({self.status})"
