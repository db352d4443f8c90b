"""Readers of values of which a part passes, or that pass once they were looked through."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from engine.hl7.path import Path
from engine.hl7.reading import Value
from engine.model import ReasonCode
from engine.privacy.partial import device_identifier, measured, year, zip3
from engine.privacy.rules import Rule
from engine.privacy.scanner import Scanner

__all__ = ["born", "partial_reader", "this_year"]

Part = Callable[[Any], Value]
_COUNTRY = 6
"""Component of XAD."""

_TEXTS = ("ST", "TX", "FT")


def this_year() -> int:
    """The year in which it is asked, UTC."""
    return datetime.now(UTC).year


def born(rule: Rule) -> bool:
    """Whether a date is a birth: then its year may tell an age above 89."""
    return "birth" in rule.name.lower()


def partial_reader(path: Path, rule: Rule, now: Callable[[], int], scanner: Scanner) -> Part:
    """What passes of the value at `path`; `now` gives the year in which it is asked."""
    if rule.treatment == "year":
        return _changed(path, lambda text: year(text, now() if born(rule) else None))
    if rule.treatment == "udi-di":
        return _changed(path, device_identifier)
    if rule.treatment == "zip3":
        country = replace(path, component=_COUNTRY, subcomponent=1)
        return lambda view: _zip3(view.value(path), view.value(country))
    if rule.treatment == "number":
        return lambda view: _measured(view, path, rule.codes)
    return lambda view: _scanned(view, path, scanner)


def _changed(path: Path, change: Callable[[str], str | None]) -> Part:
    def read(view: Any) -> Value:
        value: Value = view.value(path)
        return change(value) if isinstance(value, str) else value

    return read


def _zip3(code: Value, country: Value) -> Value:
    if not isinstance(code, str):
        return code
    return zip3(code, country if isinstance(country, str) else "")


def _measured(view: Any, path: Path, codes: tuple[str, ...]) -> Value:
    """A number of OBX-5 whose OBX-2 says that it is one, of an observation that the channel lists."""
    fields = view.nth(path.segment, path.occurrence)
    if fields is None:
        return None
    kind, code, first, second, separator = (
        found if isinstance(found := view.leaf(fields, *at), str) else ""
        for at in ((2,), (3,), (5, 1, 1, path.repetition), (5, 2, 1, path.repetition), (5, 3))
    )
    return measured(kind, first, second, separator) if code in codes else None


def _is_text(view: Any, path: Path) -> bool:
    """Whether an observation is text by OBX-2: documents, pictures and links are never looked through."""
    if (path.segment, path.field) != ("OBX", 5):
        return True
    fields = view.nth("OBX", path.occurrence)
    return fields is not None and view.leaf(fields, 2) in _TEXTS


def _scanned(view: Any, path: Path, scanner: Scanner) -> Value:
    value: Value = view.value(path)
    if not isinstance(value, str) or not _is_text(view, path):
        return None
    passed = scanner.passed(value, view.whole)
    if passed is None and value.strip():
        view.warn(ReasonCode.PRIVACY, view.place(path), "free text that may name somebody does not pass")
    return passed
