"""Who wrote what: AuditEvent and Provenance of every version, as the store keeps them (spec: FHIR, 4), and
the Provenance that a client sends along (`X-Provenance`)."""

from __future__ import annotations

from typing import Final

from engine.fhir import json_text, validation
from engine.fhir.audit import audit_event, provenance
from engine.fhir.indexing import index, term
from engine.fhir.issues import Issue, Rejected
from engine.fhir.references import is_id
from engine.fhir.stored import Stored, pack
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.plans import Planned
from engine.listeners.fhir.rendering import bare, searchset, shown_version
from engine.listeners.fhir.seen import looked
from engine.model import Arrival
from engine.resources import Find, Found, ResourceKey, Write

__all__ = ["STEP", "claim", "search_audit", "search_provenance"]

STEP: Final = "provenance"
"""Why a client's Provenance is kept and not routed."""

_MOST: Final = 1000


async def search_audit(ask: Ask) -> Answer:
    """The AuditEvents of the writes of a resource, newest first: `AuditEvent?entity=SupplyRequest/1`."""
    ask.must("search")
    type_, id_ = _wanted(ask, "entity")
    versions = (await _history(ask, type_, id_)).versions
    looked(ask, versions)
    return Answer(
        200, searchset(ask, [audit_event(one, ask.release, observer="Wardline") for one in versions])
    )


async def search_provenance(ask: Ask) -> Answer:
    """Where the versions of a resource come from: `Provenance?target=SupplyRequest/1`; what clients
    said of it themselves comes after."""
    ask.must("search")
    type_, id_ = _wanted(ask, "target")
    versions = (await _history(ask, type_, id_)).versions
    doors = ask.service.doors
    digests = term(doors.keys.term, ask.release, "Provenance", "target", f"{type_}/{id_}")
    theirs = Find(ask.release, "Provenance", (digests,), limit=_MOST)
    found: Found = await doors.look(doors.store.find, theirs)
    looked(ask, [*versions, *found.versions])
    return Answer(200, searchset(ask, [*map(provenance, versions), *map(shown_version, found.versions)]))


def _wanted(ask: Ask, name: str) -> tuple[str, str]:
    wanted = [value for key, value in ask.query if key == name]
    known = {name, "_format", "_pretty", "_count"}
    if len(wanted) != 1 or any(key not in known for key, _ in ask.query):
        raise Rejected(
            400, Issue("not-supported", "found by the resource that was written only", f"http.{name}")
        )
    type_, _, id_ = wanted[0].removeprefix(f"{ask.base}/").partition("/")
    ask.service.offered(ask.release, type_)
    if not is_id(id_):
        raise Rejected(400, Issue("value", "must name a resource, such as Patient/1", f"http.{name}"))
    return type_, id_


async def _history(ask: Ask, type_: str, id_: str) -> Found:
    doors = ask.service.doors
    found: Found = await doors.look(
        doors.store.history, ask.release, type_, id_, before=0, since=0.0, limit=_MOST
    )
    return found


def claim(ask: Ask, planned: Planned) -> tuple[Write, ...]:
    """The Provenance that came with a write, about the version that it makes, kept beside it; nothing when
    none came. Raises `Rejected` (400) for one that is not valid."""
    if ask.provenance is None or planned.write is None:
        return ()
    key = planned.key
    target = [{"reference": f"{key.type}/{key.id}/_history/{planned.version}"}]
    resource = bare({**ask.provenance, "target": target}, ask.service.new_id())
    errors = [
        one
        for one in validation.check(resource, ask.release, "Provenance")
        if one.severity in ("error", "fatal")
    ]
    if errors:
        raise Rejected(400, *errors)
    keys, offer = ask.service.doors.keys, ask.offer
    raw = pack(Stored(ask.release, "Provenance", resource["id"], 1, False, json_text.dump(resource)))
    arrival = Arrival(
        offer.channel,
        raw,
        keys.of(offer.channel, b"", resource["id"].encode(), b"1"),
        keys.digest(raw),
        ask.service.clock(),
        type="Provenance",
        step=STEP,
        edition=offer.edition,
    )
    terms, spans = index(resource, ask.release, offer.zone, keys.term)
    made = ResourceKey(ask.release, "Provenance", resource["id"])
    return (Write(arrival, made, 1, terms, spans, client=ask.caller.id, request_id=ask.request_id),)
