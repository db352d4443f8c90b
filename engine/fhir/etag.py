"""Versions and times in HTTP's words: entity tags and dates (RFC 9110, 8.8, 13.1; FHIR, http.html)."""

from __future__ import annotations

import re
from email.utils import formatdate, parsedate_to_datetime
from typing import NamedTuple

from engine.fhir.issues import Issue, Rejected

__all__ = ["Tags", "etag", "http_date", "parse_http_date", "read_tags"]

_TAG = re.compile(r'\s*(?:(?:W/)?"([^"\x00-\x20\x7f]*)"|(\*))\s*(?:,|$)')


class Tags(NamedTuple):
    """What `If-Match` or `If-None-Match` names: versions, or any (`*`)."""

    every: bool
    names: frozenset[str]

    def match(self, version: int | None) -> bool:
        """Whether this version (None: there is no such resource) is named. FHIR's tags are weak and are
        compared as such."""
        return version is not None and (self.every or str(version) in self.names)


def etag(version: int) -> str:
    """The entity tag of a version: `W/"3"`."""
    return f'W/"{version}"'


def read_tags(text: str, header: str) -> Tags:
    """Read a list of entity tags. Raises `Rejected` (400) naming the header when it is none."""
    names: set[str] = set()
    every, at = False, 0
    while at < len(text):
        found = _TAG.match(text, at)
        if found is None:
            break
        at = found.end()
        every = every or found[2] is not None
        if found[1] is not None:
            names.add(found[1])
    if at < len(text) or not (every or names):
        raise Rejected(400, Issue("value", f'{header} must hold entity tags such as W/"1"'))
    return Tags(every, frozenset(names))


def http_date(at: float) -> str:
    """Seconds since the epoch as `Sun, 22 Nov 2026 08:00:00 GMT`."""
    return formatdate(at, usegmt=True)


def parse_http_date(text: str) -> float | None:
    """Seconds since the epoch; None for what is no date: such a condition is ignored (RFC 9110, 13.1.3)."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
