"""Where a key belongs that stands where it does not: said instead of a guess at another word."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import NoneType
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from engine.config.finding import Place

__all__ = ["belongs", "fields_of", "models_in", "standing"]

Way = tuple[str, ...]
"""The keys that lead to a part of a file, without the numbers of lists."""

_SHOWN = 3


def belongs(model: type[BaseModel], place: Place) -> str:
    """A hint that says where the key at the end of `place` belongs in a file of `model`; empty: nowhere."""
    here, key = standing(model, place[:-1])[0], str(place[-1])
    ways = sorted(_ways(model).get(key, ()), key=len)
    for way in reversed(ways):  # the nearest above it
        if len(way) < len(here) and here[: len(way)] == way:
            beside = f"it belongs further up, beside {here[len(way)]}:"
            return beside if way else "it belongs at the top of the file"
    inside = [way[len(here) :] for way in ways if way[: len(here)] == here] or ways
    nearest = [way for way in inside if len(way) == len(inside[0])]
    shown = [" ".join(f"{part}:" for part in way) for way in nearest[:_SHOWN]]
    return f"it belongs under {' or '.join(shown)}" if shown else ""


def standing(model: type[BaseModel], place: Place) -> tuple[Way, type[BaseModel] | None]:
    """The way to `place` in a file of `model`, without the numbers of lists and names that people choose, and
    the model of what stands there, if it has one."""
    way: list[str] = []
    here: type[BaseModel] | None = model
    chosen = False
    for part in place:
        if isinstance(part, int) or chosen:
            chosen = False
            continue
        field = fields_of(here).get(part) if here else None
        below = models_in(field.annotation) if field else []
        chosen = field is not None and get_origin(field.annotation) is dict and bool(below)
        here = below[0] if below else None
        way.append(part)
    return tuple(way), here


@cache
def _ways(model: type[BaseModel]) -> dict[str, list[Way]]:
    """Each key of a file of `model`, with the ways to what may hold it."""
    found: dict[str, list[Way]] = {}
    for way, one in _parts(model, (), ()):
        for key in fields_of(one):
            found.setdefault(key, []).append(way)
    return found


def _parts(
    model: type[BaseModel], way: Way, above: tuple[type[BaseModel], ...]
) -> Iterator[tuple[Way, type[BaseModel]]]:
    yield way, model
    for key, field in fields_of(model).items():
        for below in models_in(field.annotation):
            if below not in (*above, model):
                yield from _parts(below, (*way, key), (*above, model))


def models_in(annotation: object) -> list[type[BaseModel]]:
    """The models that an annotation names, through `X | None`, `list[X]` and `dict[…, X]`."""
    if isinstance(annotation, type) and not get_origin(annotation):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [model for part in get_args(annotation) if part is not NoneType for model in models_in(part)]


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the keys that a file writes."""
    return {field.alias or name: field for name, field in model.model_fields.items()}
