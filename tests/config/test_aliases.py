"""Tokens by readable names, in tests and trials."""

from __future__ import annotations

from engine.config.cases.aliases import AliasBook


def test_aliases_are_as_short_as_they_can_be() -> None:
    book = AliasBook()
    first = book.token("p", "HOSP", "MR", "1")
    assert book.shown(f"a/{first}!") == "a/person:1!"
    second = book.token("p", "CLINIC", "MR", "1")
    assert book.shown(f"{first} {second}") == "person:1@HOSP person:1@CLINIC"
    third = book.token("p", "HOSP", "PI", "1")
    assert book.shown(f"{first} {third}") == "person:1@HOSP/MR person:1@HOSP/PI"
    assert book.token("p", "HOSP", "MR", " 1 ") == first
    assert book.shown("t1p_00000000000000000000000000zz") == "t1p_00000000000000000000000000zz"
    assert book.identifiers == {"1"}


def test_aliases_stand_for_the_same_tokens_every_time() -> None:
    assert AliasBook().token("v", "H", "", "9") == AliasBook().token("v", "H", "", "9")
