"""Scopes of systems: the grammar, and what they add up to."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.access import Scopes
from engine.access.scopes import Interaction, read_scope

LETTERS = {
    "create": "c", "read": "r", "vread": "r", "history": "r", "update": "u", "patch": "u", "delete": "d",
    "search": "s", "history-type": "s",
}  # fmt: skip
TYPES = ("SupplyRequest", "ChargeItem", "*")


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("system/SupplyRequest.c", ("SupplyRequest", "c")),
        ("system/SupplyRequest.cruds", ("SupplyRequest", "cruds")),
        ("system/*.rs", ("*", "rs")),
        ("system/ChargeItem.read", ("ChargeItem", "rs")),
        ("system/ChargeItem.write", ("ChargeItem", "cud")),
        ("system/*.*", ("*", "cruds")),
        ("patient/Observation.rs", None),
        ("openid", None),
        ("system/Task.rs?owner=Organization/1", None),
    ],
)
def test_a_scope(word: str, means: tuple[str, str] | None) -> None:
    assert read_scope(word) == means


@pytest.mark.parametrize(
    "word",
    [
        "", " ", "system/", "system/SupplyRequest", "system/SupplyRequest.", "system/SupplyRequest.dus",
        "system/SupplyRequest.sr", "system/SupplyRequest.cc", "system/SupplyRequest.x", "system/supply.c",
        "system/SupplyRequest.C", "system/SupplyRequest.c.r", "system/Supply*.c", "system/**.c", "system/.c",
        "system/SupplyRequest.reads", "system/SupplyRequest.c\n", 'a"b', "a\\b", "a\x7f", "ä",
        "system/SupplyRequest.dus?x=1",
    ],
)  # fmt: skip
def test_no_scope(word: str) -> None:
    with pytest.raises(ValueError):
        read_scope(word)


@pytest.mark.parametrize(
    "text", ["", " system/Task.r", "system/Task.r ", "system/Task.r  system/Task.c", "a\tb"]
)
def test_scopes_have_one_space_between_them(text: str) -> None:
    with pytest.raises(ValueError):
        Scopes.parse(text)


def test_scopes_are_not_read_without_end() -> None:
    with pytest.raises(ValueError, match="too long"):
        Scopes.parse("system/Task.r " * 1000 + "system/Task.r")


def _words(text: str) -> st.SearchStrategy[str]:
    letters = st.sets(st.sampled_from("cruds"), min_size=1).map(
        lambda chosen: "".join(sorted(chosen, key="cruds".index))
    )
    return st.builds(
        "system/{}.{}".format, st.sampled_from(TYPES), letters | st.sampled_from(["read", "write", "*"])
    )


WORDS = st.lists(_words(""), max_size=5)


@given(
    WORDS, st.sampled_from(["SupplyRequest", "ChargeItem", "Task"]), st.sampled_from(get_args(Interaction))
)
def test_scopes_allow_what_one_of_their_words_says(words: list[str], type_: str, interaction: str) -> None:
    means = [found for word in words if (found := read_scope(word))]
    wanted = any(named in ("*", type_) and LETTERS[interaction] in letters for named, letters in means)
    assert Scopes.of(words).may(type_, interaction) is wanted  # type: ignore[arg-type]


@given(
    WORDS,
    WORDS,
    st.sampled_from(["SupplyRequest", "ChargeItem", "Task"]),
    st.sampled_from(get_args(Interaction)),
)
def test_granted_is_what_was_asked_for_and_is_allowed(
    asked: list[str], allowed: list[str], type_: str, interaction: str
) -> None:
    one, other = Scopes.of(asked), Scopes.of(allowed)
    both = one.both(other)
    assert both.may(type_, interaction) is (one.may(type_, interaction) and other.may(type_, interaction))  # type: ignore[arg-type]
    assert both == other.both(one)
    assert both == (Scopes.parse(str(both)) if both else Scopes())


@given(st.text(max_size=60) | st.from_regex(r"system/[A-Za-z*]{0,12}\.[a-z*]{0,6}", fullmatch=True))
def test_whatever_is_sent_is_a_scope_or_is_refused(text: str) -> None:
    try:
        found = Scopes.parse(text)
    except ValueError:
        return
    assert all(letters and set(letters) <= set("cruds") for letters in found.letters.values())
