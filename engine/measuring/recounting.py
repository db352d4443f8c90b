"""What a crash left out of the history, counted again from the messages and deliveries that stand."""

from __future__ import annotations

from typing import Final

from engine.measuring.growth import Counts
from engine.model import MessageState
from engine.store.base import Store
from engine.store.contracts.figures import Came, Settled
from engine.telemetry import STOOD, series

__all__ = ["recount"]

_DONE: Final = "wardline_recounted"
"""Up to when it was done, seconds since the epoch."""

_APART: Final = {MessageState.FRAGMENT: "fragment", MessageState.JOINED: "fragment"}


def recount(store: Store, now: float) -> None:
    """Add to the history what came and what was settled after the engine wrote it last: before anything of
    a new start counts. After an orderly stop that is nothing. How long acknowledgements took is not kept
    anywhere else, and stays as it was. Raises `Unavailable`."""
    said = store.last_values(["wardline_process", _DONE])
    heard = max((one.at for name, one in said.items() if name != _DONE), default=0.0)
    since = max(heard, said[_DONE].value) if _DONE in said else heard
    if not since:
        return
    counted: Counts = {}
    found = [*map(_taken, store.came_since(since)), *map(_settled, store.settled_since(since))]
    for name, value in (one for some in found for one in some.items()):
        counted[name] = counted.get(name, 0.0) + value
    if counted:
        store.measure(counted, {_DONE: now}, at=since)


def _taken(came: Came) -> Counts:
    channel, state = came.channel, came.state
    if state is MessageState.QUARANTINED:
        return {series("wardline_messages_refused", channel=channel, reason=came.code): came.messages}
    kind = "duplicate" if state is MessageState.DUPLICATE else "new"
    found: Counts = {series("wardline_messages_accepted", channel=channel, kind=kind): came.messages}
    if result := _result(came):
        found[series("wardline_messages_routed", channel=channel, result=result)] = came.messages
    return found


def _result(came: Came) -> str:
    """What routing made of them; empty where it has not yet, or never does."""
    if came.effects:
        return "routed"
    if came.state in (MessageState.DEAD, MessageState.FILTERED):
        return came.state.value
    return _APART.get(came.state, "")


def _settled(one: Settled) -> Counts:
    outcome = "delivered" if one.delivered else "refused"
    labels = {"outcome": outcome, "reason": one.code}
    found: Counts = {
        series("wardline_deliveries", destination=one.destination, **labels): 1,
        series("wardline_settled", channel=one.channel, **labels): 1,
    }
    if one.delivered:
        bound = next((repr(float(limit)) for limit in STOOD if one.seconds <= limit), "+Inf")
        found[series("wardline_end_to_end_seconds_bucket", channel=one.channel, le=bound)] = 1
        found[series("wardline_end_to_end_seconds_sum", channel=one.channel)] = one.seconds
    return found
