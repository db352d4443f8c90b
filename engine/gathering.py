"""Gathers what resources refer to, so that mapping them reads nothing but what is at hand.

A channel's paths say which references are followed (`Program.follows`). What a batch refers to is read from
the store in one go; what is found there may refer to more (`ChargeItem.context->Encounter.subject`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from engine.errors import Unacceptable
from engine.fhir import references
from engine.fhir.document import Links, Resource
from engine.fhir.path import MAX_HOPS, Path
from engine.model import StoredMessage
from engine.privacy.fhir_reading import literal_of
from engine.program import Program
from engine.resources import ResourceKey, Version

__all__ = ["Fetch", "gather"]

Fetch = Callable[[Sequence[ResourceKey]], Mapping[ResourceKey, Version]]
"""Reads current versions (`ResourceStore.resources`)."""


def gather(batch: Sequence[StoredMessage], program: Program, fetch: Fetch) -> Links:
    """The stored resources that those of `batch` refer to where the channel looks: also deleted ones,
    for whose they were is still so. Raises what `fetch` raises."""
    links: dict[ResourceKey, Resource] = {}
    resources = [one for message in batch if (one := _parsed(message)) is not None]
    for one in resources:
        one.links = links
    asked: set[ResourceKey] = set()
    for _ in range(MAX_HOPS):
        wanted = {key for one in resources for path in program.follows for key in _keys(one, path)} - asked
        if not wanted:
            break
        asked |= wanted
        for key, version in fetch(sorted(wanted, key=_order)).items():
            if (linked := _read(key, version)) is not None:
                linked.links = links
                links[key] = linked
    return links


def _parsed(message: StoredMessage) -> Resource | None:
    try:
        return Resource.parse(message.raw)
    except Unacceptable:
        return None  # the mapping meets it too, and says so


def _read(key: ResourceKey, version: Version) -> Resource | None:
    """A stored version; None for one whose content is damaged or gone: as if it were not there."""
    try:
        body = version.body or b""
        return Resource.of(key, version.version, body, deleted=version.deleted)
    except Unacceptable:
        return None


def _keys(resource: Resource, path: Path) -> Iterator[ResourceKey]:
    """What a path's references point to, as far as it is known how they go on."""
    chosen = path.steps[-1].chosen
    wanted = path.then.type if path.then is not None else chosen if chosen[:1].isupper() else ""
    for node in resource.nodes(path, path.steps):
        literal = literal_of(node)
        target, linked = references.parse(literal), resource.linked(literal)
        if target and target.kind == "literal" and target.type == (wanted or target.type):
            yield ResourceKey(resource.release, target.type, target.id)
        if path.then is not None and linked is not None:
            yield from _keys(linked, path.then)


def _order(key: ResourceKey) -> tuple[str, str, str]:
    return key.release, key.type, key.id
