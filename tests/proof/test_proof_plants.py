"""Leaks planted on purpose in ten places: each is found in the run's own search, or the guard stopped it and
told."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from odoo_for_proof import NO_ODOO, address_of, odoo_database
from planted import FIELDS

from demo.odoo import Running
from engine.proof.prove import Wanted, prove
from engine.proof.report import Report, page

pytestmark = [pytest.mark.slow, pytest.mark.odoo, pytest.mark.timeout(400)]

FOUND_IN = {
    "log": "said/engine.log",
    "metric": "page /metrics",
    "answer": "answers over MLLP",
    "exception": "said/engine.log",
    "reason": "wardline dead --json",
    "page": "page /ready",
    "file name": "names of files",
    "Odoo field": "Odoo: public.res_partner",
    "effect key": "",
    "effect value": "",
}
"""Where the search finds it; nowhere: the guard lets no effect with it leave."""


@pytest.fixture(scope="module")
def hospital() -> Iterator[Running | None]:
    with odoo_database("plants") as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, hospital: Running | None) -> Report:
    environment = dict(os.environ)
    if hospital:
        way_in = [hospital.url, hospital.database, hospital.admin.login, hospital.admin.password]
        environment["PLANTED_ODOO"] = json.dumps(way_in)
    planted = (sys.executable, str(Path(__file__).with_name("planted.py")))
    wanted = Wanted(seed=3, chance=0, rows="PID-*", command=planted, odoo=address_of(hospital))
    return prove(wanted, tmp_path_factory.mktemp("planted"), lambda _: None, environment)


@pytest.mark.parametrize("place", FOUND_IN)
def test_what_is_planted_is_found_every_time(report: Report, place: str) -> None:
    if place == "Odoo field" and NO_ODOO:
        pytest.skip("no Odoo whose database can be read")
    row = f"PID-{FIELDS[place]}"
    found = {hit.place for hit in report.hits if hit.row.startswith(f"{row}.") or hit.row == row}
    if not FOUND_IN[place]:
        assert report.incidents.get(row, 0) >= 1
        assert not found
    else:
        stopped = place == "reason" and report.incidents.get(row, 0)  # the guard reads reasons too
        assert stopped or any(name.startswith(FOUND_IN[place]) for name in found), found


def test_what_stays_inside_is_not_found(report: Report) -> None:
    assert not [hit for hit in report.hits if hit.row.startswith(f"PID-{FIELDS['memory']}")]


def test_the_report_says_so(report: Report) -> None:
    assert not report.clean
    assert "values were found" in page(report)
    assert f"PID-{FIELDS['log']}" in page(report)
