"""Schemas beside tables: each cell that is not as its column says is named with its place, and a schema that
cannot be meant with its own; the shipped tables have one each."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.lint.tables import day_of
from engine.config.table_schema import parts_of, schema_path
from engine.config.tables import read_table
from engine.transforms.ucum import ratio_of

SHIPPED = Path(__file__).parents[2] / "channels/tables"

SCHEMA = """\
description: Charge code → item.
owner: materials@hospital.example
columns:
  code: {type: code, required: yes}
  item: {type: item, required: yes}
  stocked: {type: yes-no}
  price: {type: number}
  pack: {type: ratio}
  kind: {one_of: [drug, device]}
  since: {type: date}
  until: {type: date}
  barcode: {unique: yes}
  kit: {in: kits}
"""
ODOO, ITEM = "from_odoo: {catalogue: ", "columns: {item"
DATED = SCHEMA + "valid: {from: since, until: until}\n"
HEAD = "code,item,stocked,price,pack,kind,since,until,barcode,kit\n"


@pytest.fixture
def findings(tmp_path: Path):
    """What is found in a table with its schema, by line and column."""
    (tmp_path / "kits.csv").write_text("# kits\nkit,item\nmonitored,GLV-M\n")

    def found(rows: str, schema: str = SCHEMA, head: str = HEAD) -> list[str]:
        (tmp_path / "items.csv").write_text(head + rows)
        (tmp_path / "items.table.yaml").write_text(schema)
        said = read_table(tmp_path / "items.csv", "items.csv")[1]
        return [str(finding) for finding in said]

    return found


def test_a_table_as_its_schema_says_has_no_finding(findings) -> None:
    row = '0123,"GLV, M",yes,1.50,1/3,drug,2026-01-01,2026-12-31,40,monitored\n0124,X\n'
    assert findings("# rows\n\n" + row) == []


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ("1,,yes", "2:3: item may not be empty (fill it in)"),
        ("1 2,X", "2:1: code is no code: it has blanks (letters, digits and signs)"),
        ("1,X,Yes", "2:5: stocked is neither yes nor no"),
        ('"1","X, Y",no,"1,5"', '2:15: price is a number with a comma: decimal mark or thousands?'),
        ("1,X,,,0", "2:7: pack is no ratio above zero (write it like 100, 0.5 or 1/3)"),
        ("1,X,,,1/0", "2:7: pack is no ratio above zero"),
        ("1,X,,,,Drug", "2:8: kind is none of drug, device"),
        ("1,X,,,,,1.1.2026", "2:9: since is no day (write it like 2026-11-30)"),
        ("1,X,,,,,2026-02-30", "2:9: since is no day"),
        ("1,X,,,,,,,40\n2,X,,,,,,,40", "3:11: barcode stands on line 2 already (it is unique)"),
        ("1,X,,,,,,,,monitoredd", "2:12: kit is not among the codes of kits (did you mean monitored?)"),
        ("1,X\n2,Y\n1,Z", "4:1: 1 has a row on line 2 already (one row per code)"),
        ("1,X\x07", "2:3: item is no name: it has a control character (retype it)"),
        (f"1,{'X' * 251}", "2:3: item is longer than 250 characters"),
        ('"1",X,"a\nb",x', "2:7: stocked is neither yes nor no"),
    ],
)  # fmt: skip
def test_a_cell_that_is_not_as_its_column_says_is_named_with_its_place(
    findings,
    row: str,
    finding: str,
) -> None:
    assert findings(row + "\n")[0].startswith(f"items.csv:{finding}")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1,X,,,,,2026-01-01,2026-03-31\n1,Y,,,,,2026-04-01,\n", ""),
        ("1,X,,,,,,2026-03-31\n1,Y,,,,,2026-03-31,\n", "3:1: 1 has a row on line 2 already on the same days"),
        ("1,X,,,,,2026-04-01,2026-03-31\n", "2:20: until lies before since (the row would never hold)"),
        ("1,X\n1,Y,,,,,2026-01-01,\n", "3:1: 1 has a row on line 2 already on the same days"),
    ],
)  # fmt: skip
def test_rows_of_one_code_follow_each_other(findings, rows: str, said: str) -> None:
    found = findings(rows, DATED)
    assert found[0].startswith(f"items.csv:{said}") if said else found == []


def test_a_kit_names_its_rows_by_two_columns(findings) -> None:
    schema = SCHEMA + "key: [code, item]\n"
    assert findings("1,X\n1,Y\n", schema) == []
    assert findings("1,X\n1,X\n", schema)[0].startswith("items.csv:3:1: 1 X has a row on line 2 already")


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("owner: materials@hospital.example\n", "", "1:1: owner is missing (Who answers for its rows"),
        ("type: item", "type: itm", "5:16: type cannot be itm (did you mean item?)"),
        ("unique: yes", "unque: yes", "12:13: unknown key unque"),
        ("{in: kits}", "{in: kit}", "13:13: there is no table kit beside it (did you mean kits?)"),
        ("{one_of: [", "{type: number, one_of: [", "9:24: one_of does not go with type: number"),
        ("  since: {type: date}", "  since: {}", "14:15: column since holds no days (give since type: date)"),
        ("{from: since,", "{from: sinc,", "14:15: there is no column sinc (did you mean since?)"),
        ("valid:", "key: [code, itme]\nvalid:", "14:13: there is no column itme (did you mean item?)"),
        ("valid:", f"{ODOO}items, {ITEM}: cod}}}}\nvalid:", "14:47: the catalogue of items says no cod"),
        ("valid:", f"{ODOO}units, {ITEM}: of}}}}\nvalid:", "14:40: no column holds the name"),
    ],
)  # fmt: skip
def test_a_schema_that_cannot_be_meant_is_named_with_its_place(
    findings,
    old: str,
    new: str,
    finding: str,
) -> None:
    assert old in DATED
    found = findings("1,X\n", DATED.replace(old, new, 1))
    assert any(one.startswith(f"items.table.yaml:{finding}") for one in found), found


def test_columns_and_schema_name_the_same(findings) -> None:
    found = findings("1,X\n", head="code,itm\n", schema=SCHEMA.split("  price")[0])
    assert found == [
        "items.csv:1:6: the schema has no column itm (did you mean item?)",
        "items.csv:1:9: column item of the schema is missing (add it, or take it out of columns:)",
        "items.csv:1:9: column stocked of the schema is missing (add it, or take it out of columns:)",
    ]


def test_what_odoo_did_not_have_when_it_was_pulled_is_a_warning(findings, tmp_path: Path) -> None:
    (tmp_path / "kits.table.yaml").write_text(
        "description: x\nowner: a@b.example\ncolumns: {kit: {}, item: {}}\n"
        "from_odoo: {catalogue: items, columns: {kit: code}}\n"
    )
    assert findings("1,X,,,,,,,,other\n")[0].startswith("items.csv:2:12: warning: kit is not among")


def test_the_parts_of_a_table_are_its_files_and_those_it_refers_to(findings, tmp_path: Path) -> None:
    findings("1,X\n")
    names = [path.name for path in parts_of(tmp_path / "items.csv")]
    assert names == ["items.csv", "items.table.yaml", "kits.csv"]


@given(st.dates())
def test_days_are_read_as_they_are_written(day: date) -> None:
    assert day_of(day.isoformat()) == day


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_ratios_are_exact(one: int, other: int) -> None:
    assert ratio_of(f"{one}/{other}") == Fraction(one, other)
    assert ratio_of(f"-{one}") is None


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.csv")), ids=lambda path: path.stem)
def test_each_shipped_table_has_a_schema_and_no_finding(path: Path) -> None:
    assert schema_path(path).is_file()
    table, found = read_table(path, path.name)
    assert table is not None
    assert found == []
