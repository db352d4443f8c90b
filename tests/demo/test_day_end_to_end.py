"""The demo itself, as its user starts it: without Odoo over the ledger, and into a real Odoo."""

from __future__ import annotations

import io
import os
import re
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from demo.day import play_day
from demo.odoo import Running, drop_database, fresh_database
from demo.wardline import Broken, Wardline

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hospital() -> Iterator[Running]:
    """A database of the test's own in the real Odoo."""
    if os.environ.get("WARDLINE_ODOO") == "none":
        pytest.skip("WARDLINE_ODOO=none: tests against the real Odoo are switched off")
    found = fresh_database("day")
    yield found
    drop_database(found)


@pytest.mark.odoo
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_day_in_a_real_odoo_is_as_the_story_says(hospital: Running, tmp_path: Path) -> None:
    page = io.StringIO()
    checks = play_day(Console(file=page, width=120), hospital, tmp_path, date(2026, 11, 21))
    assert not checks.failed, page.getvalue()
    shown = page.getvalue()
    assert "short by 1 IMP-KNEE" in shown
    assert "OrthoTech Implants" in shown
    assert "kill -9 with" in shown
    assert re.search(
        r"tables of Odoo for 59 names, numbers, days, addresses and phones of \d+ messages: 0 hits",
        " ".join(shown.split()),
    )
    assert "the books balance: no gap" in shown


def test_without_odoo_the_day_goes_to_a_ledger(tmp_path: Path) -> None:
    page = io.StringIO()
    checks = play_day(Console(file=page, width=80), None, tmp_path, date(2026, 11, 21))
    assert not checks.failed, page.getvalue()
    assert max(map(len, page.getvalue().splitlines())) <= 80
    assert stat.S_IMODE((tmp_path / "ledger.ndjson").stat().st_mode) == 0o600


def test_the_command_says_in_one_line_that_there_is_no_odoo() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = f"import demo.day as day, pathlib, sys; day.FOLDER = pathlib.Path({folder!r}) / 'demo'"
        script = f"{place}; sys.exit(day.main())"
        command = [sys.executable, "-c", script]
        environment = {**os.environ, "ODOO": "none"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("no Odoo: ODOO=none. The effects go to a ledger file instead.\n")
    assert "The day is as it should be" in done.stdout
    assert done.stderr == ""


def test_an_engine_that_cannot_start_is_said_so(tmp_path: Path) -> None:
    engine = Wardline(tmp_path, {"WARDLINE_HTTP": "nonsense:port"})
    with pytest.raises(Broken, match=r"the engine ended \(see .*engine\.log\)"):
        engine.start()
    engine.stop()
