"""A shipped channel whose table got days: what is said of them is checked, and a charge of another day is a
dead letter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.config.cases.rehearsal import trial_of
from engine.config.loading import examine
from engine.model import Owner, ReasonCode

ROOT = Path(__file__).parents[2]
VALID = "  since: {type: date}\n  until: {type: date}\nvalid: {from: since, until: until}\n"
DFT = (
    b"MSH|^~\\&|A|B|C|D|20261122||DFT^P03|1|P|2.5\rEVN|P03\rPID|1||1^^^GEN^MR\r"
    b"PV1|1|I|3A||||||||||||||||1^^^GEN\rFT1|1|7||20260331||CG|270001^^CDM|||2\r"
)


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    """dft-charges, with gloves M from April 2026 on."""
    folder = tmp_path / "channels"
    shutil.copytree(ROOT / "channels", folder, ignore=shutil.ignore_patterns("*.test.yaml", "sites"))
    items = folder / "tables/items.csv"
    head, first = "code,item,charge_as,stocked,unit,description", "270001,GLV-M,CHG-GLV-M,yes,,Gloves M"
    text = items.read_text().replace(head, f"{head},since,until").replace(first, f"{first},2026-04-01,")
    items.write_text(text)
    with (folder / "tables/items.table.yaml").open("a") as schema:
        schema.write(VALID)
    return folder / "dft-charges.yaml"


def _said(channel: Path, valid_on: str) -> list[str]:
    text = channel.read_text()
    channel.write_text(text.replace("\nvalues:", f"\nvalid_on: {valid_on}\n\nvalues:", 1))
    return [str(one).rpartition("/")[2] for one in examine(channel).findings]


def test_the_day_that_the_channel_names_decides(channel: Path) -> None:
    assert trial_of(examine(channel).loaded()).say(DFT).state == "effects"
    assert _said(channel, "{items: FT1-4}") == []
    tried = trial_of(examine(channel).loaded()).say(DFT)
    assert tried.reason is not None
    assert (tried.reason.code, tried.reason.place) == ("unmapped-code", "FT1[1]-7")
    later = trial_of(examine(channel).loaded()).say(DFT.replace(b"20260331", b"20260401"))
    assert len(later.effects) == 2


def test_a_channel_of_fhir_names_the_day(channel: Path) -> None:
    items = channel.with_name("charge-items.yaml")
    found = {one.text for one in examine(items).findings}
    assert found == {"nothing says on which day the rows of items are to hold"}
    text = items.read_text()
    items.write_text(
        text.replace("\nvalues:", "\nvalid_on: {items: ChargeItem.occurrenceDateTime}\n\nvalues:", 1)
    )
    assert examine(items).findings == []


def test_a_dose_of_another_kind_is_the_business_owners() -> None:
    ras = (
        b"MSH|^~\\&|A|B|C|D|20261122||RAS^O17|1|P|2.5\rPID|1||1^^^GEN^MR\rPV1|1|I|3A\rORC|RE|7\r"
        b"RXA|0|1|20261122||DRUG-300|0.4|mL|||||||||||||CP|A\r"
    )
    tried = trial_of(examine(ROOT / "channels/pharmacy-dispense.yaml").loaded()).say(ras)
    assert tried.reason is not None
    assert (tried.reason.code, tried.reason.place) == (ReasonCode.UNKNOWN_UNIT, "RXA[1]-7.1")
    assert tried.reason.owner is Owner.BUSINESS


def test_factors_that_convert_nothing_are_named(channel: Path) -> None:
    items = channel.parent / "tables/items.csv"
    items.write_text(items.read_text().replace("description,since", "factor,since"))
    schema = items.with_name("items.table.yaml")
    schema.write_text(schema.read_text().replace("description: {}", "factor: {}"))
    said = [str(one) for one in examine(channel).findings]
    assert len(said) == 1
    assert "warning: items says how many of its unit a code is, and no quantity is converted by it" in said[0]


@pytest.mark.parametrize(
    ("valid_on", "said"),
    [
        ("{itmes: FT1-4}", "17:12: there is no table itmes (did you mean items?)"),
        ("{places: FT1-4}", "17:12: warning: the rows of places hold on every day (say valid: in the"),
        ("{items: FT1-4 | date}", "17:19: only field paths say which day counts (such as FT1-4 or MSH-7)"),
        ("{items: PID-5}", "17:19: PID-5: "),
    ],
)
def test_a_day_that_cannot_be_meant_is_named_with_its_place(channel: Path, valid_on: str, said: str) -> None:
    found = _said(channel, valid_on)
    assert any(one.startswith(f"dft-charges.yaml:{said}") for one in found), found
