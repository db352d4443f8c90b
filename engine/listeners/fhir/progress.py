"""What became of a resource in Odoo, as a client reads it: an extension on the resource, and a Task.

Words of a closed list, our own ids and Odoo's; nothing of what was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from engine.fhir.releases import Release
from engine.model import DeliveryState, MessageState
from engine.resources import Version
from engine.store.contracts.views import DeliveryView, MessageView

__all__ = ["OUTCOME", "Progress", "outcome_extension", "task"]

OUTCOME: Final = "urn:wardline:fhir:outcome"
"""The extension's URL."""

_WORDS: Final[dict[str, str]] = {
    "reserve": "reserved", "release": "released", "procure": "on-order", "consume": "issued",
    "charge": "billed", "credit": "reversed",
}  # fmt: skip
_TASK: Final[dict[str, str]] = {
    MessageState.RECEIVED: "accepted", MessageState.FRAGMENT: "accepted", MessageState.WAITING: "in-progress",
    MessageState.DEAD: "failed", MessageState.QUARANTINED: "rejected",
}  # fmt: skip
_RANK: Final = ("failed", "rejected", "accepted", "in-progress", "completed")


class Progress(NamedTuple):
    """A version of a resource, its message, and the deliveries that it became."""

    version: Version
    message: MessageView
    deliveries: Sequence[DeliveryView]

    @property
    def status(self) -> str:
        """In the words of a Task."""
        return _TASK.get(self.message.state, "completed")


def outcome_extension(progress: Progress) -> dict[str, Any]:
    """What became of the version: its state, and one part for each effect."""
    message = progress.message
    parts = [{"url": "state", "valueCode": str(message.state)}]
    if message.reason is not None:
        parts.append({"url": "reason", "valueCode": str(message.reason.code)})
    results = [{"url": "effect", "extension": list(_effect(view))} for view in progress.deliveries]
    return {"url": OUTCOME, "extension": [*parts, *results]}


def _effect(view: DeliveryView) -> Iterator[dict[str, Any]]:
    yield {"url": "what", "valueCode": _what(view)}
    if view.reason is not None:
        yield {"url": "reason", "valueCode": str(view.reason.code)}
    documents = {} if view.state is DeliveryState.SHADOWED else view.documents  # nothing was made
    for kind, number in sorted(documents.items()):
        yield {"url": "document", "valueString": f"{kind}/{number}"}
    if view.note:
        yield {"url": "note", "valueString": view.note}


def _what(view: DeliveryView) -> str:
    kind = type(view.delivery.effect).__name__.lower()
    if view.state is DeliveryState.DEAD:
        return "refused"
    if view.state is DeliveryState.SHADOWED:
        return "shadowed"
    if view.state is not DeliveryState.DELIVERED:
        return "pending"
    if kind == "reserve" and ("short" in view.note or "nothing" in view.note):
        return "short"
    return _WORDS.get(kind, "done")


def task(id_: str, progresses: Sequence[Progress], release: Release, now: str, began: str) -> dict[str, Any]:
    """The Task of writes that were done together; `began` and `now` are instants. What it gave stands as
    outputs, one for each resource and effect."""
    statuses = {progress.status for progress in progresses}
    status = next(word for word in _RANK if word in statuses)
    keys = [progress.version.key for progress in progresses]
    found: dict[str, Any] = {
        "resourceType": "Task",
        "id": id_,
        "meta": {"lastUpdated": now},
        "status": status,
        "intent": "order",
        "authoredOn": began,
        "lastModified": now,
        "focus": {"reference": f"{keys[0].type}/{keys[0].id}"},
    }
    if len(keys) > 1:
        found["input"] = [
            {"type": {"text": "resource"}, "valueReference": {"reference": f"{key.type}/{key.id}"}}
            for key in keys[1:]
        ]
    outputs = [output for progress in progresses for output in _outputs(progress)]
    if outputs:
        found["output"] = outputs
    if release == "R5":
        found["requestedPeriod"] = {"start": began}
    return found


def _outputs(progress: Progress) -> Iterator[dict[str, Any]]:
    key = progress.version.key
    yield {"type": {"text": "state"}, "valueCode": str(progress.message.state)}
    for view in progress.deliveries:
        words = [str(part.get("valueCode") or part.get("valueString")) for part in _effect(view)]
        yield {"type": {"text": f"{key.type}/{key.id}"}, "valueString": " ".join(words)}
