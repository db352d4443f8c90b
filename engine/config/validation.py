"""From what a file holds to its model, with pydantic's complaints in an analyst's words.

A `ValidationError` never leaves this module: it holds the values that it complains about.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.config.elsewhere import belongs, fields_of, models_in, standing
from engine.config.finding import Place, Problem
from engine.config.reading import Node
from engine.config.spec.words import NAME, SEGMENT, SHARE_OR_OFF, SPAN_OR_OFF
from engine.transforms.wording import listed, meant

__all__ = ["validate"]

Model = TypeVar("Model", bound=BaseModel)


def validate(model: type[Model], data: Node) -> tuple[Model | None, list[Problem]]:
    """`data` as `model`, or what is wrong with it."""
    if not isinstance(data, dict) or not data:
        return None, [
            Problem((), "the file holds no keys", f"it starts with `{next(iter(fields_of(model)))}:`")
        ]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        found: dict[tuple[Place, str], Problem] = {}
        for detail in error.errors(include_url=False, include_context=True, include_input=False):
            problem = _problem(model, data, detail)
            missing = problem.text if detail["type"] == "missing" else ""
            found.setdefault((problem.place, missing), problem)  # a union complains once per branch
        return None, _without_echoes(list(found.values()))


def _without_echoes(problems: list[Problem]) -> list[Problem]:
    """A misspelt key is one problem, not a missing one as well."""
    meant_keys = {f"did you mean {problem.text.removesuffix(' is missing')}?" for problem in problems}
    hints = {problem.hint for problem in problems if problem.on_key} & meant_keys
    return [one for one in problems if f"did you mean {one.text.removesuffix(' is missing')}?" not in hints]


def _problem(model: type[BaseModel], data: Node, detail: Mapping[str, Any]) -> Problem:
    """One of pydantic's error details in our words."""
    kind, context = detail["type"], detail.get("ctx", {})
    place = _place(data, detail["loc"])
    last = _name(place)
    if kind == "missing":
        absent = str(detail["loc"][-1])
        return Problem(place, f"{absent} is missing", _described(model, (*place, absent)))
    if kind == "extra_forbidden":
        hint = belongs(model, place) or meant(str(last), _keys(model, place[:-1]))
        return Problem(place, f"unknown key {last}", hint, on_key=True)
    on_key = detail["loc"][-1] == "[key]"
    if kind in ("literal_error", "enum"):
        choices = re.findall("'([^']+)'", context["expected"])
        if on_key:
            return Problem(place, f"unknown key {last}", meant(str(last), choices), on_key=True)
        given = _text_at(data, place)
        return Problem(place, f"{last} cannot be {given[:40] or 'this'}", meant(given, choices))
    words, hint = _SAID.get(kind, _other)(context, "this name" if on_key else last)
    if kind == "string_pattern_mismatch" and not on_key:
        hint = _WRITTEN.get(context["pattern"]) or _described(model, place)
    return Problem(place, words, hint, on_key=on_key)


def _place(data: Node, location: tuple[str | int, ...]) -> Place:
    """The part of pydantic's location that is in the file: it also names branches of unions."""
    place: list[str | int] = []
    here: Any = data
    for part in location:
        inside = isinstance(here, dict) and part in here
        if not inside and not (isinstance(here, list) and isinstance(part, int) and part < len(here)):
            continue
        here = here[part]
        place.append(part)
    return tuple(place)


def _text_at(data: Node, place: Place) -> str:
    here: Any = data
    for part in place:
        here = here[part]
    return here if isinstance(here, str) else ""


def _name(place: Place) -> str:
    words = [part for part in place if isinstance(part, str)]
    return words[-1] if words else "the file"


def _keys(model: type[BaseModel], place: Place) -> list[str]:
    found = standing(model, place)[1]
    return list(fields_of(found)) if found else []


def _described(model: type[BaseModel], place: Place) -> str:
    owner = standing(model, place[:-1])[1]
    field = fields_of(owner).get(str(place[-1])) if owner else None
    if field is None:
        return ""
    if field.description:
        return field.description
    below = models_in(field.annotation)
    return f"it holds {listed(fields_of(below[0]))}" if below else ""


_WRITTEN = {
    NAME: "a name: lower-case letters, digits and hyphens, a letter first",
    SEGMENT: "the id of a segment: PID, FT1",
    SPAN_OR_OFF: "a span of time: 90s, 15m, 4h, 1d; or off",
    SHARE_OR_OFF: "a share: 5%, 99.5%; or off",
}
"""How a text is written, by the pattern that it does not fit; of others their key says it."""

Context = Mapping[str, Any]
Words = tuple[str, str]


def _other(_: Context, name: str) -> Words:
    return f"{name} cannot be understood", "see docs/manual/channels.md"


_SAID: dict[str, Callable[[Context, str], Words]] = {
    "string_pattern_mismatch": lambda _, name: (
        f"{name} has characters it cannot have",
        "a name: lower-case letters, digits and hyphens, a letter first; a segment: PID, FT1",
    ),
    "string_too_short": lambda context, name: (
        (f"{name} is empty", "write something, or leave the key out")
        if context["min_length"] == 1
        else (f"{name} is too short", f"at least {context['min_length']} characters")
    ),
    "string_too_long": lambda context, name: (
        f"{name} is too long",
        f"at most {context['max_length']} characters",
    ),
    "string_type": lambda _, name: (
        f"{name} must be a text",
        "a text that starts with { or [ needs quotes",
    ),
    "list_type": lambda _, name: (f"{name} must be a list", f"write {name}: [one, two]"),
    "too_short": lambda _, name: (f"{name} is empty", "at least one entry"),
    "dict_type": lambda _, name: (f"{name} must hold keys", "write `key: value` below it"),
    "model_type": lambda _, name: (f"{name} must hold keys", "write `key: value` below it"),
    "bool_parsing": lambda _, name: (f"{name} must be yes or no", f"write {name}: yes"),
    "bool_type": lambda _, name: (f"{name} must be yes or no", f"write {name}: yes"),
    "int_parsing": lambda _, name: (f"{name} must be a whole number", "digits alone, such as 30"),
    "int_type": lambda _, name: (f"{name} must be a whole number", "digits alone, such as 30"),
    "float_parsing": lambda _, name: (f"{name} must be a number", "such as 30 or 2.5"),
    "one_kind": lambda _, name: (f"{name} has exactly one kind", "mllp:, folder: or fhir:"),
    "greater_than_equal": lambda context, name: (f"{name} is too small", f"at least {context['ge']}"),
    "less_than_equal": lambda context, name: (f"{name} is too large", f"at most {context['le']}"),
}
