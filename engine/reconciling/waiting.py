"""Between messages and effects: what waits, what is dead, and what the store cannot account for. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from engine.effects import kind_of
from engine.model import DeliveryState, MessageState
from engine.reconciling.finding import SUBJECTS
from engine.reconciling.words import Flow, Gap, GapKind
from engine.store.contracts.views import DeliveryView, MessageView

__all__ = ["Flows", "delivery_gap", "message_gap", "unaccounted"]

_OPEN = (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED)
STUCK = 300.0
"""Seconds after which an acknowledged message that nothing became of is lost, and no longer on its way."""


def message_gap(view: MessageView, now: float) -> Gap | None:
    """A message that was acknowledged and of which nothing has come: held pieces and what is not routed yet
    wait, for longer than five minutes it is lost; a dead letter that never became effects."""
    if view.answered not in ("accepted", ""):
        return None
    if view.state is MessageState.RECEIVED:
        late = now - view.received_at > STUCK
        text = "acknowledged long ago, and not looked at since" if late else "not looked at yet"
        advice = "see wardline status: is routing held, or the engine down?"
        return _of_message(view, GapKind.LOST if late else GapKind.WAITING, text, advice)
    if view.state is MessageState.FRAGMENT:
        return _of_message(view, GapKind.WAITING, "a piece that waits for the others", "ask the sender")
    if view.state is MessageState.DEAD and not view.effects:
        return _of_message(view, GapKind.DEAD, "could not be mapped", "see the worklist")
    return None


def delivery_gap(view: DeliveryView, received: float) -> Gap | None:
    """An effect that is still on its way, or a dead letter."""
    if view.state in _OPEN:
        text = "waits for its run" if view.state is DeliveryState.SCHEDULED else "is still on its way"
        return _of_delivery(view, received, GapKind.WAITING, text, "")
    if view.state is DeliveryState.DEAD:
        text = f"was refused: {view.reason.code.value}" if view.reason else "was refused"
        return _of_delivery(view, received, GapKind.DEAD, text, "see the worklist")
    return None


def unaccounted(books: Iterable[str]) -> list[Gap]:
    """What does not add up in the store itself (`ViewStore.gaps`)."""
    return [
        Gap(
            kind=GapKind.LOST, subject="messages", effect="", key="", text=text,
            advice="see wardline account, and call for help: this must not be",
        )
        for text in books
    ]  # fmt: skip


class Flows:
    """Counts of a period, by channel."""

    def __init__(self) -> None:
        self._messages: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self._effects: dict[str, dict[str, dict[str, int]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(int))
        )

    def message(self, view: MessageView) -> None:
        """One more."""
        self._messages[view.channel][view.state.value] += 1

    def effect(self, view: DeliveryView) -> None:
        """One more."""
        delivery = view.delivery
        self._effects[delivery.channel][kind_of(delivery.effect)][view.state.value] += 1

    def told(self) -> tuple[Flow, ...]:
        """By channel."""
        return tuple(
            Flow(channel, dict(self._messages[channel]), _plain(self._effects[channel]))
            for channel in sorted({*self._messages, *self._effects})
        )


def _plain(counts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {kind: dict(states) for kind, states in sorted(counts.items())}


def _of_message(view: MessageView, kind: GapKind, text: str, advice: str) -> Gap:
    return Gap(
        kind=kind, subject="messages", effect="", key=f"message:{view.id}", text=text, channel=view.channel,
        message_id=view.id, since=view.received_at, advice=advice,
    )  # fmt: skip


def _of_delivery(view: DeliveryView, received: float, kind: GapKind, text: str, advice: str) -> Gap:
    delivery = view.delivery
    effect = kind_of(delivery.effect)
    return Gap(
        kind=kind, subject=SUBJECTS.get(effect, "messages"), effect=effect, key=delivery.effect.key,
        text=text, channel=delivery.channel, destination=delivery.destination,
        company=delivery.effect.company, message_id=delivery.message_id, delivery_id=delivery.id,
        since=received, advice=advice,
    )  # fmt: skip
