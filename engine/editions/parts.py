"""Which files the channels of a folder are made of: what they name, and what lies beside by its name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from engine.config.cases.reading import CASES_SUFFIX
from engine.config.cases.tables import written_out
from engine.config.loading import channel_files
from engine.config.reading import MAX_BYTES, Node, read_yaml
from engine.config.sites import overlays_of
from engine.config.table_schema import parts_of as parts_of_table
from engine.errors import Misconfigured

__all__ = ["parts_of"]

_YAML: Final = frozenset({".yaml", ".yml"})
_NAMING: Final = frozenset({"profile", "clients", "jwks", "file", "rows"})
"""Keys whose text may be the name of a file beside the one that says it."""

_TABLES: Final = "tables"


def parts_of(folder: Path, sites: Sequence[str] = ()) -> list[Path]:
    """The files that the channels of `folder` are made of with these sites, by name: channel files and their
    cases; tables and their schemas; profiles; clients and their keys; messages of cases; functions; overlays
    with their cases. Raises `Misconfigured` when there is no channel, or not one of the sites."""
    folder = Path(os.path.normpath(folder))
    channels = channel_files([folder])
    if not channels:
        raise Misconfigured("there is no channel file here", where=str(folder), hint="NAME.yaml")
    overlays = [one.path for one in overlays_of(folder, sites)]
    found: set[Path] = set()
    of_sites = {path.with_name(path.stem + ending) for path in overlays for ending in (".yaml", CASES_SUFFIX)}
    waiting = [*channels, *overlays, *sorted((folder / "functions").glob("*.py"))]
    while waiting:
        path = waiting.pop()
        if path not in found and _is_file(path):
            found.add(path)
            waiting += _beside(path)
            base = folder if path in of_sites else path.parent
            waiting += [Path(os.path.normpath(base / name)) for name in _names(path)]
    return sorted(found)


def _beside(path: Path) -> Iterator[Path]:
    """What belongs to a file by its name."""
    if path.suffix in _YAML:
        yield path.with_name(path.stem + CASES_SUFFIX)
    elif path.suffix == ".csv":
        yield from parts_of_table(path)


def _names(path: Path) -> Iterator[str]:
    """The files that a file names. One that cannot be read names none: lint tells what is wrong with it."""
    if path.suffix in _YAML:
        with path.open("rb") as file:
            reading = read_yaml(file.read(MAX_BYTES + 1), str(path))
        yield from _named(reading.data)
        if path.name.endswith(CASES_SUFFIX) and reading.data is not None:  # `file: "{row}.hl7"`
            yield from _named(written_out(reading.data, reading.positions, path.parent).data)


def _named(node: Node | None) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from _named(part)
    elif isinstance(node, dict):
        for key, part in node.items():
            if isinstance(part, str) and key in _NAMING:
                yield part
            elif key == _TABLES and isinstance(part, dict):
                yield from (one for one in part.values() if isinstance(one, str))
            yield from _named(part)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no name that a file could have
        return False
