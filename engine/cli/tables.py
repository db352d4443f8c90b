"""`wardline tables`: code tables checked, compared, taken to Excel and back, and kept as Odoo has it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from engine.cli.named import counted
from engine.cli.show import JsonOption, print_json
from engine.config.finding import Finding
from engine.config.spec.tables import TableSpec
from engine.config.table_schema import TABLE_SUFFIX, schema_beside, schema_path
from engine.config.table_text import TableText
from engine.config.tables import read_table
from engine.errors import Misconfigured
from engine.workbench.spreadsheets import Sheet, read_workbook, workbook_of
from engine.workbench.table_changes import Change, Changed, Row, new_findings, with_rows

__all__ = ["tables"]

tables = typer.Typer(no_args_is_help=True, help="Code tables: check, compare, Excel, and what Odoo has.")

TableArgument = Annotated[Path, typer.Argument(help="The CSV file of a table.", dir_okay=False)]
YesOption = Annotated[bool, typer.Option("--yes", help="Write without asking.")]
EXCEL = ".xlsx"


@tables.command()
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="CSV files, or folders; default: channels/tables.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Hold tables against their schemas, used by a channel or not. Exit code 1 when there is an error."""
    files = _files(paths or [Path("channels/tables")])
    findings = sorted({one for path in files for one in read_table(path, str(path))[1]} | set(_alone(files)))
    if json:
        print_json(findings)
    else:
        _say(findings)
        typer.echo(f"{counted(len(files), 'table')}: {counted(len(findings), 'finding')}", err=True)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


@tables.command()
def export(
    table: TableArgument,
    output: Annotated[Path | None, typer.Option(help="Where to; default: NAME.xlsx in this folder.")] = None,
) -> None:
    """Write a table as an Excel workbook, every cell as text."""
    into = output or Path(table.stem + EXCEL)
    if into.exists():
        raise Misconfigured("this file is there already", where=str(into), hint="remove it, or --output")
    into.write_bytes(workbook_of(_text(table), table.stem, _schema(table)))
    typer.echo(str(into))


@tables.command("import")
def import_(
    workbook: Annotated[Path, typer.Argument(help="The workbook, as `wardline tables export` made it.")],
    table: TableArgument,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Take the rows of a workbook into a table: shown first, written when you say yes."""
    text, spec = _text(table), _schema(table)
    sheet = read_workbook(_bytes(workbook), str(workbook), text, spec)
    _told(sheet)
    _review([(table, with_rows(text, sheet.rows, spec))], yes=yes, json=json)


@tables.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A CSV file.")],
    new: Annotated[Path, typer.Argument(help="Another version of it, CSV or .xlsx.")],
    json: JsonOption = False,
) -> None:
    """Say row by row what differs between two versions of a table. Exit code 1 when something does."""
    if old.suffix == EXCEL:
        raise Misconfigured("the first one is a CSV file", where=str(old), hint="the workbook comes second")
    text, spec = _text(old), _schema(old)
    if new.suffix == EXCEL:
        sheet = read_workbook(_bytes(new), str(new), text, spec)
        _told(sheet)
        rows: Sequence[Row] = sheet.rows
    else:
        other = TableText(_text(new))
        if set(other.columns) != set(TableText(text).columns):
            hint = f"its columns: {', '.join(other.columns)}"
            raise Misconfigured("the two have other columns", where=str(new), hint=hint)
        rows = [other.cells(record) for record in other.rows]
    changed = with_rows(text, rows, spec)
    _show(changed.changes, json=json)
    if changed.changes:
        raise typer.Exit(1)


@tables.command()
def pull(
    connection: Annotated[str, typer.Option(help="The connection to Odoo, as channels name it.")],
    paths: Annotated[
        list[Path] | None, typer.Argument(help="CSV files, or folders; default: channels/tables.")
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove rows that Odoo has nothing for.")] = False,
    yes: YesOption = False,
    json: JsonOption = False,
) -> None:
    """Bring what comes from Odoo (`from_odoo:` of a schema) up to date: shown first, written when you say
    yes. Odoo is only read."""
    from engine.destinations.odoo import from_environment
    from engine.destinations.odoo.browsing import browse
    from engine.destinations.odoo.connecting import connect
    from engine.workbench.pulling import pulled

    asked = [(path, spec) for path in _files(paths or [Path("channels/tables")]) if (spec := _schema(path))]
    wanted = [(path, spec, spec.from_odoo.catalogue) for path, spec in asked if spec.from_odoo]
    if not wanted:
        raise Misconfigured("no table here comes from Odoo", hint="say from_odoo: in its schema")
    client = connect(from_environment(connection, os.environ))
    try:
        told = {catalogue: browse(client, catalogue) for catalogue in {one for _, _, one in wanted}}
    finally:
        client.close()
    asked_for = []
    for path, spec, catalogue in wanted:
        found = pulled(_text(path), spec, told[catalogue], prune=prune)
        records = counted(len(told[catalogue]), "record")
        typer.echo(f"{path}: {records} of Odoo's {catalogue}", err=True)
        for name in found.twice:
            typer.echo(f"warning: Odoo has {name} twice; the first is taken", err=True)
        if found.unnamed:
            typer.echo(f"{found.unnamed} of them in no row: a code is the hospital's to give", err=True)
        asked_for.append((path, found.changed))
    _review(asked_for, yes=yes, json=json)


def _review(asked_for: Sequence[tuple[Path, Changed]], *, yes: bool, json: bool) -> None:
    """Show what would change of each table, and write those that are in order and wanted."""
    if json:
        print_json({str(path): (*changed.changes, *changed.kept) for path, changed in asked_for})
    unwritten = [path for path, changed in asked_for if not _taken(path, changed, yes=yes, quiet=json)]
    if unwritten:
        raise typer.Exit(1)


def _taken(path: Path, changed: Changed, *, yes: bool, quiet: bool) -> bool:
    """Whether the table is as it is wanted by now."""
    if not quiet:
        _show((*changed.changes, *changed.kept), json=False)
        if changed.kept:
            typer.echo("those that are gone stay in the table (--prune removes them)", err=True)
    if not changed.changes:
        return True
    findings = new_findings(path, _text(path), changed.text)
    _say(findings, err=True)
    if any(finding.severity == "error" for finding in findings):
        typer.echo(f"{path} not written: it would not be as its schema says", err=True)
        return False
    if not yes and not (sys.stdin.isatty() and typer.confirm(f"Write {path}?", err=True)):
        typer.echo(f"{path} not written (--yes writes without asking)", err=True)
        return False
    _write(path, changed.text)
    typer.echo(f"{path} written", err=True)
    return True


def _show(changes: Sequence[Change], *, json: bool) -> None:
    if json:
        print_json(changes)
        return
    for change in changes:
        typer.echo(typer.style(str(change), fg=_COLOURS[change.kind]))
    counts = [(kind, sum(one.kind == kind for one in changes)) for kind in _COLOURS]
    said = ", ".join(f"{count} {kind}" for kind, count in counts if count)
    typer.echo(said or "no row differs", err=True)


_COLOURS = {"new": "green", "changed": "yellow", "gone": "red"}


def _told(sheet: Sheet) -> None:
    """What Excel made of cells. Raises `Misconfigured` when some of it cannot be taken."""
    _say((*sheet.notes, *sheet.findings), err=True)
    if sheet.findings:
        raise Misconfigured("nothing was taken from the workbook", hint="mend the cells above")


def _say(findings: Iterable[Finding], *, err: bool = False) -> None:
    for finding in findings:
        typer.echo(str(finding), err=err)


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(path.glob("*.csv")) or sorted(path.glob("tables/*.csv"))
        elif path.is_file():
            found.append(path)
        else:
            raise Misconfigured("no such file or folder", where=str(path))
    if not found:
        raise Misconfigured("there is no table here", where=str(paths[0]), hint="NAME.csv")
    return found


def _alone(files: Sequence[Path]) -> Iterator[Finding]:
    """Schemas without a table."""
    for folder in sorted({path.parent for path in files}):
        for schema in sorted(folder.glob(f"*{TABLE_SUFFIX}")):
            table = schema.with_name(schema.name.removesuffix(TABLE_SUFFIX) + ".csv")
            if not table.is_file():
                yield Finding(str(schema), 1, 1, f"there is no table {table.name} beside it", "remove it")


def _schema(table: Path) -> TableSpec | None:
    spec, findings = schema_beside(table, str(table))
    if findings:
        raise Misconfigured("\n".join(map(str, findings)), hint="see `wardline tables check`")
    return spec if schema_path(table).is_file() else None


def _text(table: Path) -> str:
    """A table's text. Raises `Misconfigured` when it is none."""
    read, findings = read_table(table, str(table))
    if read is None:
        raise Misconfigured("\n".join(map(str, findings)))
    return _bytes(table).decode()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise Misconfigured("the file cannot be read", where=str(path)) from None


def _write(path: Path, text: str) -> None:
    """Put the text in the file's place, whole or not at all."""
    with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as made:
        made.write(text.encode())
    beside = Path(made.name)
    beside.chmod(path.stat().st_mode)
    beside.replace(path)
