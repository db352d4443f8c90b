"""The interactions with single resources, each as it is asked for by a request or by an entry of a bundle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from engine.fhir import outcome
from engine.fhir.issues import Issue, Rejected
from engine.listeners.fhir import reads
from engine.listeners.fhir.asking import Answer, Ask
from engine.listeners.fhir.audits import search_audit, search_provenance
from engine.listeners.fhir.outcomes import read_task, search_task
from engine.listeners.fhir.plans import check
from engine.listeners.fhir.writes import perform

__all__ = ["INTERACTIONS", "OURS", "Interact", "structure", "write"]

Interact = Callable[[Ask], Awaitable[Answer]]

OURS: Final[dict[tuple[str, str], Interact]] = {
    ("Task", "read"): read_task,
    ("Task", "search"): search_task,
    ("AuditEvent", "search"): search_audit,
    ("Provenance", "search"): search_provenance,
}
"""What this server makes itself: by type and interaction."""


def structure(ask: Ask, *, conditional: bool = False) -> list[Issue]:
    """Check the body of a write; what remains are warnings. Raises `Rejected` (400, 422)."""
    if ask.interaction in ("patch", "delete"):
        return []
    if ask.body.get("resourceType") != ask.type:
        raise Rejected(400, Issue("invalid", "the resourceType must be that of the address", ask.place))
    if ask.interaction == "create" and any(not name.startswith("_") for name, _ in ask.query):
        # Some clients mean a condition by it. What is not understood must not make a second one.
        text = "a create takes no search parameters: a condition goes into If-None-Exist"
        raise Rejected(400, Issue("invalid", text, ask.place))
    return check(ask, ask.body, conditional=conditional)


async def write(ask: Ask) -> Answer:
    """Create, update, patch or delete."""
    warnings = await ask.apart(ask.size, structure, ask)
    done = await perform(ask)
    if ask.prefer.returns == "OperationOutcome" and done.status in (200, 201):
        said = warnings or [Issue("informational", "done, nothing to remark", severity="information")]
        done.body = outcome.operation_outcome(said)
    return done


async def read(ask: Ask) -> Answer:
    """Read, of ours or of what clients sent."""
    return await OURS.get((ask.type, "read"), reads.read)(ask)


async def search(ask: Ask) -> Answer:
    """Search, of ours or of what clients sent."""
    return await OURS.get((ask.type, "search"), reads.search)(ask)


INTERACTIONS: Final[dict[str, Interact]] = {
    "create": write,
    "update": write,
    "conditional-update": write,
    "patch": write,
    "delete": write,
    "read": read,
    "vread": reads.vread,
    "search": search,
    "history": reads.history,
    "history-type": reads.history,
}
