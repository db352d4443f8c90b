"""Field paths of FHIR: what they say, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Misconfigured
from engine.fhir.path import Path, Step, element_of


def test_a_path_says_type_elements_and_choices() -> None:
    path = Path.parse("SupplyRequest.identifier[2].value")
    assert (path.type, path.steps, path.then) == (
        "SupplyRequest",
        (Step("identifier", "2"), Step("value")),
        None,
    )
    assert path.steps[0].number == 2
    assert Path.parse("ChargeItem.code[cdm]").steps == (Step("code", "cdm"),)
    assert Path.parse("Patient.identifier[MR@HOSP]").steps[0].number == 0


def test_a_path_goes_on_behind_a_reference() -> None:
    path = Path.parse("ChargeItem.context->Encounter.subject->Patient.identifier[MR]")
    assert path.names == ("context",)
    assert path.then is not None
    assert path.then.type == "Encounter"
    assert path.then.then is not None
    assert path.then.then.steps == (Step("identifier", "MR"),)
    assert str(path.then) == path.text  # an error names the whole path


def test_the_elements_on_the_way_are_known() -> None:
    assert Path.parse("SupplyDelivery.suppliedItem.quantity->Medication.code").elements == {
        "SupplyDelivery", "SupplyDelivery.suppliedItem", "SupplyDelivery.suppliedItem.quantity",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "", "Patient", "patient.id", "Patient.Name", "Patient..id", "Patient.id.", "Patient.id->", "PID-3",
        "Patient.identifier[]", "Patient.identifier[MR", "->Patient.id", "Patient.name é", "Patient.x->y.z",
        "A1.x", "Patient.identifier['a']", "A.b->C.d->E.f->G.h->I.j", "Patient.id[ 1 ]",
    ],
)  # fmt: skip
def test_what_is_no_path_is_said_with_an_example(text: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        Path.parse(text)
    assert refused.value.hint or "references" in refused.value.text


def test_for_each_names_an_element_without_choices() -> None:
    assert element_of("SupplyDelivery.suppliedItem") == ("SupplyDelivery", ("suppliedItem",))
    for text in ("SupplyDelivery.suppliedItem[1]", "SupplyDelivery.basedOn->SupplyRequest.id"):
        with pytest.raises(Misconfigured):
            element_of(text)


@given(st.text(max_size=60))
def test_any_text_is_a_path_that_says_itself_or_is_refused(text: str) -> None:
    try:
        path = Path.parse(text)
    except Misconfigured:
        return
    written = ".".join([path.type, *(f"{s.name}[{s.chosen}]" if s.chosen else s.name for s in path.steps)])
    assert text.startswith(written)
    assert path.then is not None or text == written
