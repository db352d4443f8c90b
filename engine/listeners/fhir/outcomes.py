"""Asked of the store: what became of versions (`progress`), for the extension and for Tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from engine.fhir.issues import Issue, Rejected
from engine.fhir.references import is_id
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.progress import Progress, outcome_extension, task
from engine.listeners.fhir.refusals import missing
from engine.listeners.fhir.rendering import instant, searchset, shown_version, size_of, task_id
from engine.listeners.fhir.seen import looked
from engine.listeners.fhir.service import Resources
from engine.resources import ResourceKey, Version
from engine.store.contracts.views import Query

__all__ = ["ANSWERED", "read_task", "search_task", "with_outcomes"]

ANSWERED: Final = frozenset({"SupplyRequest", "SupplyDelivery", "ChargeItem"})
"""Types that Odoo acts on."""

_EFFECTS: Final = 1000
_ONE: Final = re.compile(r"([A-Z][A-Za-z]+)-([A-Za-z0-9\-.]+)-([1-9][0-9]{0,8})")


async def with_outcomes(ask: Ask, versions: Sequence[Version]) -> list[dict[str, Any]]:
    """The bodies of versions as they are given out; those of types that Odoo acts on say what became
    of them."""
    doors = ask.service.doors
    if versions and ask.type in ANSWERED:
        told: list[dict[str, Any]] = await doors.look(_told, doors.store, versions)
        return told
    return await ask.apart(size_of(versions), lambda: [shown_version(version) for version in versions])


def _told(store: Resources, versions: Sequence[Version]) -> list[dict[str, Any]]:
    bodies = [shown_version(version) for version in versions]
    for body, progress in zip(bodies, _progresses(store, versions), strict=True):
        if progress is not None:
            body["extension"] = [*body.get("extension", []), outcome_extension(progress)]
    return bodies


def _progresses(store: Resources, versions: Sequence[Version]) -> list[Progress | None]:
    ids = tuple(version.message_id for version in versions)
    views = {view.id: view for view in store.messages(Query(ids=ids, limit=len(ids)))}
    found: list[Progress | None] = []
    for version in versions:
        message = views.get(version.message_id)
        effects = Query(limit=_EFFECTS)
        if message is None:
            found.append(None)
            continue
        deliveries = store.deliveries(effects, message_id=version.message_id)
        found.append(Progress(version, message, deliveries))
    return found


async def read_task(ask: Ask) -> Answer:
    """The Task of a unit of writes: how far Odoo is with it."""
    doors = ask.service.doors
    body = await _task(ask, await doors.look(_written, doors.store, ask.release, ask.id))
    if body is None:
        raise missing()
    return Answer(200, body)


async def search_task(ask: Ask) -> Answer:
    """The Task of the last change of a resource: `Task?focus=SupplyRequest/1`, or by `_id`."""
    doors = ask.service.doors
    found: list[Version] = []
    for name, value in ask.query:
        if name == "_id":
            found = await doors.look(_written, doors.store, ask.release, value)
        elif name == "focus":
            type_, _, id_ = value.removeprefix(f"{ask.base}/").partition("/")
            key = ResourceKey(ask.release, type_, id_)
            current = (await doors.look(doors.store.resources, [key])).get(key) if is_id(id_) else None
            if current is not None:
                found = await doors.look(doors.store.unit, current.unit) if current.unit else [current]
        elif name not in ("_format", "_pretty"):
            raise Rejected(400, Issue("not-supported", "Tasks are found by focus or _id only"))
    body = await _task(ask, found)
    return Answer(200, searchset(ask, [] if body is None else [body]))


def _written(store: Resources, release: str, id_: str) -> list[Version]:
    """The versions that a Task is about: of a unit of several, or the one that its id names."""
    one = _ONE.fullmatch(id_)
    if one is None:
        return store.unit(id_) if is_id(id_) else []
    version = store.version(ResourceKey(release, one[1], one[2]), int(one[3]))
    return [] if version is None else [version]


async def _task(ask: Ask, versions: Sequence[Version]) -> dict[str, Any] | None:
    """None when there is none that this client may see: his own, or with the right to read Tasks."""
    mine = [version for version in versions if version.key.release == ask.release]
    foreign = any(version.client != ask.caller.id for version in mine)
    if not mine or (foreign and not ask.caller.may("Task", "read")):
        return None
    doors = ask.service.doors
    progresses = [one for one in await doors.look(_progresses, doors.store, mine) if one is not None]
    if not progresses:
        return None
    looked(ask, mine)
    id_ = task_id(mine[0].key, mine[0].version, mine[0].unit)
    return task(id_, progresses, ask.release, instant(ask.service.clock()), instant(mine[0].at))
