"""Which codes of a table a missing one may stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.workbench.suggesting import suggest

ITEMS = ["270001", "270010", "120001", "GLV-M", "99214-25^C4", "850001"]


@pytest.mark.parametrize(
    ("code", "meant"),
    [("0270001", "270001"), ("27-0001", "270001"), ("glv m", "GLV-M"), ("99214 25 C4", "99214-25^C4")],
)
def test_another_spelling_is_told_as_the_same(code: str, meant: str) -> None:
    assert suggest(code, ITEMS) == [(meant, "the same, written otherwise")]


def test_few_characters_that_differ_are_told_likeliest_first() -> None:
    found = suggest("270011", ITEMS)
    assert found[0].code in ("270001", "270010")
    assert {one.why for one in found} == {"few characters differ"}
    assert len(found) <= 3


@pytest.mark.parametrize("code", ["ZZZZZZ", "X", "7"])
def test_nothing_is_suggested_for_what_is_like_none(code: str) -> None:
    assert suggest(code, ITEMS) == []


@given(st.text(min_size=1, max_size=12), st.lists(st.text(min_size=1, max_size=12), max_size=20))
def test_only_codes_of_the_table_are_suggested(code: str, known: list[str]) -> None:
    found = [one.code for one in suggest(code, known)]
    assert set(found) <= set(known)
    assert len(found) <= 3


def test_a_code_with_signs_around_it_finds_the_one_without() -> None:
    assert [one.code for one in suggest(" 00850001* ", ITEMS)] == ["850001"]
