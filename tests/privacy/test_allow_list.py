"""The allow-list against the reviewed table: every row as it says, everything else denied (P14)."""

from __future__ import annotations

import gzip
import importlib
import os
from importlib.resources import files
from pathlib import Path

import pytest
from datatypes_from_hl7apy import datatypes_csv
from hl7apy import SUPPORTED_LIBRARIES

from engine.errors import Misconfigured
from engine.privacy import table
from engine.privacy.policy import Change, Policy
from engine.privacy.rules import Forbidden

POLICY = Policy()
ROWS = table.v2_rows()
FIELDS = {row.path: row for row in ROWS if row.kind == "v2field"}
COMPONENTS = {row.path: row for row in ROWS if row.kind == "v2comp"}
STRICTER = {
    **{f"{field}.2": "token" for field in ("ARQ-4", "ARQ-26", "OBR-29", "OBR-54", "OBX-33")},
    **{f"{field}.2": "token" for field in ("ORC-4", "ORC-8", "SCH-4", "SCH-28")},
    "OBR-26.3": "scan",
    **{f"OBR-{field}.10": "drop" for field in (32, 33, 34, 35)},
    **{
        f"{path}.6": "drop"
        for path, row in FIELDS.items()
        if "CM_INTERNAL_LOCATION" in row.datatypes and row.scope == "in"
    },
}
"""Where the engine is stricter than the table, and nowhere else."""

SPEC = Path(os.environ.get("WARDLINE_SPEC", Path(__file__).parents[3] / "shared" / "spec")) / "phi.csv"


def place(path: str) -> tuple[str, int, int]:
    segment, _, numbers = path.partition("-")
    field, _, component = numbers.partition(".")
    return segment, int(field), int(component or 0)


@pytest.mark.skipif(not SPEC.exists(), reason="the specification is not beside the checkout")
def test_the_packed_table_is_the_reviewed_one(tmp_path: Path) -> None:
    packed = files("engine.privacy").joinpath("phi.csv.gz").read_bytes()
    assert gzip.decompress(packed) == SPEC.read_bytes()
    table.pack(SPEC, tmp_path / "again")
    assert gzip.decompress((tmp_path / "again").read_bytes()) == SPEC.read_bytes()


def test_no_row_is_lost() -> None:
    assert len(FIELDS) == 3000
    assert len(COMPONENTS) == 1868
    assert len(ROWS) == 3000 + 1868 + 112 + 4
    assert len(table.fhir_rows()) == 1881


def test_the_datatypes_are_those_of_hl7apy() -> None:
    assert files("engine.privacy").joinpath("datatypes.csv").read_text() == datatypes_csv()


def test_every_field_row_says_what_becomes_of_the_field() -> None:
    for path, row in FIELDS.items():
        rule = POLICY.treatment(*place(path)[:2])
        assert (rule.treatment, rule.option, rule.row) == (row.treatment, row.option, path)


def test_every_component_row_says_what_becomes_of_the_component() -> None:
    for path, row in COMPONENTS.items():
        rule = POLICY.treatment(*place(path))
        assert rule.treatment == STRICTER.get(path, row.treatment), path
        assert rule.row == path


def test_every_datatype_row_holds_where_no_component_row_speaks() -> None:
    seen = set()
    for row in (row for row in ROWS if row.kind == "v2type"):
        spread, _, treatment = row.path.partition(" when field is ")
        datatype, _, component = spread.partition(".")
        for path, field in FIELDS.items():
            speaks = field.treatment == treatment and field.datatypes[-1] == datatype and field.scope == "in"
            if speaks and f"{path}.{component}" not in COMPONENTS:
                assert POLICY.treatment(*place(path)[:2], int(component)).treatment == row.treatment
                seen.add((treatment, datatype))
    assert {("keep-code", "CWE"), ("opdate", "TQ")} <= seen


def test_every_component_of_a_dropped_address_is_dropped() -> None:
    assert {POLICY.treatment("PID", 11, component).treatment for component in range(1, 30)} == {"drop"}


@pytest.mark.parametrize(
    ("where", "treatment"),
    [
        (("FT1", 7, 1), "keep"),
        (("FT1", 7, 2), "drop"),  # the code's text
        (("FT1", 7, 3), "keep"),
        (("FT1", 7, 9), "drop"),  # original text
        (("FT1", 7, 10), "keep"),
        (("PV1", 3, 1), "keep"),
        (("PV1", 3, 2), "drop"),
        (("PV1", 3, 4), "keep"),
        (("PV1", 3, 9), "scan"),
        (("FT1", 2, 1), "token"),
        (("FT1", 2, 2), "deny"),  # a string has no second component
        (("FT1", 4, 1), "opdate"),
        (("FT1", 4, 2), "opdate"),  # the end of a DR
        (("SCH", 11, 4), "opdate"),
        (("SCH", 11, 8), "scan"),
        (("SCH", 11, 12), "deny"),
        (("ORC", 8, 1, 1), "token"),
        (("ORC", 8, 1, 2), "keep"),
        (("ORC", 8, 2, 1), "token"),
        (("RXO", 8, 1, 2), "drop"),  # a room, one level down in 2.2
        (("PID", 3, 1, 2), "deny"),
        (("PID", 3, 4, 2), "keep"),
        (("PID", 3, 10, 2), "drop"),
        (("PV1", 7, 1), "token"),
        (("PV1", 7, 2), "drop"),
        (("MSH", 9, 2), "engine"),
        (("OBX", 5, 1), "scan"),
        (("ZPI", 1), "deny"),
        (("ZPI", 1, 1), "deny"),
        (("PID", 99), "deny"),
        (("XYZ", 1, 1), "deny"),
    ],
)
def test_places_worth_naming(where: tuple[int, ...], treatment: str) -> None:
    assert POLICY.treatment(*where).treatment == treatment


def test_what_lies_beyond_the_datatypes_never_passes() -> None:
    for path in FIELDS:
        segment, field, _ = place(path)
        for beyond in ((40, 1), (1, 40), (99, 99)):
            rule = POLICY.treatment(segment, field, *beyond)
            assert rule.treatment in {"drop", "deny", "scan", "reassemble"}


@pytest.mark.parametrize("version", sorted(SUPPORTED_LIBRARIES))
def test_P14_every_field_the_parser_knows_has_a_row(version: str) -> None:
    names = importlib.import_module(f"{SUPPORTED_LIBRARIES[version]}.fields").FIELDS
    known = {name.replace("_", "-") for name in names}
    assert len(known) > 300
    missing = known - set(FIELDS)
    assert missing <= {"ORO-1", "ORO-2", "ORO-3", "ORO-4"}  # 2.1 only, unknown to the table: denied
    assert {POLICY.treatment(*place(name)).treatment for name in missing} <= {"deny"}


# what a channel may change


def widened(path: str, treatment: str, **words: str) -> Policy:
    return Policy([Change(path, treatment, **{"reason": "needed", "reviewer": "dpo", **words})])


def test_a_channel_may_take_up_what_the_table_offers() -> None:
    assert widened("FT1-2", "keep").treatment("FT1", 2, 1).treatment == "keep"
    assert widened("PV1-3.2", "keep").treatment("PV1", 3, 2).treatment == "keep"
    assert widened("PV1-3.2", "keep").treatment("PV1", 3, 3).treatment == "drop"
    coded = widened("PID-8", "keep-code")
    assert coded.treatment("PID", 8, 1).treatment == "keep"
    assert coded.treatment("PID", 8, 2).treatment == "drop"
    msg = widened("MSH-10", "token").treatment("MSH", 10, 1)
    assert (msg.treatment, msg.domain) == ("token", "m")
    alternate = widened("PID-4", "token").treatment("PID", 4, 1)
    assert (alternate.treatment, alternate.domain) == ("token", "p")


def test_a_channel_may_always_drop_and_needs_no_reason() -> None:
    dropped = Policy([Change("PV1-3", "drop"), Change("PID-3.4", "drop")])
    assert {dropped.treatment("PV1", 3, component).treatment for component in range(12)} == {"drop"}
    assert dropped.treatment("PID", 3, 4).treatment == "drop"
    assert dropped.treatment("PID", 3, 1).treatment == "token"


@pytest.mark.parametrize(
    "asked",
    [
        *(
            "PID-5 keep",
            "PID-3 keep",
            "PID-19 token",
            "OBX-5 keep",
            "ZPI-1 token",
            "PID-7 keep",
            "PRT-16 keep",
            "PID-11 zip3",
            "OBX-5 number",
            "FT1-4 shift",
        ),
        *("PID-11.5 keep", "FT1-7.2 keep", "PID-99 keep", "PV1-3 keep"),
    ],
)
def test_a_channel_may_not_widen_anything_else(asked: str) -> None:
    path, treatment = asked.split()
    with pytest.raises(Forbidden) as caught:
        widened(path, treatment)
    assert caught.value.path == path
    assert caught.value.use == "change"


@pytest.mark.parametrize("missing", ["reason", "reviewer"])
def test_widening_needs_a_reason_and_a_reviewer(missing: str) -> None:
    with pytest.raises(Forbidden, match="reason and a reviewer"):
        widened("FT1-2", "keep", **{missing: " "})


def test_a_change_names_a_path() -> None:
    with pytest.raises(Misconfigured):
        widened("patient name", "keep")
