"""What Odoo says of a table's rows: only its columns change, and nothing goes that the hospital owns."""

from __future__ import annotations

import pytest

from engine.config.spec.tables import TableSpec
from engine.errors import Misconfigured
from engine.workbench.pulling import pulled

TOLD = [
    {"code": "GLV", "name": "Gloves", "unit": "Units", "kind": "goods", "tracking": "none", "barcode": ""},
    {"code": "SUT", "name": "Suture", "unit": "Units", "kind": "goods", "tracking": "lot", "barcode": "4"},
]


def _spec(columns: dict[str, str], names: str) -> TableSpec:
    return TableSpec.model_validate(
        {
            "description": "x",
            "owner": "x",
            "columns": {name: {} for name in names.split(",")},
            "from_odoo": {"catalogue": "items", "columns": columns},
        }
    )


MIRROR = _spec({"item": "code", "name": "name"}, "item,name,shelf")
TRANSLATION = _spec({"item": "code", "description": "name"}, "code,item,description")


def test_a_list_of_odoos_gets_what_is_new_and_keeps_what_is_the_hospitals() -> None:
    text = "# shelves are ours\nitem,name,shelf\nGLV,Old gloves,A1\nGWN,Gown,B2\n"
    found = pulled(text, MIRROR, TOLD)
    assert [str(one) for one in found.changed.changes] == [
        "changed  GLV (line 3): name: Old gloves → Gloves",
        "new      SUT: name Suture",
    ]
    assert [str(one) for one in found.changed.kept] == ["gone     GWN (line 4): name Gown, shelf B2"]
    assert found.changed.text == (
        "# shelves are ours\nitem,name,shelf\nGLV,Gloves,A1\nSUT,Suture,\nGWN,Gown,B2\n"
    )
    pruned = pulled(text, MIRROR, TOLD, prune=True).changed
    assert [one.kind for one in pruned.changes] == ["changed", "new", "gone"]
    assert "GWN" not in pruned.text


def test_a_table_that_translates_learns_and_is_not_added_to() -> None:
    text = "code,item,description\n1,GLV,x\n2,GLV,Gloves\n3,,ours\n4,GWN,Gown\n"
    found = pulled(text, TRANSLATION, TOLD)
    assert [str(one) for one in found.changed.changes] == ["changed  1 (line 2): description: x → Gloves"]
    assert [one.row for one in found.changed.kept] == ["4"]
    assert found.unnamed == 1


def test_once_pulled_nothing_is_left_to_pull() -> None:
    text = pulled("item,name,shelf\n", MIRROR, TOLD).changed.text
    assert text == "item,name,shelf\nGLV,Gloves,\nSUT,Suture,\n"
    assert pulled(text, MIRROR, TOLD).changed.changes == ()


def test_what_odoo_has_twice_is_told() -> None:
    assert pulled("item,name,shelf\n", MIRROR, [*TOLD, TOLD[0]]).twice == ("GLV",)


def test_an_odoo_that_tells_of_nothing_empties_no_table() -> None:
    with pytest.raises(Misconfigured, match="Odoo tells of no items: nothing is pruned"):
        pulled("item,name,shelf\nGLV,Gloves,\n", MIRROR, [], prune=True)


def test_a_table_of_the_hospitals_own_is_not_pulled() -> None:
    spec = TRANSLATION.model_copy(update={"from_odoo": None})
    with pytest.raises(Misconfigured, match="nothing of this table comes from Odoo"):
        pulled("code,item,description\n", spec, TOLD)
