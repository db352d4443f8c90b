"""Points in time as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from engine.errors import Misconfigured

__all__ = ["age", "moment"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_AGE: Final = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)


def moment(text: str, now: float, where: str = "") -> float:
    """Seconds since the epoch: of an age before `now` (`90s`, `15m`, `2h`, `7d`), or of a date with or
    without a time (ISO 8601; UTC where it does not say); 0 for an empty text. Raises `Misconfigured`."""
    text = text.strip()
    if not text:
        return 0.0
    if found := _AGE.fullmatch(text):
        return max(0.0, now - int(found[1]) * _UNITS[found[2]])
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        hint = "an age such as 15m, 2h, 7d, or 2026-03-01T22:00Z"
        raise Misconfigured("is no time", where=where, hint=hint) from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()


def age(span: str) -> float:
    """The seconds of a span as channels write it (`30s`, `5m`, `4h`, `1d`); 0 for none."""
    found = _AGE.fullmatch(span.strip())
    return float(int(found[1]) * _UNITS[found[2]]) if found else 0.0
