"""What a channel in shadow would have done: counts in business words, of the messages that it compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from engine.effects import covers, kind_of
from engine.model import DeliveryState, MessageState, ReasonCode
from engine.store.contracts.views import DeliveryView, MessageView

__all__ = ["Compared", "ShadowReport", "report", "told"]

_EXAMPLES = 3


class Compared(msgspec.Struct):
    """The effects of one kind, each key once, as it was said last. `would` counts `create`, `change`,
    `stands`, `refused`, `write` (to what is no Odoo) and `follows` (it takes back or changes what is only
    shadowed); `differs` the words in which changes differ; `refused` the reasons, `examples` messages for
    each reason and word."""

    would: Counter[str] = msgspec.field(default_factory=Counter)
    differs: Counter[str] = msgspec.field(default_factory=Counter)
    refused: Counter[str] = msgspec.field(default_factory=Counter)
    examples: dict[str, list[int]] = {}


class ShadowReport(msgspec.Struct):
    """A channel's: how many messages were compared or filtered, which would have been dead letters and why,
    and by kind of effect what would have come of it; `open` are the effects that are still to be compared."""

    channel: str
    messages: Counter[str]
    dead: Counter[str]
    effects: dict[str, Compared]
    open: int = 0


def report(channel: str, messages: Iterable[MessageView], deliveries: Iterable[DeliveryView]) -> ShadowReport:
    """The report of these messages and deliveries, both in the order of their ids."""
    made = ShadowReport(channel, Counter(), Counter(), {})
    for message in messages:
        made.messages[message.state.value] += 1
        if message.state is MessageState.SHADOWED and message.reason is not None:
            made.dead[f"{message.reason.code} at {message.reason.place or '-'}"] += 1
    last: dict[tuple[str, str, str], DeliveryView] = {}
    for view in deliveries:
        effect = view.delivery.effect
        if view.state is DeliveryState.SHADOWED:
            last[view.delivery.destination, kind_of(effect), effect.key] = view
        elif view.state in (DeliveryState.DUE, DeliveryState.CLAIMED, DeliveryState.SCHEDULED):
            made.open += 1
    keys = {key for _, _, key in last}
    for (_, kind, _), view in last.items():
        _count(made.effects.setdefault(kind, Compared()), view, keys)
    return made


def _count(counted: Compared, view: DeliveryView, keys: set[str]) -> None:
    would = view.documents.get("would", "")
    about = list(filter(None, view.documents.get("differs", "").split(", "))) if would == "change" else []
    if would == "refused" and view.reason is not None:
        if view.reason.code is ReasonCode.UNKNOWN_REFERENCE and _follows(view, keys):
            would = "follows"
        else:
            about = [f"{view.reason.code} at {view.reason.place or '-'}"]
            counted.refused.update(about)
    if would == "change":
        counted.differs.update(about)
    counted.would[would] += 1
    for word in about:
        named = counted.examples.setdefault(word, [])
        if len(named) < _EXAMPLES:
            named.append(view.delivery.message_id)


def _follows(view: DeliveryView, keys: set[str]) -> bool:
    """Whether what it refers to stands nowhere because it is only shadowed."""
    effect = view.delivery.effect
    named = {getattr(effect, word, "") for word in ("reverses", "against")} - {""}
    if kind_of(effect) == "release":
        named = {effect.key}
    return any(covers(name, key) for name in named for key in keys)


_WORDS = {
    "create": "would be made",
    "write": "would be written, compared with nothing",
    "stands": "stand already",
    "change": "would change what stands",
    "follows": "follow what is only shadowed",
    "refused": "would be refused",
}


def told(made: ShadowReport) -> Iterator[str]:
    """The report as lines for people."""
    counts = made.messages
    compared = counts[MessageState.SHADOWED.value] - made.dead.total()
    yield (
        f"{made.channel}: {compared} messages compared, {counts[MessageState.FILTERED.value]} filtered,"
        f" {made.dead.total()} would be dead letters; nothing was written"
    )
    if made.open:
        yield f"  {made.open} effects are still to be compared"
    for reason, count in made.dead.most_common():
        yield f"  dead letter: {reason}: {count}"
    for kind, counted in sorted(made.effects.items()):
        said = [f"{counted.would[word]} {text}" for word, text in _WORDS.items() if counted.would[word]]
        yield f"{kind} ({counted.would.total()}): {', '.join(said)}"
        yield from _lines("differs in", counted.differs, counted.examples)
        yield from _lines("refused:", counted.refused, counted.examples)


def _lines(lead: str, counts: Counter[str], examples: Mapping[str, list[int]]) -> Iterator[str]:
    for word, count in counts.most_common():
        named = ", ".join(map(str, examples.get(word, ())))
        yield f"  {lead} {word}: {count} (such as message {named})"
