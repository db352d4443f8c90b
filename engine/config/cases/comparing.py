"""Compare the effects that a case expects with those that came: field by field, all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, get_args

import msgspec

from engine.config.finding import Place, Problem
from engine.effects import Effect
from engine.transforms.wording import meant

__all__ = ["FIELDS", "compare_effects", "compare_included"]

Effects = Sequence[Mapping[str, Mapping[str, Any]]]

FIELDS = {
    str(kind.__struct_config__.tag): {field.name: field.default for field in msgspec.structs.fields(kind)}
    for kind in get_args(Effect)
}
"""The fields of each effect, and what they are when nothing is said."""

_UNSAID = frozenset({("encounter", "whole")})
"""What no rule says: that an encounter is told from its whole course."""


def compare_effects(expected: Effects, actual: Effects, place: Place) -> Iterator[Problem]:
    """What differs; `place` is where the case's list stands. Order counts."""
    for number, (wanted, got) in enumerate(zip(expected, actual, strict=False)):
        yield from _effect(wanted, got, (*place, number))
    for number in range(len(actual), len(expected)):
        yield Problem((*place, number), f"{_name(expected[number])}: there is no such effect")
    for extra in actual[len(expected) :]:
        yield Problem(place, f"one more effect than expected: {_name(extra)}", _shown(extra))


def compare_included(expected: Effects, actual: Effects, place: Place) -> Iterator[Problem]:
    """Which of the effects `expected` are not among the `actual` ones, by the fields that are given alone."""
    for number, wanted in enumerate(expected):
        here = (*place, number)
        kinds = [got for got in actual if list(got) == list(wanted)]
        problems = [list(_effect(wanted, got, here, partly=True)) for got in kinds]
        if not kinds:
            shown = ", ".join(map(_name, actual)) or "none"
            yield Problem(here, f"{_name(wanted)}: there is no such effect, but {shown}")
        elif all(problems):
            yield from min(problems, key=len)  # the one that was meant, most likely


def _effect(
    wanted: Mapping[str, Mapping[str, Any]],
    got: Mapping[str, Mapping[str, Any]],
    place: Place,
    *,
    partly: bool = False,
) -> Iterator[Problem]:
    (kind,) = got
    if list(wanted) != [kind]:
        yield Problem(place, f"expected {_name(wanted)}, got {_name(got)}", _shown(got))
        return
    for field in wanted[kind]:
        if field not in FIELDS[kind]:
            text = f"{kind} has no field {field}"
            yield Problem((*place, kind, field), text, meant(field, FIELDS[kind]), on_key=True)
            return
    yield from _differences(wanted[kind], got[kind], (*place, kind), kind, partly=partly)


def _differences(
    wanted: Any, got: Any, place: Place, name: str, *, partly: bool = False
) -> Iterator[Problem]:
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        yield from _fields(wanted, got, place, name, partly=partly)
    elif isinstance(wanted, list) and isinstance(got, list):
        for number, (one, other) in enumerate(zip(wanted, got, strict=False)):
            yield from _differences(one, other, (*place, number), f"{name} {number + 1}", partly=partly)
        if len(wanted) != len(got):
            yield Problem(place, f"{name}: expected {len(wanted)}, got {len(got)}", _text(got))
    elif not _same(wanted, got):
        yield Problem(place, f"{name}: expected {_text(wanted)}, got {_text(got)}")


def _fields(
    wanted: Mapping[str, Any], got: Mapping[str, Any], place: Place, name: str, *, partly: bool
) -> Iterator[Problem]:
    defaults = FIELDS.get(name, {})
    for key in wanted:
        if key in got:
            yield from _differences(wanted[key], got[key], (*place, key), key, partly=partly)
        elif not _is_default(wanted[key], defaults.get(key, "")):
            yield Problem((*place, key), f"{name}: expected {key} {_text(wanted[key])}, got none")
    for key in () if partly else got:
        if (
            key not in wanted
            and (name, key) not in _UNSAID
            and not _is_default(got[key], defaults.get(key, ""))
        ):
            yield Problem(place, f"{name}: got {key} {_text(got[key])}, which the case does not expect")


def _is_default(value: object, default: object) -> bool:
    """What an effect may leave out, because it is so unless it says otherwise."""
    text = _text(value)
    return not text or text == "[]" or (isinstance(default, str | bool) and _same(text, default))


def _same(wanted: object, got: object) -> bool:
    """A case's text against a value: the same text, number, time or truth."""
    if isinstance(got, bool):
        return str(wanted).lower() in (("yes", "true") if got else ("no", "false"))
    wanted, got = str(wanted), str(got)
    return wanted == got or _read(wanted) == _read(got) is not None


def _read(text: str) -> Decimal | datetime | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo and len(text) > len("2026-11-21") else None


def _name(effect: Mapping[str, Mapping[str, Any]]) -> str:
    return " and ".join(effect) or "nothing"


def _shown(effect: Mapping[str, Mapping[str, Any]]) -> str:
    return ", ".join(f"{key}: {_text(part)}" for fields in effect.values() for key, part in fields.items())


def _text(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
