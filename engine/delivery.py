"""From stored deliveries into destinations: claim, carry out, settle; again and again.

One loop per destination and lane, each in its own thread, so that bulk work in flight never
holds up a high lane. A crash anywhere leaves a lease that ends; the delivery is claimed again and
the destination drives it to the same final state (docs: exactly once).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from engine import tracing
from engine.destinations.base import Destination
from engine.effects import Charge, Consume, Credit, Effect, Encounter, Merge, Reserve
from engine.egress import Egress
from engine.model import (
    Delivered,
    Delivery,
    Lane,
    Outcome,
    Owner,
    Reason,
    ReasonCode,
    Refused,
    Settlement,
    TryAgain,
)
from engine.pipeline import privacy_reason
from engine.retry import RetryPolicy
from engine.sending_again import OVERTAKEN, overtaken
from engine.store.base import Store
from engine.telemetry import BatchDelivered, DeliverySettled, DestinationAway, signal

__all__ = ["DeliveryLoop", "repointed", "tokens_of"]

LEASE = 3600.0
"""Seconds, longer than any batch may take: dozens of calls, each within a minute. What a crash or a failed
turn left behind does not wait so long, because a loop takes up its own work again."""

REST = 0.5  # seconds between looks when nothing was due (a wake-up ends it early)


class DeliveryLoop:
    """One destination's one lane; no other loop has its `holder`. `turn()` carries out one batch and says how
    long to rest; nothing that `egress` stops is carried out."""

    def __init__(
        self,
        store: Store,
        name: str,
        destination: Destination,
        lane: Lane,
        *,
        egress: Egress,
        holder: str,
        retry: RetryPolicy,
        batch: int,
        clock: Callable[[], float],
        dice: Callable[[], float],
        settled: Callable[[list[int]], None],
    ) -> None:
        self._store, self._name, self._destination, self._lane = store, name, destination, lane
        self._holder, self._retry, self._batch = holder, retry, batch
        self._clock, self._dice, self._settled = clock, dice, settled
        self._egress = egress
        self._limit = batch  # deliveries a turn: halved when nothing of them was taken, doubled again after
        self._away = 0  # turns in a row in which not even a single delivery was taken
        self._holding = True  # deliveries from a turn that failed, or from before the start

    def turn(self) -> float:
        """Claim a batch, deliver it, settle it; the seconds to rest before the next turn."""
        now = self._clock()
        self._store.reclaim(now, self._holder if self._holding else "")
        self._holding = True
        batch = self._store.claim(
            self._name, self._lane, self._limit, now=now, lease_until=now + LEASE, holder=self._holder
        )
        if not batch:
            self._holding = False
            return REST
        with tracing.calls() as made:
            outcomes = self._delivered(self._survivors(batch))
        done = self._clock()
        signal(BatchDelivered(self._name, len(batch), done - now))
        settlements = [self._settlement(*pair, done) for pair in zip(batch, outcomes, strict=True)]
        finished = self._store.settle(settlements, now=done, holder=self._holder)
        self._holding = False
        self._settled(finished)
        if tracing.on():
            self._trace(batch, outcomes, made, now, done)
        return self._rest(outcomes)

    def _trace(
        self,
        batch: Sequence[Delivery],
        outcomes: Sequence[Outcome],
        made: Sequence[tracing.Call],
        began: float,
        done: float,
    ) -> None:
        """A span for each delivery. The calls are one batch's: the first that is traced has them."""
        within = ""
        for delivery, outcome in zip(batch, outcomes, strict=True):
            called = delivery.correlation
            if not tracing.traced(called):
                continue
            span = tracing.tell(
                called, f"deliver {self._name}", began, done, failed=_reason(outcome),
                channel=delivery.channel, message=delivery.message_id, delivery=delivery.id,
                effect=type(delivery.effect).__name__.lower(), attempt=delivery.attempts,
                outcome=type(outcome).__name__.lower(), batch=len(batch), documents=_documents(outcome),
                calls_with=within,
            )  # fmt: skip
            for call in () if within else made:
                tracing.tell(called, call.name, call.began, call.ended, within=span, failed=call.failed)
            within = within or called

    def _delivered(self, batch: list[Delivery]) -> list[Outcome]:
        """Carried out, but for what would let out who somebody is, and what a later message has overtaken:
        that is refused, and the rest goes on."""
        leaks = self._egress.deliveries(batch)
        self._egress.record(leaks, "delivery", {delivery.id: delivery for delivery in batch})
        refused = dict.fromkeys(overtaken(self._store, batch, self._egress.has_course), OVERTAKEN)
        refused |= {number: privacy_reason(leak) for number, leak in leaks.items()}
        clean = [delivery for delivery in batch if delivery.id not in refused]
        outcomes = iter(self._destination.deliver(clean, self._store.note) if clean else ())
        return [
            Refused(refused[delivery.id]) if delivery.id in refused else next(outcomes) for delivery in batch
        ]

    def _settlement(self, delivery: Delivery, outcome: Outcome, now: float) -> Settlement:
        if isinstance(outcome, TryAgain) and self._retry.exhausted(delivery.attempts):
            outcome = Refused(
                Reason(
                    ReasonCode.GAVE_UP,
                    f"not taken after {delivery.attempts} attempts; last: {outcome.reason.text}",
                    outcome.reason.place,
                    Owner.TECHNICAL,
                )
            )
        kind, waited = type(outcome).__name__.lower(), max(now - delivery.received_at, 0.0)
        signal(DeliverySettled(delivery.channel, self._name, kind, _reason(outcome), waited))
        wait = self._retry.delay(delivery.attempts, self._dice) if isinstance(outcome, TryAgain) else 0.0
        return Settlement(delivery.id, outcome, now + wait if wait else 0.0)

    def _rest(self, outcomes: Sequence[Outcome]) -> float:
        """Back off the whole loop while the destination takes nothing: no storm of attempts.

        A destination that is away and a single delivery that makes it fail look the same. So the next
        turn tries half as many: the one that fails for all is soon alone, and the others go on."""
        if not all(isinstance(outcome, TryAgain) for outcome in outcomes):
            self._away, self._limit = 0, min(2 * self._limit, self._batch)
            return 0.0
        self._limit = max(len(outcomes) // 2, 1)
        self._away += len(outcomes) == 1
        wait = self._retry.delay(max(self._away, 1), self._dice)
        signal(DestinationAway(self._name, _reason(outcomes[0]), wait))
        return wait

    def _survivors(self, batch: list[Delivery]) -> list[Delivery]:
        """Tokens that were merged away since the effect was made answer with their survivor."""
        tokens = {token for delivery in batch for token in tokens_of(delivery.effect)}
        alive = self._store.survivors(sorted(tokens)) if tokens else {}
        if not alive:
            return batch
        return [
            msgspec.structs.replace(delivery, effect=repointed(delivery.effect, alive)) for delivery in batch
        ]


def _reason(outcome: Outcome) -> str:
    reason = None if isinstance(outcome, Delivered) else outcome.reason
    return reason.code.value if reason else ""


def _documents(outcome: Outcome) -> str:
    """`sale.order.line:42 …`"""
    if not isinstance(outcome, Delivered):
        return ""
    return " ".join(f"{model}:{ids}" for model, ids in sorted(outcome.documents.items()))


def tokens_of(effect: Effect) -> list[str]:
    """The tokens of an effect that may have been merged away since it was made."""
    if isinstance(effect, Reserve | Consume | Charge | Credit):
        return [token for token in (effect.subject, effect.encounter) if token]
    if isinstance(effect, Encounter):
        return [token for token in (effect.subject, effect.key) if token]
    if isinstance(effect, Merge):
        return [effect.into]
    return []


def repointed(effect: Effect, alive: Mapping[str, str]) -> Effect:
    """The effect with the tokens that stand for its own now."""
    changes = {
        field: alive[value]
        for field in ("subject", "encounter", "into")
        if (value := getattr(effect, field, "")) in alive
    }
    if isinstance(effect, Encounter) and effect.key in alive:
        changes["key"] = alive[effect.key]
    return msgspec.structs.replace(effect, **changes) if changes else effect
