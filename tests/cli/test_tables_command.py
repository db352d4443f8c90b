"""`wardline tables`: nothing is written unseen or otherwise than the schema says."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from engine.cli import app
from engine.cli.ending import ENDING
from engine.errors import Misconfigured

SCHEMA = """\
description: Charge code → item.
owner: materials@hospital.example
columns:
  code: {type: code, required: yes}
  item: {type: item, required: yes}
  stocked: {type: yes-no}
"""
TEXT = "# ours\ncode,item,stocked\n0123,GLV-M,yes\n\n0124,GWN-L,no\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "tables"
    made.mkdir()
    (made / "items.csv").write_text(TEXT)
    (made / "items.table.yaml").write_text(SCHEMA)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def run() -> Callable[..., Result]:
    def ran(*words: object) -> Result:
        with ENDING:
            return CliRunner().invoke(app, ["tables", *map(str, words)])

    return ran


def _edited(path: Path, **cells: Any) -> None:
    book = load_workbook(io.BytesIO(path.read_bytes()))
    for name, value in cells.items():
        book.worksheets[0][name] = value
    book.save(path)


def test_check_finds_what_no_channel_uses_and_a_schema_without_a_table(
    folder: Path, run: Callable[..., Result]
) -> None:
    assert run("check", folder).exit_code == 0
    (folder / "items.csv").write_text(TEXT.replace(",no", ",No"))
    (folder / "gone.table.yaml").write_text(SCHEMA)
    found = run("check", folder)
    assert found.exit_code == 1
    assert "gone.table.yaml:1:1: there is no table gone.csv beside it (remove it)" in found.output
    assert "items.csv:5:12: stocked is neither yes nor no" in found.output
    assert len(json.loads(run("check", "--json", folder).stdout)) == 2


def test_a_table_goes_out_and_comes_back_with_its_changes(folder: Path, run: Callable[..., Result]) -> None:
    assert run("export", folder / "items.csv").stdout == "items.xlsx\n"
    assert run("import", "items.xlsx", folder / "items.csv").output == "no row differs\n"
    _edited(Path("items.xlsx"), B2="GLV-L", A4="0125", B4="SUT-30", C4="yes")
    seen = run("import", "items.xlsx", folder / "items.csv")
    assert seen.exit_code == 1
    assert (
        "changed  0123 (line 3): item: GLV-M → GLV-L\nnew      0125: item SUT-30, stocked yes" in seen.output
    )
    assert "not written" in seen.output
    assert (folder / "items.csv").read_text() == TEXT
    (told,) = json.loads(run("import", "--json", "items.xlsx", folder / "items.csv").stdout).values()
    assert [change["kind"] for change in told] == ["changed", "new"]
    assert run("import", "items.xlsx", folder / "items.csv", "--yes").exit_code == 0
    assert (folder / "items.csv").read_text() == TEXT.replace("GLV-M", "GLV-L") + "0125,SUT-30,yes\n"
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_what_is_not_as_the_schema_says_is_not_written(folder: Path, run: Callable[..., Result]) -> None:
    run("export", folder / "items.csv")
    _edited(Path("items.xlsx"), C2="maybe")
    found = run("import", "items.xlsx", folder / "items.csv", "--yes")
    assert found.exit_code == 1
    assert "stocked is neither yes nor no" in found.output
    assert "items.csv not written: it would not be as its schema says" in found.output
    assert (folder / "items.csv").read_text() == TEXT


def test_a_byte_order_mark_hides_nothing_from_the_schema(folder: Path, run: Callable[..., Result]) -> None:
    table = folder / "items.csv"
    table.write_text("\ufeff" + TEXT)
    assert run("export", table).exit_code == 0
    _edited(Path("items.xlsx"), B2="")
    result = run("import", "items.xlsx", table, "--yes")
    assert (result.exit_code, table.read_text()) == (1, "\ufeff" + TEXT)
    assert "not written" in result.stderr


def test_a_folder_of_channels_has_its_tables(folder: Path, run: Callable[..., Result]) -> None:
    (folder / "items.csv").write_text(TEXT + "0125,,no\n")
    result = run("check", folder.parent)
    assert (result.exit_code, "items.csv:6:6" in result.stdout) == (1, True)


def test_what_excel_lost_is_not_taken(folder: Path, run: Callable[..., Result]) -> None:
    run("export", folder / "items.csv")
    _edited(Path("items.xlsx"), A2=123)
    found = run("import", "items.xlsx", folder / "items.csv", "--yes")
    assert isinstance(found.exception, Misconfigured)
    assert "items.xlsx:2:1: A2 (code): Excel made a number" in found.output
    assert (folder / "items.csv").read_text() == TEXT


def test_diff_says_what_differs_of_two_files(folder: Path, run: Callable[..., Result]) -> None:
    other = folder / "other.csv"
    other.write_text(TEXT.replace("GLV-M", "GLV-L"))
    found = run("diff", folder / "items.csv", other)
    assert found.exit_code == 1
    assert found.stdout == "changed  0123 (line 3): item: GLV-M → GLV-L\n"
    (change,) = json.loads(run("diff", "--json", folder / "items.csv", other).stdout)
    assert (change["kind"], change["cells"]) == ("changed", [["item", "GLV-M", "GLV-L"]])
    assert run("diff", folder / "items.csv", folder / "items.csv").exit_code == 0
    other.write_text("code,thing\n1,x\n")
    assert isinstance(run("diff", folder / "items.csv", other).exception, Misconfigured)


def test_the_first_of_two_is_no_workbook(folder: Path, run: Callable[..., Result]) -> None:
    run("export", folder / "items.csv")
    result = run("diff", "items.xlsx", folder / "items.csv")
    assert isinstance(result.exception, Misconfigured)
    assert "the first one is a CSV file" in str(result.exception)


def test_nothing_is_written_over(folder: Path, run: Callable[..., Result]) -> None:
    run("export", folder / "items.csv")
    assert isinstance(run("export", folder / "items.csv").exception, Misconfigured)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "nowhere"), "no such file or folder"),
        (("export", "nowhere.csv"), "the file cannot be read"),
        (("import", "none.xlsx", "tables/items.csv"), "the file cannot be read"),
        (("pull", "--connection", "hospital-odoo", "tables"), "no table here comes from Odoo"),
    ],
)
def test_what_is_not_there_is_said(
    folder: Path, run: Callable[..., Result], words: tuple[str, ...], said: str
) -> None:
    assert said in str(run(*words).exception)
