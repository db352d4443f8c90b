"""What a resource is found by: keyed digests of its tokens and references, spans of its dates.

The digests let a store search what it keeps encrypted, and tell nobody without the key what they
stand for. What stands at one path is indexed once, however many search parameters look there. Birth dates,
names and addresses are no search parameters here: they are never indexed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import tzinfo
from typing import Any

from engine.fhir.dates import bounds
from engine.fhir.parameters import paths_of
from engine.fhir.releases import Release
from engine.resources import Span

__all__ = ["Key", "index", "term"]

Key = Callable[[bytes], tuple[bytes, ...]]
"""Keyed digests of 16 bytes: one, or two while the key changes."""


def term(key: Key, release: str, type_: str, path: str, value: str) -> tuple[bytes, ...]:
    """The digests under any of which a value at a path (`deliverTo`) is found."""
    return key(f"{release}\x1f{type_}\x1f{path}\x1f{value}".encode())


def index(
    resource: dict[str, Any], release: Release, zone: tzinfo, key: Key
) -> tuple[tuple[bytes, ...], tuple[Span, ...]]:
    """The terms and spans of a resource; `zone` is for dates without an offset."""
    type_ = resource["resourceType"]
    terms: dict[bytes, None] = {}
    spans: list[Span] = []
    for path, kind in paths_of(release, type_).items():
        for value in _at(resource, path.split(".")):
            if kind == "date":
                spans += _spans(path, value, zone)
                continue
            for text in _tokens(value) if kind == "token" else _references(value):
                terms |= dict.fromkeys(term(key, release, type_, path, text))
    return tuple(terms), tuple(spans)


def _at(value: Any, path: list[str]) -> Iterator[Any]:
    """The values at a path, through lists."""
    if isinstance(value, list):
        for one in value:
            yield from _at(one, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _tokens(value: Any) -> Iterator[str]:
    """`system|value`, `value`, `system|` (without a system `|value`) of whatever has the form of a token."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        parts = value.get("coding") or [value.get("concept")]  # CodeableConcept, CodeableReference
        if parts != [None]:
            for part in parts:
                yield from _tokens(part)
        else:
            yield from _coded(value.get("system", ""), value.get("code", value.get("value")))


def _coded(system: str, text: Any) -> Iterator[str]:
    """Of a Coding or Identifier."""
    if isinstance(text, str):
        yield text
        yield f"{system}|{text}"
    if system:
        yield f"{system}|"


def _references(value: Any) -> Iterator[str]:
    """`Type/id` and `id` of a reference here, the whole of one elsewhere, `:identifier` of a logical one."""
    if not isinstance(value, dict):
        return
    if isinstance(value.get("reference"), dict):  # CodeableReference
        yield from _references(value["reference"])
        return
    literal = value.get("reference")
    if isinstance(literal, str) and not literal.startswith("#"):
        literal = literal.partition("/_history/")[0]
        yield literal
        type_, _, id_ = literal.rpartition("/")
        if type_ and "/" not in type_:
            yield id_
    if isinstance(value.get("identifier"), dict):
        yield from (f":identifier\x1f{text}" for text in _tokens(value["identifier"]))


def _spans(path: str, value: Any, zone: tzinfo) -> Iterator[Span]:
    if isinstance(value, str):
        found = bounds(value, zone)
        if found:
            yield Span(path, *found)
    elif isinstance(value, dict):  # Period: open ends reach as far as time goes
        start = bounds(value["start"], zone) if isinstance(value.get("start"), str) else (-_FOREVER, 0.0)
        end = bounds(value["end"], zone) if isinstance(value.get("end"), str) else (0.0, _FOREVER)
        if start and end:
            yield Span(path, start[0], end[1])


_FOREVER = 1e12
