"""Bundles that ask for something: their entries, the order in which a transaction does them, and the
references between them (FHIR R4 and R5, bundle.html and http.html, 3.1.0.11)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from engine.fhir.issues import Issue, Rejected

__all__ = ["Entry", "bounded", "conditional_references", "ordered", "read_entries", "rewrite", "same_twice"]

_ORDER: Final = {"DELETE": 0, "POST": 1, "PUT": 2, "PATCH": 2, "GET": 3, "HEAD": 3}
_LITERAL: Final = {"id", "display", "text", "value", "code", "system", "valueString", "valueMarkdown"}
"""Elements whose text is never an address, whatever it looks like."""

_BETWEEN_QUOTES: Final = re.compile("(?<=[\"'])[^\"']+(?=[\"'])")
"""Whatever stands between two quotes, each only once: thousands of links are looked up, not searched for."""


class Entry(NamedTuple):
    """One request of a bundle; `number` is its place, counted from 0."""

    number: int
    method: str
    url: str
    resource: dict[str, Any] | None
    full_url: str
    conditions: Mapping[str, str]

    @property
    def place(self) -> str:
        """Its path: `Bundle.entry[2]`."""
        return f"Bundle.entry[{self.number}]"


def read_entries(bundle: dict[str, Any]) -> list[Entry]:
    """The requests of a batch or transaction of right structure. Raises `Rejected`: 400 for an entry that
    asks for nothing or for a bundle inside."""
    entries = bundle.get("entry", [])
    issues = [
        issue for number, entry in enumerate(entries) for issue in _check(entry, f"Bundle.entry[{number}]")
    ]
    if issues:
        raise Rejected(400, *issues)
    return [_entry(number, entry) for number, entry in enumerate(entries)]


def bounded(bundle: dict[str, Any], most: int) -> None:
    """Raise `Rejected` (413) for a bundle of more entries than that."""
    entries = bundle.get("entry")
    if isinstance(entries, list) and len(entries) > most:
        raise Rejected(413, Issue("too-costly", "too many entries in one bundle", "Bundle.entry"))


def _check(entry: Any, at: str) -> Iterator[Issue]:
    request = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(request, dict):
        yield Issue("required", "an entry of a batch or transaction needs a request", f"{at}.request")
        return
    if request.get("method") not in _ORDER:
        yield Issue("invalid", "not a method of HTTP that a bundle can ask for", f"{at}.request.method")
    if not isinstance(request.get("url"), str) or not request["url"]:
        yield Issue("required", "a request needs an address", f"{at}.request.url")
    resource = entry.get("resource")
    if isinstance(resource, dict) and resource.get("resourceType") == "Bundle":
        yield Issue("invalid", "a bundle inside a bundle cannot be asked for", f"{at}.resource")
    if request.get("method") in ("POST", "PUT", "PATCH") and not isinstance(resource, dict):
        yield Issue("required", "this request needs a resource", f"{at}.resource")


def _entry(number: int, entry: dict[str, Any]) -> Entry:
    request = entry["request"]
    names = ("ifMatch", "ifNoneMatch", "ifNoneExist", "ifModifiedSince")
    conditions = {name: request[name] for name in names if isinstance(request.get(name), str)}
    full_url = entry.get("fullUrl", "")
    return Entry(number, request["method"], request["url"], entry.get("resource"), str(full_url), conditions)


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """As a transaction does them: DELETE, POST, PUT and PATCH, GET."""
    return sorted(entries, key=lambda entry: _ORDER[entry.method])


def same_twice(keys: Sequence[tuple[Entry, object]]) -> list[Issue]:
    """A transaction may change a resource only once; `keys` says which each entry changes."""
    seen: set[object] = set()
    issues = []
    for entry, key in keys:
        if key in seen:
            issues.append(Issue("invalid", "a transaction may change a resource only once", entry.place))
        seen.add(key)
    return issues


def rewrite(value: Any, links: Mapping[str, str], name: str = "") -> Any:
    """The same with every reference and address that `links` knows replaced, wherever it stands; in
    narrative, inside quotes (`href="urn:uuid:…"`)."""
    if isinstance(value, dict):
        return {key: rewrite(one, links, key) for key, one in value.items()}
    if isinstance(value, list):
        return [rewrite(one, links, name) for one in value]
    if not isinstance(value, str) or name in _LITERAL:
        return value
    if name == "div":
        return _BETWEEN_QUOTES.sub(lambda found: links.get(found[0], found[0]), value)
    return links.get(value, value)


def conditional_references(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every reference that is a search (`Location?identifier=…`), with its path."""
    if isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str) and "?" in reference and "://" not in reference.partition("?")[0]:
            yield f"{at}.reference", reference
        for key, one in value.items():
            yield from conditional_references(one, f"{at}.{key}")
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from conditional_references(one, f"{at}[{number}]")
