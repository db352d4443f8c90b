"""What one edition has other than another: in its files, line by line and place by place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import msgspec

from engine.config.flattening import leaves
from engine.config.reading import read_yaml
from engine.editions.packing import Packed

__all__ = ["FileChange", "changes"]


class FileChange(msgspec.Struct, frozen=True):
    """A file that is not the same: `what` became of it, the `places` of a YAML file that say something else
    (`effects[2].charge.item`), and the `lines` of a unified diff."""

    file: str
    what: str  # added, removed, changed
    places: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def changes(before: Packed, after: Packed) -> list[FileChange]:
    """The files that differ, by name."""
    names = sorted(before.files.keys() | after.files.keys())
    return [
        _change(name, before.files.get(name), after.files.get(name))
        for name in names
        if before.files.get(name) != after.files.get(name)
    ]


def _change(name: str, old: bytes | None, new: bytes | None) -> FileChange:
    what = "added" if old is None else "removed" if new is None else "changed"
    places = tuple(_places(name, old, new)) if old is not None and new is not None else ()
    return FileChange(name, what, places, tuple(_lines(name, old or b"", new or b"")))


def _places(name: str, old: bytes, new: bytes) -> Iterator[str]:
    if not name.endswith((".yaml", ".yml")):
        return
    before, after = (dict(leaves(read_yaml(one, name).data)) for one in (old, new))
    for place in sorted(before.keys() | after.keys()):
        if before.get(place) != after.get(place):
            yield place


def _lines(name: str, old: bytes, new: bytes) -> Iterator[str]:
    before, after = (one.decode("utf-8", "backslashreplace").splitlines() for one in (old, new))
    yield from difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm="", n=2)
