"""Two versions of a table: what differs in plain words, and the text that the one makes of the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config.spec.tables import TableSpec
from engine.config.table_text import TableText
from engine.errors import Misconfigured
from engine.workbench.table_changes import Row, with_rows

TEXT = "# ours\ncode,item,unit\n1,GLV,\n# rare\n2,GWN,Box\n3,SUT,\n"


def _rows(text: str) -> list[Row]:
    table = TableText(text)
    return [table.cells(record) for record in table.rows]


def _spec(key: list[str], **more: object) -> TableSpec:
    columns = {name: {} for name in ("code", "item", "unit")} | {
        name: {"type": "date"} for name in ("since", "until")
    }
    said = {"description": "x", "owner": "x", "columns": columns, "key": key, **more}
    return TableSpec.model_validate(said)


def test_changes_are_told_row_by_row_and_nothing_else_is_touched() -> None:
    new = "code,item,unit\n2,GWN,\n1b,GLV,Box\n3,SUT,\n"
    changed = with_rows(TEXT, _rows(new), None)
    assert [str(change) for change in changed.changes] == [
        "changed  2 (line 5): unit: Box → empty",
        "new      1b: item GLV, unit Box",
        "gone     1 (line 3): item GLV",
    ]
    assert changed.text == "# ours\ncode,item,unit\n# rare\n2,GWN,\n1b,GLV,Box\n3,SUT,\n"


def test_the_same_rows_in_another_order_change_nothing() -> None:
    changed = with_rows(TEXT, list(reversed(_rows(TEXT))), None)
    assert changed.changes == ()
    assert changed.text == TEXT


def test_rows_that_are_kept_are_told_apart() -> None:
    changed = with_rows(TEXT, _rows(TEXT)[1:], None, keep=True)
    assert (changed.changes, changed.text) == ((), TEXT)
    assert [str(one) for one in changed.kept] == ["gone     1 (line 3): item GLV"]


def test_the_rows_of_a_kit_are_known_by_their_key_or_by_all_cells() -> None:
    kit = "code,item,unit\nA,X,1\nA,Y,1\n"
    other = kit.replace("A,Y,1", "A,Y,2")
    assert [one.kind for one in with_rows(kit, _rows(other), _spec(["code", "item"])).changes] == ["changed"]
    assert [one.kind for one in with_rows(kit, _rows(other), None).changes] == ["new", "gone"]
    with pytest.raises(Misconfigured, match="the same in all of their cells"):
        with_rows(kit + "A,X,1\n", _rows(kit), None)


def test_rows_with_days_are_known_by_their_first_day() -> None:
    text = "code,item,since,until\nA,X,,2026-03-31\nA,Y,2026-04-01,\n"
    spec = _spec([], valid={"from": "since", "until": "until"})
    (change,) = with_rows(text, _rows(text.replace("A,Y", "A,Z")), spec).changes
    assert str(change) == "changed  A 2026-04-01 (line 3): item: Y → Z"


_tables = st.dictionaries(st.text("abc", min_size=1, max_size=2), st.text("xyz,", max_size=2), max_size=8)


@given(_tables, _tables)
def test_the_text_holds_the_other_rows_and_no_change_is_left(
    one: dict[str, str], other: dict[str, str]
) -> None:
    table = TableText("# top\ncode,item\n")
    for code, item in one.items():
        table.add([code, item])
    rows = [{"code": code, "item": item} for code, item in other.items()]
    changed = with_rows(str(table), rows, None)
    found = {row["code"]: row["item"] for row in _rows(changed.text)}
    assert found == {code: item.strip() for code, item in other.items()}
    assert with_rows(changed.text, rows, None).changes == ()
    assert changed.text.startswith("# top\n")
