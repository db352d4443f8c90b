"""Tables changed as text: what is not touched stays byte for byte as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.table_text import TableText, cell_at, records
from engine.errors import Misconfigured

TEXT = '# head\ncode,item\n\n# gloves\n1, "GLV, M" \n2,GWN\n# the end'


def test_a_changed_a_removed_and_an_added_row_leave_the_rest_as_it_was() -> None:
    table = TableText(TEXT)
    one, two = table.rows
    changed = table.change(one, ["1", "GLV L"])
    added = table.add(["1b", 'a "quote"'], changed)
    table.add(["1c", "x,y"], added)
    table.remove(two)
    assert str(table) == '# head\ncode,item\n\n# gloves\n1,GLV L\n1b,"a ""quote"""\n1c,"x,y"\n# the end'


def test_a_row_is_added_below_the_last_one_or_the_head() -> None:
    table = TableText(TEXT)
    table.add(["3", "X"])
    assert str(table) == TEXT.replace("2,GWN\n", "2,GWN\n3,X\n")
    empty = TableText("code,item")
    empty.add(["1", "X"])
    assert str(empty) == "code,item\n1,X\n"


def test_line_breaks_and_a_byte_order_mark_stay() -> None:
    table = TableText("\ufeffcode,item\r\n1,a\r\n2,b")
    table.add(["3", "c"])
    assert table.columns == ("code", "item")
    assert str(table) == "\ufeffcode,item\r\n1,a\r\n2,b\r\n3,c\r\n"


@pytest.mark.parametrize("cells", [["#5", "X"], [" #5", "X"], ["", " "]])
def test_a_row_that_would_be_no_row_is_not_written(cells: list[str]) -> None:
    table = TableText(TEXT)
    for write in (table.add, lambda given: table.change(table.rows[0], given)):
        with pytest.raises(Misconfigured, match="would be no row but a comment"):
            write(cells)
    assert str(table) == TEXT


def test_cells_are_found_where_they_stand() -> None:
    record = list(records('a,b\n"x\ny", "1,2" ,z\n'))[1]
    assert [cell_at(record, index) for index in range(4)] == [(2, 1), (3, 4), (3, 12), (3, 13)]


_texts = st.lists(
    st.lists(st.text("ab ,\"'#=é\n", min_size=1, max_size=5), min_size=2, max_size=2), max_size=6
)


@given(_texts)
def test_what_is_added_is_read(rows: list[list[str]]) -> None:
    table = TableText("code,item\n# end\n")
    for row in rows:
        table.add(["k", *row[1:]])
    again = TableText(str(table))
    assert [list(record.cells or ()) for record in again.rows] == [["k", row[1].strip()] for row in rows]
    assert str(again) == str(table)
