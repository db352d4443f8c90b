"""How what happened is told: logged and counted in one go."""

from __future__ import annotations

import logging
from typing import ClassVar

import msgspec
import structlog

__all__ = ["Signal", "signal"]

_log = structlog.get_logger("wardline")
_counted_only = logging.getLogger("wardline.counted")  # holds the level, because asking it is cheap


class Signal(msgspec.Struct, frozen=True):
    """Something worth seeing. `level` and `text` make the log line, the fields its words."""

    level: ClassVar[str] = "info"
    text: ClassVar[str] = ""

    def count(self) -> None:
        """Move the metrics that belong to this signal."""


def signal(happened: Signal) -> None:
    """Log and count what happened. Signals without a text are only counted, and logged at `DEBUG`."""
    happened.count()
    if happened.text:
        getattr(_log, happened.level)(happened.text, **msgspec.structs.asdict(happened))
    elif _counted_only.isEnabledFor(logging.DEBUG):
        _log.debug(type(happened).__name__, **msgspec.structs.asdict(happened))
