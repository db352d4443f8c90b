"""The language of channel files and what lies beside them, as its own shape says it: every construct with its
keys, what they hold and what they mean. The manual's pages (`engine.workbench.manual`) are made of this.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from annotated_types import Ge, Le
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.config.cases.files import CaseFile
from engine.config.elsewhere import fields_of, models_in
from engine.config.spec import ChannelSpec
from engine.config.spec.clients import ClientsSpec
from engine.config.spec.sites import SiteSpec
from engine.config.spec.tables import TableSpec
from engine.config.spec.words import Kind
from engine.transforms.verb import Verb
from engine.transforms.verbs import VERBS

__all__ = ["FILES", "Construct", "Key", "constructs", "keys_of", "said_of"]

FILES: dict[str, type[BaseModel]] = {
    "channel": ChannelSpec,
    "test-file": CaseFile,
    "table-file": TableSpec,
    "site": SiteSpec,
    "clients-file": ClientsSpec,
}
"""Each kind of file, by the name of its page."""


class Construct(msgspec.Struct, frozen=True):
    """One part of the language: what a mapping of a file may hold, or a verb. `way` are the keys that lead to
    it, `file` is the kind of file that it stands in."""

    name: str
    file: str
    way: tuple[str, ...]
    of: type[BaseModel] | Verb


class Key(msgspec.Struct, frozen=True):
    """One key: what it holds (`page` is the construct that says more), what it is when it is left out (empty:
    nothing; None: it must be there), what it means."""

    name: str
    holds: str
    page: str
    otherwise: str | None
    means: str


def constructs() -> list[Construct]:
    """All of them, each model once, in the order of the files; then the verbs."""
    found: dict[type[BaseModel], Construct] = {}
    for file, model in FILES.items():
        for way, part in _parts(model, ()):
            found.setdefault(part, Construct("-".join(way) or file, file, way, part))
    verbs = [Construct(f"verb-{verb.name}", "channel", (), verb) for verb in VERBS.values()]
    return [*found.values(), *verbs]


def _parts(model: type[BaseModel], way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    yield way, model
    for key, field in fields_of(model).items():
        for below in models_in(field.annotation):
            yield from _parts(below, (*way, key))


def said_of(construct: Construct) -> str:
    """What a construct says of itself, as Markdown."""
    if isinstance(construct.of, Verb):
        return inspect.cleandoc(sys.modules[construct.of.build.__module__].__doc__ or "")
    return inspect.cleandoc(construct.of.__doc__ or "")


def keys_of(construct: Construct) -> list[Key]:
    """The keys of a construct; a verb has none."""
    if isinstance(construct.of, Verb):
        return []
    pages = {one.of: one.name for one in constructs() if not isinstance(one.of, Verb)}
    found = []
    for name, field in fields_of(construct.of).items():
        below = models_in(field.annotation)
        page = pages[below[0]] if below else ""
        means = field.description or (_sentence(below[0]) if below else "")
        found.append(Key(name, _holds(field), page, _otherwise(field), means))
    return found


def _sentence(model: type[BaseModel]) -> str:
    """The first that a model says of itself."""
    return inspect.cleandoc(model.__doc__ or "").partition("\n\n")[0].replace("\n", " ")


def _otherwise(field: FieldInfo) -> str | None:
    if field.is_required():
        return None
    default = field.default
    if isinstance(default, bool):
        return "yes" if default else "no"
    if default is PydanticUndefined or default is None or isinstance(default, dict | BaseModel):
        return ""
    return ", ".join(default) if isinstance(default, list) else str(default)


def _holds(field: FieldInfo) -> str:
    annotation: Any = field.annotation
    return _in_words(Annotated[(annotation, *field.metadata)] if field.metadata else annotation)


def _in_words(annotation: Any) -> str:
    """A type as an analyst would say it."""
    origin, given = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        kinds = [one.text for one in annotation.__metadata__ if isinstance(one, Kind)]
        return kinds[0] if kinds else _in_words(given[0]) + _limits(annotation.__metadata__)
    if origin is Literal:
        words = [f"`{word}`" if word else "nothing" for word in given]
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_in_words(one) for one in given if one is not NoneType))
    if origin is list:
        return f"list of {_in_words(given[0])}"
    if origin is dict:
        return f"{_in_words(given[0])} → {_in_words(given[1])}"
    return _plain(annotation)


def _plain(annotation: Any) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys"
    words = {bool: "yes or no", int: "whole number", float: "number", str: "text", Any: "anything"}
    return words.get(annotation, "word")


def _limits(metadata: tuple[Any, ...]) -> str:
    least = next((one.ge for one in metadata if isinstance(one, Ge)), None)
    most = next((one.le for one in metadata if isinstance(one, Le)), None)
    if most is not None:
        return f", {least} to {most}"
    return f", at least {least}" if least is not None else ""
