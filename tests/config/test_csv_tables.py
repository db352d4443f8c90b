"""CSV tables: what is read, what is refused, and at which line and column."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config.tables import MAX_BYTES, parse_table, read_table


def _said(text: str) -> list[str]:
    return [str(finding) for finding in parse_table(text, "tables/items.csv")[1]]


def test_rows_are_found_by_the_first_column() -> None:
    table, findings = parse_table("code,item,unit\n0123, GLV-M ,\n124,GWN-L,Box\n", "t.csv")
    assert not findings
    assert table is not None
    assert table.columns == ("code", "item", "unit")
    assert table.get("0123") == {"code": "0123", "item": "GLV-M", "unit": ""}
    assert table.get("123") is None
    assert table.rows("124") == [{"code": "124", "item": "GWN-L", "unit": "Box"}]
    assert table.rows("x") == ()
    assert list(table.keys()) == ["0123", "124"]
    assert len(table) == 2
    assert repr(table) == "Table('t', 2 rows)"


def test_blank_lines_comments_and_short_rows_are_read() -> None:
    table, findings = parse_table(
        "\ufeff# a\n\ncode,item\r\n\r\n#x,y\n1\n , \n2,'b'\n".lstrip("\ufeff"), "t.csv"
    )
    assert not findings
    assert table is not None
    assert [table.get(key) for key in table.keys()] == [  # noqa: SIM118
        {"code": "1", "item": ""},
        {"code": "2", "item": "'b'"},
    ]


def test_a_kit_has_several_rows_and_says_so() -> None:
    table, _ = parse_table("procedure,item\nA,x\nB,y\nA,z\n", "t.csv")
    assert table is not None
    assert [row["item"] for row in table.rows("A")] == ["x", "z"]
    assert list(table.repeated()) == [("A", 4)]


def test_quoted_cells_hold_commas_quotes_and_lines() -> None:
    table, findings = parse_table('code,item\n1,"a, ""b""\nc"\n2,d\n', "t.csv")
    assert not findings
    assert table is not None
    assert table.get("1") == {"code": "1", "item": 'a, "b"\nc'}
    assert table.lines == {"1": [2], "2": [4]}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "1:1: the table is empty (the first line names the columns)"),
        ("# only\n\n", "1:1: the table is empty (the first line names the columns)"),
        ("code,,unit\n", "1:6: column 2 has no name"),
        ("code,item,code\n", "1:11: column code is named twice"),
        ("code;item\n1;2\n", "1:1: the table has a single column (separate the columns with commas"),
        ("code,item\n1,a,b\n", "2:5: the row has 3 cells, the table 2 columns (a cell that holds"),
        ("code,item\n\n,a\n", "3:1: the key column code is empty"),
        ('code,item\n1,"a"b\n', "2:1: this row cannot be read as CSV"),
        ('code,item\n1,a\n2,"b\n', "3:1: this row cannot be read as CSV"),
        (",".join(f"c{number}" for number in range(101)), "1:1: a table may have 100 columns"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_named_with_line_and_column(text: str, finding: str) -> None:
    assert _said(text)[0].startswith(f"tables/items.csv:{finding}")


@pytest.mark.parametrize(
    ("raw", "finding"),
    [
        (b"code,item\n1,\xe9\n", "2:3: this byte is not UTF-8 (save the file as CSV in UTF-8)"),
        (b"code,item\n\0", "2:1: a NUL byte (save the file as CSV in UTF-8)"),
        ("code,item\n".encode("utf-16"), "1:4: a NUL byte (save the file as CSV in UTF-8)"),
        (b"x" * (MAX_BYTES + 1), "1:1: a table may have 16 MiB"),
    ],
)
def test_bytes_that_are_no_text_are_named(tmp_path: Path, raw: bytes, finding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    table, findings = read_table(path, "t.csv")
    assert table is None
    assert [str(one) for one in findings] == [f"t.csv:{finding}"]


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfcode,item\n1,a\n")
    table, _ = read_table(path, "t.csv")
    assert table is not None
    assert table.key == "code"


def test_a_file_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    _, findings = read_table(tmp_path / "none.csv", "none.csv")
    assert [str(one) for one in findings] == [
        "none.csv:1:1: the file cannot be read (is it there, and readable?)"
    ]


def test_a_table_of_two_hundred_thousand_rows_is_the_largest() -> None:
    rows = "".join(f"{number},x\n" for number in range(200_001))
    table, findings = parse_table("code,item\n" + rows, "t.csv")
    assert table is not None
    assert len(table) == 200_000
    assert str(findings[0]) == "t.csv:200002:1: a table may have 200000 rows"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_nothing_makes_it_raise(text: str) -> None:
    table, findings = parse_table(text, "t.csv")
    assert table is not None or findings


_cells = st.text(st.characters(categories=["L", "N", "P"], exclude_characters="#"), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(_cells, _cells, max_size=10))
def test_what_is_written_is_found(cells: dict[str, str]) -> None:
    quoted = {key: value.replace('"', '""') for key, value in cells.items()}
    text = "code,item\n" + "".join(
        f'"{key.replace(chr(34), chr(34) * 2)}","{value}"\n' for key, value in quoted.items()
    )
    table, findings = parse_table(text, "t.csv")
    assert not findings
    assert table is not None
    assert {key: (table.get(key) or {})["item"] for key in cells} == cells
