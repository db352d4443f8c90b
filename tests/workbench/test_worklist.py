"""The worklist of codes, and the rows that resolve it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.config.loading import LoadedChannel, load_channels
from engine.errors import Misconfigured
from engine.store.contracts.parking import Parked
from engine.workbench.worklist import row_for, worklist

SHIPPED = Path(__file__).parents[2] / "channels"


def parked(code: str, *, channel: str = "dft-charges", table: str = "items", messages: int = 1) -> Parked:
    return Parked(
        channel=channel,
        table=table,
        code=code,
        place="FT1[1]-7",
        messages=messages,
        first_at=10.0,
        last_at=20.0,
    )


@pytest.fixture(scope="module")
def channels() -> list[LoadedChannel]:
    return load_channels(SHIPPED)


@pytest.fixture
def items(tmp_path: Path) -> Path:
    for name in ("items.csv", "items.table.yaml"):
        shutil.copy(SHIPPED / "tables" / name, tmp_path / name)
    return tmp_path / "items.csv"


def test_the_most_wanted_is_first_and_suggestions_come_from_the_table(channels: list[LoadedChannel]) -> None:
    first, second = worklist([parked("QQQQQQ"), parked("0270001", messages=5)], channels)
    assert (first.code, first.messages) == ("0270001", 5)
    assert [one.code for one in first.suggestions] == ["270001"]
    assert first.file.endswith("tables/items.csv")
    assert second.suggestions == ()


def test_an_item_that_odoo_has_by_this_code_is_told(channels: list[LoadedChannel]) -> None:
    (line,) = worklist([parked("glv-m")], channels)
    assert line.listed == ("item=GLV-M",)
    (line,) = worklist([parked("270001")], channels)
    assert line.listed == ()


def test_one_file_that_several_channels_use_is_one_line(channels: list[LoadedChannel]) -> None:
    users = [one.spec.channel for one in channels if "tables/locations.csv" in one.spec.tables.values()]
    assert len(users) > 1
    names = {
        one.spec.channel: name
        for one in channels
        for name, file in one.spec.tables.items()
        if file == "tables/locations.csv"
    }
    listed = [
        parked("X9", channel=user, table=names[user]) for user in users if names[user] == names[users[0]]
    ]
    (line,) = worklist(listed, channels)
    assert line.messages == len(listed)
    assert set(line.channels) == {one.channel for one in listed}


def test_a_code_that_the_folder_has_by_now_is_to_be_deployed(channels: list[LoadedChannel]) -> None:
    (line,) = worklist([parked("270001")], channels)
    assert line.there
    assert line.suggestions == ()


def test_without_channels_the_codes_are_listed_all_the_same() -> None:
    (line,) = worklist([parked("0270001")])
    assert (line.code, line.file, line.suggestions) == ("0270001", "", ())


def test_a_row_is_added_and_the_rest_stays_as_it_was_written(items: Path) -> None:
    before = items.read_text()
    added = row_for(items, "0270001", {"description": 'Gloves, "new"'}, "270001")
    assert added.row == '0270001,GLV-M,CHG-GLV-M,yes,,"Gloves, ""new"""\n'
    assert added.findings == ()
    assert added.text.replace(added.row, "") == before
    assert items.read_text() == before


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ({"item": "GLV-M", "charge_as": "CHG-GLV-M", "stocked": "perhaps"}, "yes"),
        ({"item": "GLV-M", "stocked": "yes"}, "charge_as"),
    ],
)
def test_what_the_schema_does_not_allow_is_said(items: Path, cells: dict[str, str], text: str) -> None:
    (finding,) = row_for(items, "990009", cells).findings
    assert text in f"{finding.text} {finding.hint}"
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("code", "cells", "like", "text"),
    [
        ("270001", {}, "", "has this code already"),
        ("990009", {"itm": "GLV-M"}, "", "no column itm"),
        ("990009", {"code": "1"}, "", "code is the code itself"),
        ("990009", {}, "999999", "no row of the code to be like"),
    ],
)
def test_what_cannot_be_added_is_refused_and_nothing_is_written(
    items: Path, code: str, cells: dict[str, str], like: str, text: str
) -> None:
    before = items.read_bytes()
    with pytest.raises(Misconfigured, match=text):
        row_for(items, code, cells, like)
    assert items.read_bytes() == before


def test_a_code_may_get_a_row_for_other_days(items: Path) -> None:
    head, row = "code,item,charge_as,stocked,unit,description", "270001,GLV-M,CHG-GLV-M,yes,,Gloves M"
    text = items.read_text().replace(head, f"{head},since,until").replace(row, f"{row},,2026-03-31")
    items.write_text(text)
    with (items.parent / "items.table.yaml").open("a") as schema:
        schema.write("  since: {type: date}\n  until: {type: date}\nvalid: {from: since, until: until}\n")
    added = row_for(items, "270001", {"item": "GLV-L", "since": "2026-04-01", "until": ""}, like="270001")
    assert added.row == "270001,GLV-L,CHG-GLV-M,yes,,Gloves M,2026-04-01,\n"
    assert added.findings == ()
    (finding,) = row_for(items, "270001", {"since": "2026-03-31"}, like="270001").findings
    assert "has a row on line" in finding.text
