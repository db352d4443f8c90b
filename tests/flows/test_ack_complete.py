"""Every case of the acknowledgement table has a test here that carries its number (spec: ack, section 8)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

CASES = [f"A{number:02}" for number in range(1, 74)]


def numbered() -> dict[str, list[str]]:
    """The tests of whole flows (the real engine over real sockets) by the cases in their names."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                for number in re.findall(r"(?<=_a)\d\d(?=_|$)", node.name):
                    found.setdefault(f"A{number}", []).append(f"{file.name}::{node.name}")
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_case_has_a_test(case: str) -> None:
    assert numbered().get(case), f"no test in tests/flows says {case} in its name"


def test_no_test_speaks_of_a_case_that_is_not_in_the_table() -> None:
    assert set(numbered()) <= set(CASES)
