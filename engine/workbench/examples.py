"""The examples of the manual: real files below `docs/examples/language`, and what each uses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import get_annotations
from pathlib import Path
from typing import get_origin

import msgspec
from pydantic import BaseModel

from engine.config.elsewhere import fields_of, models_in
from engine.config.finding import Place
from engine.config.reading import Node, read_yaml
from engine.transforms.verb import Verb
from engine.workbench.language import FILES, Construct

__all__ = ["EXAMPLES", "Example", "Use", "example_of", "read_examples"]

EXAMPLES = "docs/examples/language"

_WHERE = {
    "channel": "*.yaml",
    "test-file": "*.test.yaml",
    "table-file": "tables/*.table.yaml",
    "site": "sites/*.yaml",
    "clients-file": "fhir/*.yaml",
}
"""Which files are examples of which kind."""

_OTHERS = (".test.yaml", ".table.yaml")


class Use(msgspec.Struct, frozen=True):
    """A key of a model, used on a line of a file (from 1)."""

    model: type[BaseModel]
    key: str
    line: int


class Example(msgspec.Struct, frozen=True):
    """One file: its kind, its path from the project's root, its lines and what it uses."""

    kind: str
    path: str
    rows: tuple[str, ...]
    uses: tuple[Use, ...]

    @property
    def stem(self) -> str:
        """Its name without suffixes."""
        return Path(self.path).name.partition(".")[0]

    def line_of(self, model: type[BaseModel], key: str) -> int:
        """The first line that uses a key, in this model or another that has it of the same one; 0: none."""
        of = _owner(model, key)
        return next((use.line for use in self.uses if use.key == key and _owner(use.model, key) is of), 0)

    def has(self, construct: Construct) -> bool:
        """Whether it uses the construct at all."""
        if isinstance(construct.of, Verb):
            return any(_calls(row, construct.of.name) for row in self.rows)
        return any(use.model is construct.of for use in self.uses)

    def block(self, key: str) -> str:
        """The lines of a key at the top of the file, with the comments right above it."""
        starts = [at for at, row in enumerate(self.rows) if row.startswith(f"{key}:")]
        if not starts:
            return ""
        first = last = starts[0]
        while last + 1 < len(self.rows) and (self.rows[last + 1][:1] in (" ", "-", "")):
            last += 1
        while first and self.rows[first - 1].startswith("# ") and first > 1:
            first -= 1
        return "\n".join(self.rows[first : last + 1]).rstrip()


def read_examples(root: Path) -> list[Example]:
    """Every example below the project's root, by kind and name."""
    found: list[Example] = []
    for kind, pattern in _WHERE.items():
        files = sorted((root / EXAMPLES).glob(pattern))
        own = [path for path in files if kind.endswith("-file") or not path.name.endswith(_OTHERS)]
        found += [_example(kind, path, str(path.relative_to(root))) for path in own]
    return found


def example_of(construct: Construct, examples: Sequence[Example]) -> Example | None:
    """The example of a construct: the file that has its name, else the first that uses it."""
    fitting = [one for one in examples if one.kind == construct.file and one.has(construct)]
    own = [one for one in fitting if one.stem == construct.name]
    return next(iter(own or fitting), None)


def _example(kind: str, path: Path, shown: str) -> Example:
    raw = path.read_bytes()
    reading = read_yaml(raw, shown)
    uses = () if reading.data is None else tuple(_uses(FILES[kind], reading.data, ()))
    lines = reading.positions.keys
    placed = tuple(Use(model, key, lines[place].line) for model, key, place in uses if place in lines)
    return Example(kind, shown, tuple(raw.decode().splitlines()), placed)


def _uses(model: type[BaseModel], data: Node, place: Place) -> Iterator[tuple[type[BaseModel], str, Place]]:
    """The keys of models that a file uses, each with its place."""
    if isinstance(data, list):
        for number, part in enumerate(data):
            yield from _uses(model, part, (*place, number))
    elif isinstance(data, dict):
        fields = fields_of(model)
        for key in data.keys() & fields.keys():
            yield model, key, (*place, key)
            yield from _below(fields[key].annotation, data[key], (*place, key))


def _below(annotation: object, data: Node, place: Place) -> Iterator[tuple[type[BaseModel], str, Place]]:
    for model in models_in(annotation):
        if get_origin(annotation) is dict and isinstance(data, dict):
            for name, part in data.items():
                yield from _uses(model, part, (*place, name))
        else:
            yield from _uses(model, data, place)


def _owner(model: type[BaseModel], key: str) -> type:
    """The class that a model has a key of."""
    names = [name for name, field in model.model_fields.items() if key in (name, field.alias)]
    return next(one for one in reversed(model.__mro__) if names[0] in get_annotations(one))


def _calls(row: str, verb: str) -> bool:
    """Whether a line of a channel file uses a verb."""
    return f"| {verb}" in row or f"{verb}(" in row
