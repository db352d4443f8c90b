"""How numbers and states are said on pages: the same everywhere. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

__all__ = ["WORDS", "age", "amount", "duration", "kind_of", "points"]

WORDS: Final = {
    "duplicate": "duplicate",
    "privacy-officer": "privacy officer",
}
"""Words of ours that are written otherwise for people."""

_KINDS: Final = {
    "good": {"delivered", "approved", "active", "met", "up", "done", "ready", "ok", "running", "closed"},
    "warn": {
        "due", "claimed", "scheduled", "waiting", "held", "paused", "degraded", "asked", "proposed", "parked",
    },
    "bad": {"dead", "quarantined", "failed", "refused", "missed", "down", "failing", "open", "incident"},
    "info": {"received", "routed", "fragment", "shadow"},
}  # fmt: skip

_UNITS: Final = ((86400, "d"), (3600, "h"), (60, "min"))


def kind_of(state: str) -> str:
    """How good a state is: `good`, `warn`, `bad`, `info` or `quiet` (over, and nothing to do)."""
    return next((kind for kind, states in _KINDS.items() if state in states), "quiet")


def duration(seconds: float) -> str:
    """A span in two units at most: `850 ms`, `12 s`, `4 min 10 s`, `3 d 2 h`."""
    if seconds < 0:
        return "0 s"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    for at, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            rest, (less, name) = whole % size, (*_UNITS, (1, "s"))[at + 1]
            return f"{whole // size} {unit}" + (f" {rest // less} {name}" if rest // less else "")
    return f"{whole} s"  # pragma: no cover - a minute at least is in a unit


def age(seconds: float) -> str:
    """How long ago something was: `just now`, `12 s ago`, `3 d 2 h ago`."""
    return "just now" if seconds < 1 else f"{duration(float(int(seconds)))} ago"


def amount(value: float | None, unit: str) -> str:
    """A figure with its unit: `1.2 s`, `3.4 %`, `2 days`, `1,204`; a dash for none."""
    if value is None:
        return "–"
    if unit == "seconds":
        return duration(value)
    if unit == "share":
        return f"{100 * value:.1f} %" if value < 0.9995 or value == 1 else f"{100 * value:.2f} %"
    if unit == "per-thousand":
        return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"
    text = f"{value:,.1f}".removesuffix(".0")
    return text if unit == "count" else f"{text} day" if text == "1" else f"{text} days"


def points(numbers: Sequence[float | None], width: int = 100, height: int = 24) -> str:
    """The corners of a sparkline in a box of this size, `x,y x,y …`; what is not known is nought. A line of
    one number is flat."""
    known = [number or 0.0 for number in numbers]
    if not known:
        return ""
    if len(known) == 1:
        known *= 2
    top = max(known) or 1.0
    step = width / (len(known) - 1)
    return " ".join(
        f"{at * step:.1f},{height - 1 - number / top * (height - 2):.1f}" for at, number in enumerate(known)
    )
