"""The schema beside a table: found, read, and held against itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.config.finding import Finding, Problem
from engine.config.lint.people import check_owner
from engine.config.reading import MAX_BYTES, read_yaml
from engine.config.spec.tables import CATALOGUES, TableSpec
from engine.config.validation import validate
from engine.transforms.wording import listed, meant

__all__ = ["TABLE_SUFFIX", "parts_of", "schema_beside", "schema_path"]

TABLE_SUFFIX = ".table.yaml"


def schema_path(table: Path) -> Path:
    """Where the schema of a CSV file lies, if it has one."""
    return table.with_name(table.stem + TABLE_SUFFIX)


def schema_beside(table: Path, shown: str) -> tuple[TableSpec | None, list[Finding]]:
    """The schema of the CSV file at `table` (which findings call `shown`) and what is wrong with it; None
    without a finding when there is none."""
    path = schema_path(table)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)  # one more than it may have: reading says so
    except FileNotFoundError:
        return None, []
    except OSError:
        at = str(schema_path(Path(shown)))
        return None, [Finding(at, 1, 1, "the file cannot be read", "is it readable?")]
    reading = read_yaml(raw, str(schema_path(Path(shown))))
    if reading.data is None:
        return None, reading.findings
    spec, problems = validate(TableSpec, reading.data)
    if spec is not None:
        problems += (*check_owner(spec.owner, ("owner",), "table"), *_columns(spec))
        problems += (*_valid(spec), *_from_odoo(spec))
        problems += (problem for name in spec.columns for problem in _within(spec, name, table))
    return spec, [*reading.findings, *map(reading.positions.finding, problems)]


def parts_of(table: Path) -> tuple[Path, ...]:
    """The files that a table is made of: itself, its schema, and those of the tables that it refers to."""
    found: list[Path] = []
    waiting = [table]
    while waiting:
        path = waiting.pop(0)
        if path in found or not path.is_file():
            continue
        found.append(path)
        spec, _ = schema_beside(path, str(path))
        if schema_path(path).is_file():
            found.append(schema_path(path))
        if spec is not None:
            waiting += [path.with_name(f"{one.within}.csv") for one in spec.columns.values() if one.within]
    return tuple(found)


def _columns(spec: TableSpec) -> Iterator[Problem]:
    names = list(spec.columns)
    for number, name in enumerate(spec.key):
        if name not in names:
            yield Problem(("key", number), f"there is no column {name}", meant(name, names))
        elif name in spec.key[:number]:
            yield Problem(("key", number), f"column {name} is named twice", "remove one")
    for name, column in spec.columns.items():
        if column.one_of and column.type not in ("text", "code"):
            text = f"one_of does not go with type: {column.type}"
            yield Problem(("columns", name, "one_of"), text, "leave the type out", on_key=True)


def _valid(spec: TableSpec) -> Iterator[Problem]:
    if spec.valid is None:
        return
    for word, name in (("from", spec.valid.since), ("until", spec.valid.until)):
        column = spec.columns.get(name)
        if column is None:
            yield Problem(("valid", word), f"there is no column {name}", meant(name, spec.columns))
        elif column.type != "date":
            yield Problem(("valid", word), f"column {name} holds no days", f"give {name} type: date")


def _from_odoo(spec: TableSpec) -> Iterator[Problem]:
    if spec.from_odoo is None:
        return
    says = CATALOGUES[spec.from_odoo.catalogue]
    for name, said in spec.from_odoo.columns.items():
        place = ("from_odoo", "columns", name)
        if name not in spec.columns:
            text = f"there is no column {name}"
            yield Problem(place, text, meant(name, spec.columns), on_key=True)
        if said not in says:
            text = f"the catalogue of {spec.from_odoo.catalogue} says no {said}"
            yield Problem(place, text, meant(said, says))
    if set(spec.from_odoo.columns.values()) <= set(says) - {says[0]}:
        text = f"no column holds the {says[0]}, by which Odoo knows what a row is about"
        yield Problem(("from_odoo", "columns"), text, f"it says {listed(says)}")


def _within(spec: TableSpec, name: str, table: Path) -> Iterator[Problem]:
    other = spec.columns[name].within
    if other is not None and not table.with_name(f"{other}.csv").is_file():
        there = sorted(path.stem for path in table.parent.glob("*.csv") if path != table)
        yield Problem(("columns", name, "in"), f"there is no table {other} beside it", meant(other, there))
