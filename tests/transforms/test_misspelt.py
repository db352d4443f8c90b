"""The path that was probably meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.hl7.path import Path
from engine.privacy.table import v2_table
from engine.transforms.misspelt import path_meant
from engine.transforms.wording import near


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("ft1-7.1", "did you mean FT1-7.1?"),
        ("FT1.7.1", "did you mean FT1-7.1?"),
        ("PID_3", "did you mean PID-3?"),
        ("PID:5:1", "did you mean PID-5.1?"),
        ("FTI-7.1", "did you mean FT1-7.1?"),
        ("PID-99", "the fields of PID are 1 to 40"),
        ("PID-0", "the fields of PID are 1 to 40"),
        ("PID-3", ""),
        ("ZPI-7", ""),
        ("visit", ""),
        ("", ""),
    ],
)
def test_the_path_that_was_meant(text: str, hint: str) -> None:
    assert path_meant(text) == hint


@given(st.sampled_from(sorted(v2_table().fields)), st.sampled_from("-._: "), st.booleans())
def test_any_field_however_it_is_written_is_recognised(
    place: tuple[str, int], between: str, small: bool
) -> None:
    segment, field = place
    text = f"{segment.lower() if small else segment}{between}{field}"
    hint = path_meant(text)
    right = f"{segment}-{field}"
    assert hint == ("" if text == right else f"did you mean {right}?")
    assert Path.parse(right).field == field


def test_the_word_that_starts_alike_is_meant_first() -> None:
    assert near("FTI", ["SFT", "FT1", "TFI"]) == "did you mean FT1?"
    assert near("xyz", ["charge"]) == ""
