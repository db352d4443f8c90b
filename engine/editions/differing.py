"""What one edition has other than another: in its files, line by line and place by place."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import msgspec

from engine.config.cases.reading import CASES_SUFFIX
from engine.config.flattening import leaves
from engine.config.reading import read_yaml
from engine.config.tables import parse_table
from engine.editions.packing import Packed

__all__ = ["FileChange", "changes"]


class FileChange(msgspec.Struct, frozen=True):
    """A file that is not the same: `what` became of it, the `places` that say something else (of a channel
    file `effects[2].charge.item`, of cases `cases[2]`, of a table the keys of its rows), and the `lines` of a
    unified diff."""

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
    """Where a changed file says something else, in the order of the file."""
    says = _rows if name.endswith(".csv") else _leaves if name.endswith((".yaml", ".yml")) else None
    if says is None:
        return
    before, after = says(name, old), says(name, new)
    found = [place for place in {**after, **before} if before.get(place) != after.get(place)]
    if name.endswith(CASES_SUFFIX):
        found = [place.partition(".")[0] for place in found]
    yield from dict.fromkeys(found)


def _leaves(name: str, raw: bytes) -> dict[str, object]:
    return dict(leaves(read_yaml(raw, name).data))


def _rows(name: str, raw: bytes) -> dict[str, object]:
    table, _ = parse_table(_text(raw), name)
    return {key: list(table.rows(key)) for key in table.keys()} if table else {}  # noqa: SIM118


def _text(raw: bytes) -> str:
    return raw.decode("utf-8-sig", "backslashreplace")


def _lines(name: str, old: bytes, new: bytes) -> Iterator[str]:
    before, after = (_text(one).splitlines() for one in (old, new))
    yield from difflib.unified_diff(before, after, f"a/{name}", f"b/{name}", lineterm="", n=2)
