"""Create, update, patch, delete, with their conditions: what each comes to, given what stands now (FHIR,
http.html, 3.1.0.4 to 3.1.0.8; spec: FHIR, 2, 2.2). Nothing is written here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from engine.fhir import json_text, rules, validation
from engine.fhir.etag import Tags, read_tags
from engine.fhir.indexing import index
from engine.fhir.issues import Issue, Rejected
from engine.fhir.patch import patch
from engine.fhir.searching import read_condition
from engine.fhir.stored import Stored, pack
from engine.listeners.fhir.asking import Ask
from engine.listeners.fhir.conditions import identifier_finds, query_pairs
from engine.listeners.fhir.refusals import gone, missing, several
from engine.listeners.fhir.rendering import bare
from engine.model import Arrival
from engine.resources import Expect, Find, ResourceKey, Version, Write

__all__ = ["PLANS", "Planned", "check"]


MOST: Final = 1000
"""Values that one resource may be found by."""


class Planned(NamedTuple):
    """What a write comes to: the version that will stand. Without `write` it stands already (`standing`)."""

    status: int
    key: ResourceKey
    version: int
    resource: dict[str, Any]
    write: Write | None = None
    expects: tuple[Expect, ...] = ()
    standing: Version | None = None


Plan = Callable[[Ask], Awaitable[Planned]]


async def plan_create(ask: Ask) -> Planned:
    """A new resource, unless its condition or its identifiers say that it is here already."""
    condition = ask.header("if-none-exist")
    expects: list[Expect] = []
    if condition is None:
        ask.must("create")
    else:
        ask.must("create", "search")
        find = read_condition(query_pairs(condition), ask.context())
        found = await _matches(ask, find)
        if len(found) > 1:
            raise several()
        if found:
            return _standing(found[0])
        expects.append(Expect(find))
    other, unique = await _identified(ask, ask.body)
    if other is not None:
        return await _sent_again(ask, other)
    return await _new(ask, *expects, *unique)


async def _identified(
    ask: Ask, resource: dict[str, Any], own: str = ""
) -> tuple[Version | None, list[Expect]]:
    """Where identifiers are unique: another resource that has one of these, and what must hold while there
    is none. `own` is the id of the resource itself, when it is here."""
    expects: list[Expect] = []
    for find in identifier_finds(resource, ask.context()) if ask.offer.unique else ():
        found = await _matches(ask, find)
        for match in found:
            if match.key.id != own:
                return match, []
        expects.append(Expect(find, tuple(match.key.id for match in found)))
    return None, expects


async def _sent_again(ask: Ask, other: Version) -> Planned:
    """The resource that is here, when it was created by the very same body."""
    doors = ask.service.doors
    first: Version | None = await doors.look(doors.store.version, other.key, 1)
    if first is None or first.body_hash != ask.body_hash:
        raise _duplicate(ask)
    return _standing(other)


def _duplicate(ask: Ask) -> Rejected:
    place = f"{ask.place or ask.type}.identifier"
    return Rejected(409, Issue("duplicate", "the identifier stands for another resource", place))


async def _new(ask: Ask, *expects: Expect) -> Planned:
    return await ask.apart(ask.size, _planned, ask, 201, ask.new_id, None, ask.body, expects)


async def plan_update(ask: Ask) -> Planned:
    """The next version of a resource that is here."""
    ask.must("update")
    if ask.body.get("id") != ask.id:
        raise Rejected(
            400, Issue("invalid", "the id of the body must be that of the address", f"{ask.type}.id")
        )
    current = await _current(ask)
    _check_tags(ask, current)
    if current is None:
        raise Rejected(
            405,
            Issue("not-supported", "ids are given by this server: create with POST"),
            headers=(("Allow", "GET, HEAD, OPTIONS"),),
        )
    return await _next(ask, current, ask.body)


async def plan_conditional_update(ask: Ask) -> Planned:
    """Create or update what a search finds."""
    ask.must("update", "search")
    find = read_condition(ask.query, ask.context())
    found = await _matches(ask, find)
    if len(found) > 1:
        raise several()
    if not found:
        ask.must("create")
        if "id" in ask.body:
            raise Rejected(400, Issue("invalid", "ids are given by this server", f"{ask.type}.id"))
        other, unique = await _identified(ask, ask.body)
        if other is not None:
            raise _duplicate(ask)
        return await _new(ask, Expect(find), *unique)
    current = found[0]
    if ask.body.get("id", current.key.id) != current.key.id:
        raise Rejected(
            409, Issue("conflict", "the id of the body is not that of what was found", f"{ask.type}.id")
        )
    _check_tags(ask, current)
    planned = await _next(ask, current, ask.body)
    return planned._replace(expects=(*planned.expects, Expect(find, (current.key.id,))))


async def plan_patch(ask: Ask) -> Planned:
    """The next version, made from the one that is here."""
    ask.must("patch")
    current = await _current(ask)
    _check_tags(ask, current)
    if current is None:
        raise missing()
    if current.deleted:
        raise gone()
    resource = await ask.apart(_size(ask, current), _patched, ask, current)
    return await _next(ask, current, resource)


def _patched(ask: Ask, current: Version) -> dict[str, Any]:
    resource = patch(json_text.load(current.body or b"{}"), ask.body)
    if resource.get("id") != ask.id or resource.get("resourceType") != ask.type:
        raise Rejected(
            422, Issue("business-rule", "a patch cannot change what a resource is", f"{ask.type}.id")
        )
    check(ask, resource)
    return resource


async def plan_delete(ask: Ask) -> Planned:
    """A version that says that the resource is no more."""
    ask.must("delete")
    current = await _current(ask)
    _check_tags(ask, current)
    if current is None:
        raise missing()
    resource = json_text.load(current.body or b"{}")
    if current.deleted:
        return Planned(204, current.key, current.version, resource, standing=current)
    return _planned(ask, 204, current.key.id, current, resource, (), deleted=True)


PLANS: Final[dict[str, Plan]] = {
    "create": plan_create,
    "update": plan_update,
    "conditional-update": plan_conditional_update,
    "patch": plan_patch,
    "delete": plan_delete,
}


async def _next(ask: Ask, current: Version, resource: dict[str, Any]) -> Planned:
    if current.deleted:
        raise gone()
    other, unique = await _identified(ask, resource, current.key.id)
    if other is not None:
        raise _duplicate(ask)
    id_, size = current.key.id, _size(ask, current)
    return await ask.apart(size, _planned, ask, 200, id_, current, resource, unique)


def _size(ask: Ask, current: Version) -> int:
    return max(ask.size, len(current.body or b""))


def _planned(
    ask: Ask,
    status: int,
    id_: str,
    current: Version | None,
    resource: dict[str, Any],
    expects: Sequence[Expect],
    *,
    deleted: bool = False,
) -> Planned:
    resource = bare(resource, id_)
    if not deleted:
        old = None if current is None else json_text.load(current.body or b"{}")
        issues = rules.check_change(old, resource, ask.release)
        if issues:
            raise Rejected(422, *issues)
    key = ResourceKey(ask.release, ask.type, id_)
    version = 1 if current is None else current.version + 1
    write = _write(ask, key, version, resource, deleted=deleted)
    return Planned(status, key, version, resource, write, tuple(expects))


def _write(ask: Ask, key: ResourceKey, version: int, resource: dict[str, Any], *, deleted: bool) -> Write:
    service, offer = ask.service, ask.offer
    keys = service.doors.keys
    raw = pack(Stored(ask.release, key.type, key.id, version, deleted, json_text.dump(resource)))
    name = f"fhir {key.release} {key.type}/{key.id}".encode()
    arrival = Arrival(
        offer.channel,
        raw,
        keys.of(offer.channel, b"", name, b"%d" % version),
        keys.digest(raw),
        service.clock(),
        type=key.type,
        edition=offer.edition,
    )
    terms, spans = index(resource, ask.release, offer.zone, keys.term) if not deleted else ((), ())
    if len(terms) + len(spans) > MOST:
        raise Rejected(413, Issue("too-costly", "more identifiers and references than one resource may have"))
    return Write(
        arrival, key, version, terms, spans, deleted, ask.caller.id, ask.request_id, ask.body_hash
    )  # fmt: skip


def check(ask: Ask, resource: dict[str, Any], *, conditional: bool = False) -> list[Issue]:
    """Check a resource; what remains are warnings. Raises `Rejected` (400, 422) with all that is wrong."""
    issues = validation.check(resource, ask.release, ask.type or None, at=ask.place, conditional=conditional)
    errors = [issue for issue in issues if issue.severity in ("error", "fatal")]
    if errors:
        raise Rejected(validation.status_of(errors), *issues)
    return issues


def _check_tags(ask: Ask, current: Version | None) -> None:
    """`If-Match`, `If-None-Match`. Raises `Rejected` (412)."""
    match, none = ask.header("if-match"), ask.header("if-none-match")
    version = None if current is None or current.deleted else current.version
    wanted = read_tags(match, "If-Match") if match is not None else Tags(every=False, names=frozenset())
    unwanted = read_tags(none, "If-None-Match") if none is not None else None
    if (match is not None and not wanted.match(version)) or (unwanted and unwanted.match(version)):
        raise Rejected(412, Issue("conflict", "the resource is not of the version that the request names"))


async def _current(ask: Ask) -> Version | None:
    key = ResourceKey(ask.release, ask.type, ask.id)
    doors = ask.service.doors
    found: dict[ResourceKey, Version] = await doors.look(doors.store.resources, [key])
    return found.get(key)


async def _matches(ask: Ask, find: Find) -> tuple[Version, ...]:
    doors = ask.service.doors
    versions: tuple[Version, ...] = (await doors.look(doors.store.find, find)).versions
    return versions


def _standing(version: Version) -> Planned:
    resource = json_text.load(version.body or b"{}")
    return Planned(200, version.key, version.version, resource, standing=version)
