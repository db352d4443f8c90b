"""Tables through Excel and back: nothing is lost on the way, and what Excel makes of cells is told."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from engine.config.spec.tables import TableSpec
from engine.errors import Misconfigured
from engine.workbench.spreadsheets import read_workbook, workbook_of
from engine.workbench.table_changes import with_rows

SPEC = TableSpec.model_validate(
    {
        "description": "Charge code → item.",
        "owner": "materials@hospital.example",
        "columns": {
            "code": {"type": "code", "required": True, "description": "As the sender writes it."},
            "item": {"type": "item"},
            "price": {"type": "number"},
            "stocked": {"type": "yes-no"},
            "since": {"type": "date"},
            "note": {"type": "text"},
        },
    }
)
TEXT = "# ours\ncode,item,price,stocked,since,note\n0123,GLV-M,1.50,yes,2026-01-01,=1+1\n1E5,GWN,,no,,#N/A\n"


def _edited(**cells: Any) -> bytes:
    """The workbook of the table with some cells (`B2`) written over."""
    book = load_workbook(io.BytesIO(workbook_of(TEXT, "items", SPEC)))
    for name, value in cells.items():
        book.worksheets[0][name] = value
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _read(raw: bytes) -> tuple[list[str], list[str], list[str]]:
    sheet = read_workbook(raw, "items.xlsx", TEXT, SPEC)
    changes = [str(one) for one in with_rows(TEXT, sheet.rows, SPEC).changes]
    return changes, [one.text for one in sheet.notes], [str(one) for one in sheet.findings]


def test_every_cell_is_text_in_a_column_of_text() -> None:
    book = load_workbook(io.BytesIO(workbook_of(TEXT, "items", SPEC)))
    sheet, about = book.worksheets
    assert [cell.value for cell in sheet[2]] == ["0123", "GLV-M", "1.50", "yes", "2026-01-01", "=1+1"]
    cells = [cell for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert {(cell.data_type, cell.number_format) for cell in cells} == {("s", "@")}
    assert sheet.freeze_panes == "A2"
    assert [one.formula1 for one in sheet.data_validations.dataValidation] == ['"yes,no"']
    assert about["A5"].value == "code"
    assert about["D5"].value == "As the sender writes it."


def test_there_and_back_nothing_has_changed() -> None:
    assert _read(workbook_of(TEXT, "items", SPEC)) == ([], [], [])


_cells = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), max_size=12)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(_cells, _cells), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(rows: list[tuple[str, str]]) -> None:
    made = io.StringIO()
    csv.writer(made, lineterminator="\n").writerows(
        [("code", "a", "b"), *((f"k{n}", *row) for n, row in enumerate(rows))]
    )
    text = made.getvalue()
    sheet = read_workbook(workbook_of(text, "t", None), "t.xlsx", text, None)
    assert with_rows(text, sheet.rows, None).changes == ()


def test_what_means_the_same_stays_as_it_was_spelt() -> None:
    assert _read(_edited(C2=1.5, D2=True, E2=datetime(2026, 1, 1))) == ([], [], [])  # noqa: DTZ001


@pytest.mark.parametrize(
    ("cells", "change", "note"),
    [
        (
            {"C2": 2.25},
            "changed  0123 (line 3): price: 1.50 → 2.25",
            "C2 (price): Excel holds a number; taken as 2.25",
        ),
        (
            {"E3": date(2026, 3, 1)},
            "changed  1E5 (line 4): since: empty → 2026-03-01",
            "E3 (since): Excel holds a date; taken as 2026-03-01",
        ),
        (
            {"D3": True},
            "changed  1E5 (line 4): stocked: no → yes",
            "D3 (stocked): Excel holds TRUE or FALSE; taken as yes",
        ),
        ({"F3": 7}, "changed  1E5 (line 4): note: #N/A → 7", "F3 (note): Excel holds a number; taken as 7"),
        ({"A4": "7", "B4": " X "}, "new      7: item X", ""),
        (
            {"A3": None, "B3": None, "C3": None, "D3": " ", "F3": ""},
            "gone     1E5 (line 4): item GWN, stocked no, note #N/A",
            "",
        ),
    ],
)
def test_what_excel_made_of_a_cell_is_taken_where_it_means_one_thing(
    cells: dict[str, Any], change: str, note: str
) -> None:
    assert _read(_edited(**cells)) == ([change], [note] if note else [], [])


@pytest.mark.parametrize(
    ("cells", "finding"),
    [
        ({"A2": 123}, "2:1: A2 (code): Excel made a number of what is text here, and may have lost"),
        ({"B2": date(2026, 3, 1)}, "2:2: B2 (item): Excel made a date of what is text here"),
        ({"C2": "=1+1"}, "2:3: C2 (price): the cell holds a formula (put its value there)"),
        ({"C2": "#REF!"}, "2:3: C2 (price): the cell holds an error"),
        ({"E2": datetime(2026, 1, 1, 12)}, "2:5: E2 (since): Excel made a date of"),  # noqa: DTZ001
        ({"C2": 1234567890123456}, "2:3: C2 (price): Excel made a number of"),
        ({"D2": 1}, "2:4: D2 (stocked): Excel made a number of"),
    ],
)
def test_what_may_have_lost_something_is_refused_with_its_cell(cells: dict[str, Any], finding: str) -> None:
    found = _read(_edited(**cells))[2]
    assert len(found) == 1
    assert found[0].startswith(f"items.xlsx:{finding}")


def test_text_that_names_rows_or_has_leading_zeros_is_not_cut_short() -> None:
    said = SPEC.model_dump(by_alias=True, exclude_none=True)
    columns = said["columns"] | {"code": {"type": "text"}}
    spec = TableSpec.model_validate({"description": "x", "owner": "x", "columns": columns})
    sheet = read_workbook(_edited(A2=123), "items.xlsx", TEXT, spec)
    assert ["A2 (code)" in one.text for one in sheet.findings] == [True]
    found = read_workbook(_edited(F2=7), "items.xlsx", TEXT.replace("=1+1", "007"), spec)
    assert (found.findings, found.notes, found.rows[0]["note"]) == ((), (), "007")


def test_columns_may_stand_in_another_order_and_no_other_way() -> None:
    book = Workbook()
    sheet: Any = book.active
    for row in (
        ["note", "since", "stocked", "price", "item", "code"],
        ["=1+1", "2026-01-01", "yes", "1.50", "GLV-M", "0123"],
    ):
        sheet.append(row)
    sheet["A2"].data_type = "s"
    made = io.BytesIO()
    book.save(made)
    assert _read(made.getvalue())[0] == ["gone     1E5 (line 4): item GWN, stocked no, note #N/A"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ({"B1": "itm"}, "column itm is none of the table's (did you mean item?)"),
        ({"B1": "code"}, "column code is there twice"),
        ({"F1": None}, "column note is missing"),
    ],
)
def test_other_columns_are_refused(cells: dict[str, Any], said: str) -> None:
    with pytest.raises(Misconfigured, match=said.replace("(", r"\(").replace("?)", r"\?\)")):
        _read(_edited(**cells))


def test_what_is_no_workbook_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr("x.xml", "<x/>")
    for raw in (b"", b"code,item\n", packed.getvalue()):
        with pytest.raises(Misconfigured, match="no workbook that can be read"):
            read_workbook(raw, "t.xlsx", TEXT, SPEC)


def test_a_workbook_that_unpacks_to_too_much_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for number in range(3):
            made.writestr(f"{number}.xml", b" " * (64 * 1024 * 1024))
    with pytest.raises(Misconfigured, match="unpacks to more than"):
        read_workbook(packed.getvalue(), "t.xlsx", TEXT, SPEC)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_workbook_whose_xml_declares_anything_is_refused(encoding: str) -> None:
    made = io.BytesIO(_edited())
    with zipfile.ZipFile(made, "a") as packed:
        packed.writestr(
            "xl/more.xml", '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///x">]><x>&y;</x>'.encode(encoding)
        )
    with pytest.raises(Misconfigured, match="declares document types"):
        read_workbook(made.getvalue(), "t.xlsx", TEXT, SPEC)


def test_a_control_character_cannot_go_out() -> None:
    with pytest.raises(Misconfigured, match="control character"):
        workbook_of("code,item\n1,a\x01\n", "t", None)
