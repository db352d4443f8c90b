"""The engine as a site runs it: only its channels, its tables, and its workers see the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hospital_messages import Used, charges
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NAMES, NEEDS_ODOO, HospitalEngine
from running import Engine, wait_for

from demo.odoo import Running

SHIPPED = Path(__file__).parents[2] / "channels"
CLINIC = "Lakeside Outpatient Clinic"


@pytest.fixture(params=[1, 2], ids=["alone", "with a worker"])
def clinic(request: pytest.FixtureRequest, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    """The shipped channel of charges and the shipped overlay of the clinic, on a free port."""
    engine = make_engine(
        (SHIPPED / "dft-charges.yaml").read_text(),
        (SHIPPED / "item-master.yaml").read_text(),
        workers=request.param,
    )
    site_in(engine, {"dft-charges", "item-master"})
    engine.spawn()
    wait_for(lambda: len(engine._ports) == 1 and engine.ready(), "the clinic's one door", engine)
    yield engine
    assert engine.stop() == 0


DOOR = {"source": {"mllp": {"listen": "tcp:0"}}}


def site_in(engine: Engine, there: set[str]) -> None:
    """Put the shipped overlay beside the channels that are `there`, on free ports, and choose it."""
    overlay = yaml.safe_load((SHIPPED / "sites/outpatient.yaml").read_text())
    overlay["channels"] = {name: DOOR for name in overlay["channels"] if name in there}
    overlay["without"] = [name for name in overlay["without"] if name in there]
    for folder in ("tables", "sites", "sites/outpatient"):
        (engine.channels / folder).mkdir(exist_ok=True)
        for file in (*(SHIPPED / folder).glob("*.csv"), *(SHIPPED / folder).glob("*.table.yaml")):
            engine.table(f"{folder}/{file.name}", file.read_text())
    engine.table("sites/outpatient.yaml", json.dumps(overlay))
    engine.environment["WARDLINE_SITES"] = "outpatient"


def test_the_engine_runs_what_the_site_runs_as_the_site_has_it(clinic: Engine) -> None:
    sender = clinic.connect("dft-charges")
    answer = sender.ask(charges("C1", "P1", "V1", Used("T1", "270010", "2", ward="DRESS"), ward="OPD1"))
    assert b"MSA|AA|C1" in (answer or b"")
    wait_for(lambda: len(clinic.ledger()) == 2, "a charge and what was used", clinic, 10)
    effects = [line["effect"] for line in clinic.ledger()]
    assert {effect["company"] for effect in effects} == {CLINIC}
    assert [effect["location"] for effect in effects if "location" in effect] == ["OUT/Stock"]


@pytest.fixture(scope="module")
def hospital() -> Iterator[Running]:
    """A database of its own in the real Odoo: the clinic is its second company."""
    found = fresh_database("clinic")
    yield found
    drop_database(found)


@pytest.mark.timeout(300)
@NEEDS_ODOO[0]
@NEEDS_ODOO[1]
def test_a_real_odoo_has_it_in_the_books_of_the_clinic(hospital: Running, tmp_path: Path) -> None:
    engine = HospitalEngine(tmp_path, hospital)
    site_in(engine, set(NAMES))
    for word, value in (
        ("URL", hospital.url),
        ("DATABASE", hospital.database),
        ("USER", hospital.user.login),
        ("KEY", hospital.user.key),
    ):
        engine.environment[f"WARDLINE_ODOO_CLINIC_ODOO_{word}"] = value
    try:
        engine.spawn()
        wait_for(lambda: len(engine._ports) == 2 and engine.ready(), "the clinic's doors", engine)
        message = charges("C1", "P1", "V1", Used("T1", "270010", "2", ward="DRESS"), ward="OPD1")
        assert engine.send("dft-charges", message)[0]
        (view,) = engine.all_settled()
        assert view.state == "delivered", view
        companies = {"allowed_company_ids": [1, 2]}
        ours = ["company_id.name", "=", CLINIC]
        with sign_in(hospital) as admin:
            (order,) = admin.read("sale.order", [], "company_id", context=companies)
            (move,) = admin.read("stock.move", [ours], "location_id", "quantity", "state", context=companies)
        assert order["company_id"][1] == CLINIC
        assert (move["location_id"][1], move["quantity"], move["state"]) == ("OUT/Stock", 2.0, "done")
        assert engine.stop() == 0
    finally:
        engine.end()
