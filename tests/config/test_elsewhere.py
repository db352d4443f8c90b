"""Where a key belongs that stands where it does not."""

from __future__ import annotations

import pytest

from engine.config.cases.files import CaseFile
from engine.config.elsewhere import belongs, standing
from engine.config.finding import Place
from engine.config.spec import ChannelSpec, ChargeRule
from engine.config.spec.tables import ColumnSpec, TableSpec


@pytest.mark.parametrize(
    ("model", "place", "hint"),
    [
        (ChannelSpec, ("timezone",), "it belongs under source: mllp: or source: folder: or source: fhir:"),
        (ChannelSpec, ("source", "mllp", "criticality"), "it belongs at the top of the file"),
        (ChannelSpec, ("effects", 0, "charge", "when"), "it belongs further up, beside charge:"),
        (ChannelSpec, ("effects", 0, "again"), "it belongs under charge:"),
        (ChannelSpec, ("descripton",), ""),
        (CaseFile, ("cases", 0, "step"), "it belongs under expect:"),
        (TableSpec, ("columns", "item", "owner"), "it belongs at the top of the file"),
        (TableSpec, ("columns", "item", "requried"), ""),
    ],
)
def test_a_misplaced_key_is_told_where_it_belongs(model: type, place: Place, hint: str) -> None:
    assert belongs(model, place) == hint


def test_names_that_people_choose_are_no_part_of_the_way() -> None:
    assert standing(TableSpec, ("columns", "item")) == (("columns",), ColumnSpec)
    assert standing(ChannelSpec, ("effects", 3, "charge")) == (("effects", "charge"), ChargeRule)
    assert standing(ChannelSpec, ("tables", "items")) == (("tables", "items"), None)
