"""The engine as a site runs it: only its channels, its tables, and its workers see the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hospital_messages import Used, charges
from running import Engine, wait_for

SHIPPED = Path(__file__).parents[2] / "channels"
CLINIC = "Lakeside Outpatient Clinic"


@pytest.fixture(params=[1, 2], ids=["alone", "with a worker"])
def clinic(request: pytest.FixtureRequest, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    """The shipped channel of charges and the shipped overlay of the clinic, on a free port."""
    engine = make_engine(
        (SHIPPED / "dft-charges.yaml").read_text(),
        (SHIPPED / "item-master.yaml").read_text(),
        settings={"SITES": "outpatient"},
        workers=request.param,
    )
    overlay = (SHIPPED / "sites/outpatient.yaml").read_text()
    rows = [row for row in overlay.splitlines() if row.strip(" -") not in ABSENT]
    parts = "\n".join(rows).replace("tcp:2676", "tcp:0").replace(ADMISSIONS, "")
    for folder in ("tables", "sites", "sites/outpatient"):
        (engine.channels / folder).mkdir()
        for file in (SHIPPED / folder).glob("*.csv"):
            engine.table(f"{folder}/{file.name}", file.read_text())
    engine.table("sites/outpatient.yaml", parts)
    engine.spawn()
    wait_for(lambda: len(engine._ports) == 1 and engine.ready(), "the clinic's one door", engine)
    yield engine
    assert engine.stop() == 0


ADMISSIONS = "  adt-encounters:\n    source: {mllp: {listen: tcp:2675}}\n"
ABSENT = {
    "charge-items", "charge-master", "lab-charges", "pharmacy-dispense", "supply-requests",
    "theatre-schedule", "ward-orders",
}  # fmt: skip


def test_the_engine_runs_what_the_site_runs_as_the_site_has_it(clinic: Engine) -> None:
    sender = clinic.connect("dft-charges")
    answer = sender.ask(charges("C1", "P1", "V1", Used("T1", "270010", "2", ward="DRESS"), ward="OPD1"))
    assert b"MSA|AA|C1" in (answer or b"")
    wait_for(lambda: len(clinic.ledger()) == 2, "a charge and what was used", clinic, 10)
    effects = [line["effect"] for line in clinic.ledger()]
    assert {effect["company"] for effect in effects} == {CLINIC}
    assert [effect["location"] for effect in effects if "location" in effect] == ["OUT/Stock"]
