"""What is told to everybody: what this server can do, and how to get a token."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from engine.fhir import json_text
from engine.fhir.capability import capability_statement
from engine.fhir.negotiation import MIME
from engine.fhir.releases import Release
from engine.listeners.fhir.asking import Answer
from engine.listeners.fhir.interactions import OURS
from engine.listeners.fhir.rendering import instant
from engine.listeners.fhir.request import Request
from engine.listeners.fhir.service import Service

__all__ = ["capabilities", "smart", "token"]


def capabilities(service: Service, release: Release, headers: Mapping[str, str]) -> Answer:
    """The CapabilityStatement, with an entity tag of its content."""
    ours: dict[str, set[str]] = {}
    for type_, interaction in OURS:
        ours.setdefault(type_, set()).add(interaction)
    statement = capability_statement(
        release,
        {**service.allowed(release), **ours},
        base=f"{service.base}/fhir/{release}",
        date=instant(service.since),
        version=service.version,
        forms=[mime for wire, mime in MIME.items() if wire == "json" or service.xml],
    )
    tag = f'W/"{sha256(json_text.dump(statement)).hexdigest()[:16]}"'
    if headers.get("if-none-match") == tag:
        return Answer(304, headers=[("ETag", tag)])
    return Answer(200, statement, [("ETag", tag)])


def smart(service: Service) -> Answer:
    """SMART App Launch, Backend Services: where and how tokens are given."""
    return Answer(200, service.access.smart_configuration(), [("Content-Type", "application/json")])


async def token(service: Service, request: Request, body: bytes) -> Answer:
    """An access token for a client's assertion."""
    judge, access = service.doors.judge, service.access
    status, said = await judge(access.token_response, body, request.peer, service.clock())
    return Answer(status, said, [("Content-Type", "application/json"), ("Pragma", "no-cache")])
