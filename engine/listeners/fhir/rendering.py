"""Resources as clients see them: what is stored, with what the server adds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from engine.fhir import json_text
from engine.fhir.searching import Pairs
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.progress import OUTCOME
from engine.resources import ResourceKey, Version

__all__ = [
    "about",
    "bare",
    "instant",
    "location",
    "searchset",
    "shown",
    "shown_version",
    "size_of",
    "task_id",
    "with_query",
]


def instant(at: float) -> str:
    """Seconds since the epoch as FHIR writes an instant."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def location(base: str, key: ResourceKey, version: int) -> str:
    """The address of a version."""
    return f"{base}/{key.type}/{key.id}/_history/{version}"


def task_id(key: ResourceKey, version: int, unit: str = "") -> str:
    """The id of the Task of a write: that of the unit of several, else the version itself."""
    return unit or f"{key.type}-{key.id}-{version}"


def bare(resource: dict[str, Any], id_: str) -> dict[str, Any]:
    """A resource as it is stored: with our id, without what the server itself says about it."""
    kept = {"resourceType": resource["resourceType"], "id": id_}
    kept.update(
        {name: value for name, value in resource.items() if name not in ("resourceType", "id", "meta")}
    )
    meta = resource.get("meta")
    if isinstance(meta, dict):
        meta = {name: value for name, value in meta.items() if name not in ("versionId", "lastUpdated")}
        if meta:
            kept["meta"] = meta
    extensions = [one for one in kept.get("extension", []) if one.get("url") != OUTCOME]
    if not extensions:
        kept.pop("extension", None)
    elif "extension" in kept:
        kept["extension"] = extensions
    return kept


def shown(resource: dict[str, Any], version: int, at: float) -> dict[str, Any]:
    """A stored resource as it is given out."""
    kept = {name: resource[name] for name in ("resourceType", "id")}
    kept["meta"] = {"versionId": str(version), "lastUpdated": instant(at), **resource.get("meta", {})}
    kept.update({name: value for name, value in resource.items() if name not in kept})
    return kept


def shown_version(version: Version) -> dict[str, Any]:
    """A version that was read back; it has a body."""
    return shown(json_text.load(version.body or b"{}"), version.version, version.at)


def size_of(versions: Sequence[Version]) -> int:
    """Bytes of their bodies."""
    return sum(len(version.body or b"") for version in versions)


def about(ask: Ask, status: int, version: Version, body: dict[str, Any] | None) -> Answer:
    """The answer about a version that was read back."""
    return Answer(
        status, body, location=location(ask.base, version.key, version.version), version=version.version,
        at=version.at, size=len(version.body or b""),
    )  # fmt: skip


def searchset(ask: Ask, resources: list[dict[str, Any]]) -> dict[str, Any]:
    """A search result that is whole: what this server makes itself."""
    entries = [
        {
            "fullUrl": f"{ask.base}/{one['resourceType']}/{one['id']}",
            "resource": one,
            "search": {"mode": "match"},
        }
        for one in resources
    ]
    link = [{"relation": "self", "url": with_query(f"{ask.base}/{ask.type}", ask.query)}]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "link": link}
    return {**bundle, "entry": entries} if entries else bundle


def with_query(path: str, pairs: Pairs) -> str:
    """A path with a query."""
    return f"{path}?{urlencode(pairs)}" if pairs else path
