"""Which interaction a method and a path ask for (FHIR, http.html, 3.1.0). Paths are read as they came on the
wire: what is hidden behind percent signs, dots or control characters leads nowhere."""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

from engine.fhir.issues import Issue, Rejected
from engine.fhir.releases import RELEASES, Release

__all__ = ["Interaction", "Route", "parse_path", "routes_of"]

Interaction = Literal[
    "capabilities", "smart", "token", "bundle", "process-message", "validate", "create", "search",
    "search-form", "conditional-update", "history-type", "read", "update", "patch", "delete",
    "history", "vread",
]  # fmt: skip

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_$][A-Za-z0-9\-.]{0,63}|\.well-known|[0-9\-.]{1,64}")
_TYPE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}")
_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_SMART: Final = [".well-known", "smart-configuration"]

PUBLIC: Final[frozenset[Interaction]] = frozenset({"capabilities", "smart", "token"})
"""What needs nobody's permission."""


class Route(NamedTuple):
    """The place that a path names, and what each method means there."""

    release: Release
    methods: dict[str, Interaction]
    type: str = ""
    id: str = ""
    version: str = ""


def parse_path(raw: bytes) -> Route:
    """The route of a path. Raises `Rejected`: 400 for one that no client has reason to send, 404 for one
    that leads nowhere."""
    segments = [_segment(part) for part in raw.removesuffix(b"/").split(b"/")[1:]]
    if segments == ["auth", "token"]:
        return Route("R4", {"POST": "token"})
    if segments == _SMART:
        return Route("R4", {"GET": "smart"})
    if len(segments) < 2 or segments[0] != "fhir" or segments[1] not in RELEASES:
        raise not_found()
    return routes_of(segments[1], segments[2:])


def routes_of(release: Release, segments: list[str]) -> Route:
    """The route below the address of a release; also of an entry in a bundle."""
    match segments:
        case []:
            return Route(release, {"POST": "bundle"})
        case ["metadata"]:
            return Route(release, {"GET": "capabilities"})
        case [".well-known", "smart-configuration"]:
            return Route(release, {"GET": "smart"})
        case ["$process-message"]:
            return Route(release, {"POST": "process-message"})
        case ["$validate"]:
            return Route(release, {"POST": "validate"})
        case [type_, *rest] if _TYPE.fullmatch(type_):
            return _of_type(release, type_, rest)
    raise not_found()


def _of_type(release: Release, type_: str, rest: list[str]) -> Route:
    match rest:
        case []:
            methods: dict[str, Interaction] = {"GET": "search", "POST": "create", "PUT": "conditional-update"}
            return Route(release, methods, type_)
        case ["_search"]:
            return Route(release, {"POST": "search-form"}, type_)
        case ["_history"]:
            return Route(release, {"GET": "history-type"}, type_)
        case ["$validate"]:
            return Route(release, {"POST": "validate"}, type_)
        case [id_, *more] if _ID.fullmatch(id_):
            return _of_instance(release, type_, id_, more)
    raise not_found()


def _of_instance(release: Release, type_: str, id_: str, rest: list[str]) -> Route:
    match rest:
        case []:
            methods: dict[str, Interaction] = {
                "GET": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete",
            }  # fmt: skip
            return Route(release, methods, type_, id_)
        case ["_history"]:
            return Route(release, {"GET": "history"}, type_, id_)
        case ["_history", version]:
            return Route(release, {"GET": "vread"}, type_, id_, version)
        case ["$validate"]:
            return Route(release, {"POST": "validate"}, type_, id_)
    raise not_found()


def _segment(part: bytes) -> str:
    text = unquote_to_bytes(part).decode("ascii", "replace")
    if not _SEGMENT.fullmatch(text) or text in (".", ".."):
        raise Rejected(400, Issue("invalid", "the path has a part that no address here has"))
    return text


def not_found() -> Rejected:
    """The refusal of a path that leads nowhere."""
    return Rejected(404, Issue("not-found", "nothing is served at this address"))
