"""What may be done where: the methods of a place, as far as its channel allows them."""

from __future__ import annotations

from typing import Final

from engine.fhir.issues import Issue, Rejected
from engine.listeners.fhir.interactions import OURS
from engine.listeners.fhir.routes import Route
from engine.listeners.fhir.service import Service

__all__ = ["allow", "method_of"]

_NEEDS: Final = {
    "create": "create", "search": "search", "search-form": "search", "conditional-update": "update",
    "history-type": "history", "read": "read", "update": "update", "patch": "patch", "delete": "delete",
    "history": "history", "vread": "read",
}  # fmt: skip
"""What a channel must allow for an interaction."""


def method_of(service: Service, route: Route, method: str) -> str:
    """The interaction; empty for OPTIONS. Raises `Rejected`: 404 for a type that is not served, 405."""
    if route.release not in service.releases:
        raise Rejected(404, Issue("not-supported", "this release of FHIR is not served here"))
    allowed = _allowed(service, route)
    if method == "OPTIONS":
        return ""
    found = allowed.get("GET" if method == "HEAD" else method)
    if found is None:
        raise Rejected(
            405,
            Issue("not-supported", "this cannot be done here"),
            headers=(("Allow", allow(service, route)),),
        )
    return found


def _allowed(service: Service, route: Route) -> dict[str, str]:
    if not route.type:
        return dict(route.methods)
    if any(type_ == route.type for type_, _ in OURS):
        return {name: what for name, what in route.methods.items() if (route.type, _short(what)) in OURS}
    rights = service.offered(route.release, route.type).resources[route.type]
    return {name: what for name, what in route.methods.items() if _NEEDS.get(what, "create") in rights}


def _short(interaction: str) -> str:
    return "search" if interaction == "search-form" else interaction


def allow(service: Service, route: Route) -> str:
    allowed = _allowed(service, route)
    return ", ".join([*allowed, *(["HEAD"] if "GET" in allowed else []), "OPTIONS"])
