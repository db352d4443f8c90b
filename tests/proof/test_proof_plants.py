"""Leaks planted on purpose in ten places: each is found, or the guard stopped it. The tenth, a
field of Odoo, is in `tests/flows/test_canary_odoo.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from planted import FIELDS

from engine.proof.prove import Wanted, prove
from engine.proof.report import Report, page

pytestmark = pytest.mark.timeout(240)

FOUND_IN = {
    "log": "said/engine.log",
    "metric": "page /metrics",
    "answer": "answers over MLLP",
    "exception": "said/engine.log",
    "reason": "wardline dead --json",
    "page": "page /ready",
    "file name": "names of files",
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    planted = (sys.executable, str(Path(__file__).with_name("planted.py")))
    wanted = Wanted(seed=3, chance=0, rows="PID-*", command=planted)
    return prove(wanted, tmp_path_factory.mktemp("planted"), lambda _: None)


@pytest.mark.parametrize("place", FOUND_IN)
def test_what_gets_out_is_found(report: Report, place: str) -> None:
    row = f"PID-{FIELDS[place]}"
    found = {hit.place for hit in report.hits if hit.row.startswith(f"{row}.") or hit.row == row}
    stopped = place == "reason" and report.incidents.get(row, 0)  # the guard reads reasons too
    assert stopped or any(name.startswith(FOUND_IN[place]) for name in found), found


@pytest.mark.parametrize("place", ["effect key", "effect value"])
def test_what_would_leave_in_an_effect_is_stopped_and_told(report: Report, place: str) -> None:
    row = f"PID-{FIELDS[place]}"
    assert not [hit for hit in report.hits if hit.row.startswith(row)]
    assert report.incidents.get(row, 0) >= 1


def test_what_stays_inside_is_not_found(report: Report) -> None:
    assert not [hit for hit in report.hits if hit.row.startswith(f"PID-{FIELDS['memory']}")]


def test_the_report_says_so(report: Report) -> None:
    assert not report.clean
    assert "values were found" in page(report)
    assert f"PID-{FIELDS['log']}" in page(report)
