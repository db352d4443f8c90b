"""Every check of the privacy table has a test that carries its number (spec: PHI, section 7)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

CHECKS = [f"P{number:02}" for number in range(1, 16)]


@cache
def numbered() -> dict[str, list[str]]:
    """Tests by the checks in their names."""
    found: dict[str, list[str]] = {}
    for file in sorted(Path(__file__).parents[1].rglob("test_*.py")):
        for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE):
            for number in re.findall(r"(?<=_)[pP](\d\d)(?=_|$)", name):
                found.setdefault(f"P{number}", []).append(f"{file.name}::{name}")
    return found


@pytest.mark.parametrize("check", CHECKS)
def test_the_check_has_a_test(check: str) -> None:
    assert numbered().get(check), f"no test says {check} in its name"
