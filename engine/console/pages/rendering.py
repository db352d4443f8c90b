"""Templates become pages. Whatever is put into one is escaped."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from engine.console.assets import asset
from engine.console.frame import FRAME
from engine.console.pages.words import WORDS, age, amount, duration, kind_of, points
from engine.workbench.planned import VERDICTS

__all__ = ["page", "rendered"]

_TEMPLATES = Path(__file__).parent / "templates"


PAGES = (("/try", "Try a message"), ("/catalogue", "Catalogue"), ("/codes", "Codes"))
"""Where the pages of the workbench are, and what they are called."""


def rendered(template: str, **values: Any) -> str:
    """A template with these values."""
    return _environment().get_template(template).render(**values)


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The same as an answer."""
    return HTMLResponse(rendered(template, **values), status)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "verdicts": VERDICTS,
        "pages": PAGES,
        "asset": asset,
        "frame": FRAME.get,
        "words": WORDS,
        "kind_of": kind_of,
        "points": points,
    }
    made.filters["moment"] = _moment
    made.filters["second"] = _second
    made.filters["stamp"] = _stamp
    made.filters["duration"] = duration
    made.filters["age"] = age
    made.filters["amount"] = amount
    made.filters["shell"] = shlex.quote
    made.filters["indented"] = lambda value: msgspec.json.format(_json(value), indent=2)
    return made


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _second(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _json(value: Any) -> str:
    return msgspec.json.encode(value, enc_hook=str).decode()
