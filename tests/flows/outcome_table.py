"""What became of many messages, as a table: per channel and message type, how many of what, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from engine.store.contracts.views import MessageView

__all__ = ["outcome_of", "outcome_table"]

_ORDER = ("delivered", "filtered", "duplicate", "refused", "dead letter", "fragment")


def outcome_of(view: MessageView) -> str:
    """`delivered`, `filtered by no-visit`, `refused 201 unknown-event`, `dead letter: unmapped-code
    PV1-3.1`: the state in words, with its cause."""
    state, reason = view.state.value, view.reason
    if state == "filtered":
        return f"filtered by {view.step}"
    if reason is None:
        return state
    if state == "quarantined":
        return f"refused {reason.hl7} {reason.code.value}"
    return f"dead letter: {reason.code.value} {reason.place}"


def outcome_table(rows: Iterable[tuple[str, str, MessageView]]) -> str:
    """A table of (channel, message type, message)."""
    counted: dict[tuple[str, str], Counter[str]] = {}
    for channel, kind, view in rows:
        for key in ((channel, kind), (channel, "all"), ("all", "")):
            counted.setdefault(key, Counter())[outcome_of(view)] += 1
    lines = [f"{'channel':<18}{'type':<9}{'sent':>5}  what became of them"]
    for (channel, kind), outcomes in sorted(counted.items(), key=_place):
        first = True
        for outcome, amount in sorted(outcomes.items(), key=lambda item: (_rank(item[0]), -item[1], item[0])):
            head = f"{channel:<18}{kind:<9}{outcomes.total():>5}" if first else " " * 32
            lines.append(f"{head}  {amount:>4} {outcome}")
            first = False
    return "\n".join(lines) + "\n"


def _place(item: tuple[tuple[str, str], Counter[str]]) -> tuple[bool, str, bool, str]:
    """Channels by name, each with its sum last; the sum of all at the end."""
    channel, kind = item[0]
    return channel == "all", channel, kind == "all", kind


def _rank(outcome: str) -> int:
    return next(rank for rank, word in enumerate(_ORDER) if outcome.startswith(word))
