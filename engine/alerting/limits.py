"""What is watched of the node otherwise than by default: `disk: 5%, backup: 50h, certificate: off`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from engine.alerting.expectation import parse_span
from engine.alerting.watch import NODE_LIMITS
from engine.errors import Misconfigured
from engine.watching import Kind

__all__ = ["limits_of"]

_WHERE: Final = "WARDLINE_ALERTS"


def limits_of(text: str) -> Mapping[Kind, float]:
    """The limits of the node, by default and as the setting says. Raises `Misconfigured`."""
    limits = dict(NODE_LIMITS)
    for part in filter(None, (part.strip() for part in text.split(","))):
        word, colon, said = (some.strip() for some in part.partition(":"))
        if not colon or word not in list(NODE_LIMITS):
            raise Misconfigured(
                f"cannot be understood at {part[:40]}", where=_WHERE,
                hint=f"KIND: LIMIT, with one of {', '.join(sorted(NODE_LIMITS))}",
            )  # fmt: skip
        if said == "off":
            limits.pop(Kind(word), None)
        else:
            limits[Kind(word)] = _limit(Kind(word), said)
    return MappingProxyType(limits)


def _limit(kind: Kind, said: str) -> float:
    read, hint = next((read, hint) for kinds, read, hint in _READ if kind in kinds)
    try:
        return read(said)
    except (ValueError, Misconfigured):
        raise Misconfigured(f"says no limit of {kind}", where=_WHERE, hint=f"{hint}, or off") from None


def _days(said: str) -> float:
    return parse_span(said) / 86400


def _share(said: str) -> float:
    share = float(said.removesuffix("%")) / 100
    if not said.endswith("%") or not 0 < share < 1:
        raise ValueError
    return share


def _count(said: str) -> float:
    return float(int(said))


_READ: Final[tuple[tuple[frozenset[Kind], Callable[[str], float], str], ...]] = (
    (frozenset({Kind.DISK}), _share, "a share such as 10%"),
    (frozenset({Kind.CERTIFICATE, Kind.ODOO_KEY}), _days, "days such as 30d"),
    (frozenset({Kind.GAPS, Kind.AUDIT, Kind.DAMAGED}), _count, "a number such as 0"),
    (frozenset(Kind), parse_span, "a span such as 30s or 26h"),
)
"""How the limits of kinds are written."""
