"""Read, vread, history and search (FHIR, http.html, 3.1.0.2, 3.1.0.3, 3.1.0.9, 3.1.0.10)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from engine.fhir import outcome
from engine.fhir.dates import bounds
from engine.fhir.etag import parse_http_date, read_tags
from engine.fhir.issues import Issue, Rejected
from engine.fhir.searching import COUNT, MOST, Search, parse_search
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.cursors import open_cursor, seal_cursor
from engine.listeners.fhir.outcomes import with_outcomes
from engine.listeners.fhir.refusals import gone, missing, removed
from engine.listeners.fhir.rendering import about, instant, shown_version, size_of, with_query
from engine.listeners.fhir.room import fitting
from engine.listeners.fhir.seen import looked, searched
from engine.resources import Find, Found, ResourceKey, Version

__all__ = ["history", "read", "search", "vread"]

CURSOR = "_cursor"


async def read(ask: Ask) -> Answer:
    """The current version with what became of it, or 304 when the client has it already."""
    ask.must("read")
    doors = ask.service.doors
    key = ResourceKey(ask.release, ask.type, ask.id)
    version = (await doors.look(doors.store.resources, [key])).get(key)
    return await _one(ask, version)


async def vread(ask: Ask) -> Answer:
    """One version."""
    ask.must("vread")
    doors = ask.service.doors
    version = None
    if ask.version.isdigit() and ask.version == str(int(ask.version[:10])):
        key = ResourceKey(ask.release, ask.type, ask.id)
        version = await doors.look(doors.store.version, key, int(ask.version))
    return await _one(ask, version)


async def _one(ask: Ask, version: Version | None) -> Answer:
    if version is None:
        raise missing()
    if version.deleted:
        raise gone()
    if version.body is None:
        raise removed()
    looked(ask, [version])
    if _has_it(ask, version):
        return about(ask, 304, version, None)
    (body,) = await with_outcomes(ask, [version])
    return about(ask, 200, version, body)


def _has_it(ask: Ask, version: Version) -> bool:
    """RFC 9110, 13.2.2: If-Modified-Since counts only without If-None-Match."""
    tags, since = ask.header("if-none-match"), ask.header("if-modified-since")
    if tags is not None:
        return read_tags(tags, "If-None-Match").match(version.version)
    at = parse_http_date(since) if since is not None else None
    return at is not None and int(version.at) <= at


# Search


class _Going(msgspec.Struct, array_like=True):
    """A search that goes on."""

    find: Find
    total: bool
    used: tuple[tuple[str, str], ...]


async def search(ask: Ask) -> Answer:
    """A page of what matches, in the order of creation, so that paging gives nothing twice."""
    ask.must("search")
    place = f"{ask.release}/{ask.type}"
    doors = ask.service.doors
    asked = _asked(ask, place)
    find = replace(asked.find, limit=min(asked.find.limit, ask.most))
    found: Found = await doors.look(
        doors.store.find, replace(find, limit=1 if asked.count_only else find.limit + 1)
    )
    page = () if asked.count_only else fitting(ask, found.versions[: find.limit])
    searched(ask, (name for name, _ in asked.used), page)
    more = len(found.versions) > len(page) and not asked.count_only
    address = f"{ask.base}/{ask.type}"
    bundle = _bundle("searchset", found.total if asked.total or asked.count_only else None)
    bundle["link"] = [{"relation": "self", "url": with_query(address, asked.used)}]
    if more:
        going = _Going(replace(find, after=page[-1].created), asked.total, asked.used)
        cursor = seal_cursor(doors.cursors, ask.caller.id, place, going)
        bundle["link"].append({"relation": "next", "url": with_query(address, ((CURSOR, cursor),))})
    entries = [
        {"fullUrl": f"{address}/{version.key.id}", "resource": body, "search": {"mode": "match"}}
        for version, body in zip(page, await with_outcomes(ask, page), strict=True)
    ]
    if asked.ignored:
        said = outcome.operation_outcome(asked.ignored)
        full_url = f"urn:uuid:{ask.service.new_id()}"
        entries.append({"fullUrl": full_url, "resource": said, "search": {"mode": "outcome"}})
    if entries:
        bundle["entry"] = entries
    return Answer(200, bundle, size=size_of(page))


def _asked(ask: Ask, place: str) -> Search:
    """What is looked for: said in parameters, or in the cursor of a page before."""
    cursor = next((value for name, value in ask.query if name == CURSOR), None)
    if cursor is None:
        return parse_search(ask.query, ask.context(), strict=ask.prefer.handling == "strict")
    going = open_cursor(ask.service.doors.cursors, ask.caller.id, place, cursor, _Going)
    return Search(going.find, total=going.total, used=going.used)


# History


class _Past(msgspec.Struct, array_like=True):
    """A history that goes on, before this message."""

    before: int
    since: float
    count: int


async def history(ask: Ask) -> Answer:
    """Versions of a resource, or of all of its type, newest first; deleted ones without a body."""
    ask.must("history" if ask.id else "history-type")
    doors = ask.service.doors
    place = f"{ask.release}/{ask.type}/{ask.id}/history"
    past = _past(ask, place)
    past.count = min(past.count, ask.most)
    found: Found = await doors.look(
        doors.store.history, ask.release, ask.type, ask.id,
        before=past.before, since=past.since, limit=past.count + 1,
    )  # fmt: skip
    if ask.id and not found.versions and not past.before and not past.since:
        raise missing()
    page = fitting(ask, found.versions[: past.count])
    looked(ask, page)
    address = "/".join(part for part in (ask.base, ask.type, ask.id, "_history") if part)
    bundle = _bundle("history", found.total)
    kept = tuple((name, value) for name, value in ask.query if name in ("_count", "_since"))
    bundle["link"] = [{"relation": "self", "url": with_query(address, kept)}]
    if len(found.versions) > len(page):
        following = _Past(page[-1].message_id, past.since, past.count)
        cursor = seal_cursor(doors.cursors, ask.caller.id, place, following)
        bundle["link"].append({"relation": "next", "url": with_query(address, ((CURSOR, cursor),))})
    size = size_of(page)
    entries = await ask.apart(size, lambda: [_past_entry(ask, version) for version in page])
    if entries:
        bundle["entry"] = entries
    return Answer(200, bundle, size=size)


def _past(ask: Ask, place: str) -> _Past:
    past = _Past(0, 0.0, COUNT)
    for name, value in ask.query:
        if name == CURSOR:
            return open_cursor(ask.service.doors.cursors, ask.caller.id, place, value, _Past)
        if name == "_count":
            if not (value.isascii() and value.isdigit() and int(value[:9])):
                raise Rejected(400, Issue("value", "a search parameter must be a number", "http._count"))
            past.count = min(int(value[:9]), MOST)
        elif name == "_since":
            span = bounds(value.replace(" ", "+"), ask.offer.zone)
            if span is None:
                raise Rejected(400, Issue("value", "a search parameter must be an instant", "http._since"))
            past.since = span[0]
        elif ask.prefer.handling == "strict" and name not in ("_format", "_pretty"):
            raise Rejected(400, Issue("not-supported", "a parameter that a history does not have here"))
    return past


def _past_entry(ask: Ask, version: Version) -> dict[str, Any]:
    address = f"{ask.base}/{version.key.type}"
    first = version.version == 1
    method = "DELETE" if version.deleted else "POST" if first else "PUT"
    url = version.key.type if first else f"{version.key.type}/{version.key.id}"
    entry: dict[str, Any] = {"fullUrl": f"{address}/{version.key.id}"}
    if version.body is not None and not version.deleted:
        entry["resource"] = shown_version(version)
    entry["request"] = {"method": method, "url": url}
    entry["response"] = {
        "status": "204" if version.deleted else "201" if first else "200",
        "etag": f'W/"{version.version}"',
        "lastModified": instant(version.at),
    }
    return entry


def _bundle(kind: str, total: int | None) -> dict[str, Any]:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": kind}
    if total is not None:
        bundle["total"] = total
    return bundle
