"""Deliveries that were sent on their way again, held against what stands of later places in the order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.effects import Effect
from engine.model import Delivery, Owner, Reason, ReasonCode
from engine.overtaking import KEPT_IN_COURSES, MADE_ANEW, overtakes
from engine.store.contracts.fixing import FixStore, Later, Place

__all__ = ["OVERTAKEN", "overtaken"]

OVERTAKEN = Reason(
    ReasonCode.CONFLICT, "a later message has said otherwise since: it stays undone", owner=Owner.BUSINESS
)

WAITED = frozenset({ReasonCode.UNKNOWN_REFERENCE.value})
"""Why something was refused that may wait for what came after it."""


def overtaken(
    store: FixStore, batch: Sequence[Delivery], kept_in_course: Callable[[Delivery], bool]
) -> dict[int, int]:
    """Those of a batch (by id) that must not be carried out any more, and the later message that stands.
    `kept_in_course` says of an effect whether a course makes it, which knows by itself what is so by now."""
    again = {one.id: one for one in batch if one.again and one.sequence_key}
    asked = [one for one in again.values() if not (_is_new(one) and kept_in_course(one))]
    if not asked:
        return {}
    later = store.later([Place(one.id, one.destination, one.sequence_key) for one in asked])
    found = {one.id: _by(one.effect, later.get(one.id, ()), one.again) for one in asked}
    return {number: message_id for number, message_id in found.items() if message_id}


def _by(effect: Effect, later: Sequence[Later], again: str) -> int:
    """The newest message that overtakes an effect; 0: none."""
    waited = again in WAITED
    found = [one.message_id for one in later if overtakes(one.effect, effect, waited=waited)]
    return max(found, default=0)


def _is_new(delivery: Delivery) -> bool:
    """Whether it says what its channel says today, and is of a kind that courses keep."""
    return delivery.again == MADE_ANEW and isinstance(delivery.effect, KEPT_IN_COURSES)
