"""Names of segments, fields and components, version by version."""

from __future__ import annotations

import pytest

from engine.hl7.names import VERSIONS, component, field, segment_title


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_names_the_fields_of_a_header_and_of_a_patient(version: str) -> None:
    assert field(version, "MSH", 10).title == "Message control id"
    assert field(version, "PID", 5).title == "Patient name"
    assert field(version, "PID", 3).title.startswith("Patient id")


def test_positions_come_from_the_names_and_not_from_the_order() -> None:
    """2.6 and later leave out withdrawn fields: FT1-10 is still the quantity there (hl7v2.md, head)."""
    for version in VERSIONS[1:]:
        assert field(version, "FT1", 10).title == "Transaction quantity"
        assert field(version, "FT1", 13).title == "Department code"


def test_the_charge_of_2_1_has_its_amount_before_its_quantity() -> None:
    assert [field("2.1", "FT1", number).title for number in (10, 11)] == [
        "Transaction amount extended",
        "Transaction quantity",
    ]


def test_a_withdrawn_field_keeps_the_name_that_it_had() -> None:
    assert field("2.8.2", "PID", 2).title == "Patient id"
    assert field("2.7", "SCH", 9).title == "Appointment duration"


def test_a_field_of_a_later_version_is_named_too() -> None:
    assert field("2.3", "FT1", 29).title == "Ndc code"


def test_components_and_sub_components_are_named_by_the_datatype() -> None:
    number = field("2.5.1", "PID", 3)
    assert (number.datatype, number.repeats) == ("CX", True)
    authority = component(number, 4)
    assert (authority.title, component(authority, 2).title) == ("Assigning authority", "Universal id")
    assert component(number, 99).title == ""


def test_what_no_version_knows_has_no_name() -> None:
    assert field("2.5", "ZXX", 1).title == field("2.5", "PID", 200).title == ""
    assert segment_title("ZXX") == "local segment"
    assert segment_title("PID") == "patient identification"


@pytest.mark.parametrize("version", ["", "v2.5", "9.9", "nonsense", "2.5.9", "1.0"])
def test_any_text_in_msh_12_gets_names(version: str) -> None:
    assert field(version, "MSH", 9).title == "Message type"
