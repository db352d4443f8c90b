"""Every case of the FHIR table has a test over real HTTP that carries its number (spec: FHIR, section 5)."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

CASES = [f"F{number:02}" for number in range(1, 59)]
FOLDERS = ("flows", "listeners")
"""The whole engine, and the door on a real socket with a real store behind it."""


@cache
def numbered() -> dict[str, list[str]]:
    """Tests by the cases in their names, or in the ids of what they are given."""
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for file in sorted((Path(__file__).parents[1] / folder).glob("test_fhir_*.py")):
            for node in ast.parse(file.read_text()).body:
                if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                    for number in _numbers(node):
                        found.setdefault(number, []).append(f"{file.name}::{node.name}")
    return found


def _numbers(test: ast.FunctionDef) -> set[str]:
    named = re.findall(r"(?<=_)F\d\d(?=_|$)", test.name)
    given = [
        word.value
        for decorator in test.decorator_list
        for word in ast.walk(decorator)
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    ]
    return {*named, *(match[0] for text in given if (match := re.match(r"F\d\d(?!\d)", text)))}


@pytest.mark.parametrize("case", CASES)
def test_the_case_has_a_test(case: str) -> None:
    assert numbered().get(case), f"no test over HTTP says {case} in its name"


def test_no_test_speaks_of_a_case_that_is_not_in_the_table() -> None:
    assert set(numbered()) <= set(CASES)
