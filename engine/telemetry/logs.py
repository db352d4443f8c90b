"""Where log lines go and what they look like."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

__all__ = ["configure_logs"]


class _Wordless(logging.Formatter):
    """What a library says: who, how loud, and of an exception its type. Words may hold content."""

    def formatException(self, ei: Any) -> str:
        return ei[0].__name__ if ei[0] else ""


def configure_logs(*, level: str = "INFO", plain: bool = False) -> None:
    """JSON lines on stderr (plain text for people at a terminal); library loggers that would
    speak of content stay closed at every level. `DEBUG` shows also the signals that are else only counted."""
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
        if plain
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, force=True)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(_Wordless("%(levelname)s %(name)s"))
    logging.getLogger("wardline.counted").setLevel(level)
    for name in ("odoorpc", "httpx", "httpcore", "sqlalchemy", "hl7", "hl7apy", "uvicorn"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
