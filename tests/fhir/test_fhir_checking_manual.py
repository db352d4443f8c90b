"""The examples of the manual page on checking are what happens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.fhir.json_text import load
from engine.fhir.rules import check_change
from engine.fhir.validation import check, status_of
from tests.fhir.test_fhir_validation import CHARGE, R5, S1

PAGE = Path(__file__).parents[2] / "docs" / "manual" / "fhir-checking.md"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in PAGE.read_text().splitlines()
    if line.startswith(("| R4 ", "| R5 "))
]
BODIES = {"R4 SupplyRequest": S1, "R4 ChargeItem": CHARGE, "R5 SupplyRequest": R5}


@pytest.mark.parametrize("row", ROWS, ids=[row[4] for row in ROWS])
def test_what_the_page_says(row: list[str]) -> None:
    body: dict[str, Any] = BODIES[row[0]] | load(row[1].strip("`").encode())
    release: Any = row[0].split()[0]
    found = check(load(json.dumps(body, default=float).encode()), release)
    found = found or check_change(None, body, release)
    assert [str(status_of(found)), found[0].code, found[0].expression] == row[2:5]


def test_there_are_examples() -> None:
    assert len(ROWS) == 15
