"""Conditions as they stand in headers, addresses and references, and those that identifiers imply."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from engine.fhir.indexing import term
from engine.fhir.issues import Issue, Rejected
from engine.fhir.searching import Context, Pairs
from engine.resources import Find

__all__ = ["identifier_finds", "query_pairs"]

MOST = 100
"""Parameters of one query, identifiers of one resource, at most."""


def query_pairs(text: str) -> Pairs:
    """The parameters of a query, in their order. Raises `Rejected` (400)."""
    try:
        return parse_qsl(text.lstrip("?"), keep_blank_values=True, max_num_fields=MOST, errors="strict")
    except ValueError:
        raise Rejected(400, Issue("value", "the query cannot be read, or has too many parameters")) from None


def identifier_finds(resource: dict[str, Any], context: Context) -> list[Find]:
    """One search for each identifier of a resource that has system and value. Raises `Rejected` (413)."""
    found = []
    for identifier in resource.get("identifier", []):
        system, value = identifier.get("system"), identifier.get("value")
        if system and value:
            digests = term(context.key, context.release, context.type, "identifier", f"{system}|{value}")
            found.append(Find(context.release, context.type, (digests,), limit=2))
    if len(found) > MOST:
        raise Rejected(413, Issue("too-costly", "more identifiers than one resource may have here"))
    return found
