"""What was measured of the node, in the units of its alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final

from engine.store.contracts.measures import Last
from engine.telemetry import parsed
from engine.watching import Kind

__all__ = ["gauges_of"]

_DAY: Final = 86400.0

_RENEWED: Final = frozenset({Kind.CERTIFICATE, Kind.ODOO_KEY, Kind.DISK, Kind.CLOCK})
"""Kinds whose values are said again at least every hour: one that is not is of something that is gone."""

_STALE: Final = 3 * 3600.0

_Worth = Callable[[float, float], float]


def _as_it_is(value: float, _now: float) -> float:
    return value


def _amount(value: float, _now: float) -> float:
    return abs(value)


def _age(value: float, now: float) -> float:
    return now - value


def _days_left(value: float, now: float) -> float:
    return (value - now) / _DAY


_GAUGES: Final[Mapping[str, tuple[Kind, str, str, _Worth]]] = {
    "wardline_disk_free_ratio": (Kind.DISK, "", "disk", _as_it_is),
    "wardline_backup_at": (Kind.BACKUP, "", "backup", _age),
    "wardline_certificate_expires_at": (Kind.CERTIFICATE, "certificate", "certificate", _days_left),
    "wardline_odoo_key_expires_at": (Kind.ODOO_KEY, "connection", "connection", _days_left),
    "wardline_reconciliation_gaps": (Kind.GAPS, "channel", "channel", _as_it_is),
    "wardline_clock_offset_seconds": (Kind.CLOCK, "", "node", _amount),
    "wardline_store_damaged": (Kind.DAMAGED, "", "store", _as_it_is),
}
"""By metric: the kind, the label that says of what, what that is, and what the value comes to."""


def gauges_of(latest: Mapping[str, Last], now: float) -> dict[Kind, dict[str, float]]:
    """By kind what was measured of each subject."""
    found: dict[Kind, dict[str, float]] = defaultdict(dict)
    for text, last in latest.items():
        name, labels = parsed(text)
        if name not in _GAUGES:
            continue
        kind, label, word, worth = _GAUGES[name]
        if kind in _RENEWED and now - last.at > _STALE:
            continue
        of = labels.get(label, "")
        found[kind][f"{word}:{of}" if of else word] = worth(last.value, now)
    return dict(found)
