"""Which program a message goes through: that of the edition that took it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from test_checking import program

from engine.errors import Misconfigured, Unavailable
from engine.model import Lane
from engine.program import Program
from engine.programs import Programs

OLD, NEW = program(criticality="bulk"), program(criticality="high")


class Shelf:
    """Editions that can be loaded, and how often they were."""

    def __init__(self, **editions: dict[str, Program]) -> None:
        self.editions, self.loaded = editions, list[int]()

    def load(self, edition: int) -> dict[str, Program]:
        self.loaded.append(edition)
        try:
            return self.editions[f"e{edition}"]
        except KeyError:
            raise Misconfigured("it cannot be read") from None


def test_each_edition_keeps_its_programs_and_0_is_the_current_one() -> None:
    programs = Programs({"charges": OLD}, 1)
    programs.turn(2, {"charges": NEW, "orders": NEW})
    assert programs.edition == 2
    assert programs.get(1, "charges") is OLD
    assert programs.get(2, "charges") is programs.get(0, "charges") is NEW
    assert programs.get(1, "orders") is None
    assert programs.channels == {"charges", "orders"}
    assert sorted(one.lane for one in programs.all()) == [Lane.HIGH, Lane.HIGH, Lane.BULK]


def test_before_there_are_editions_all_is_of_the_current_one() -> None:
    programs = Programs({"charges": OLD})
    assert programs.get(0, "charges") is OLD
    assert programs.all() == [OLD]


def test_what_is_not_held_is_loaded_once_by_whoever_asks() -> None:
    shelf = Shelf(e3={"charges": OLD})
    programs = Programs({}, 4, shelf.load)
    assert [programs.get(3, "charges"), programs.get(3, "orders")] == [OLD, None]
    assert shelf.loaded == [3]


def test_what_cannot_be_loaded_has_no_programs_and_is_not_tried_for_every_message() -> None:
    shelf = Shelf()
    programs = Programs({"charges": NEW}, 4, shelf.load)
    assert [programs.get(3, "charges"), programs.get(3, "charges")] == [None, None]
    assert shelf.loaded == [3]


def test_a_store_that_is_away_is_asked_again() -> None:
    answers: list[Any] = [Unavailable("away"), {"charges": OLD}]

    def load(_edition: int) -> dict[str, Program]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    programs = Programs({}, 4, load)
    with pytest.raises(Unavailable):
        programs.get(3, "charges")
    assert programs.get(3, "charges") is OLD


def test_editions_without_open_work_are_let_go_but_not_the_current_one() -> None:
    shelf = Shelf(e1={"charges": OLD}, e2={"charges": OLD})
    programs = Programs(MappingProxyType({"charges": NEW}), 3, shelf.load)
    programs.keep([1, 2])
    assert sorted(programs.held) == [0, 1, 2, 3]
    programs.keep([2])
    assert sorted(programs.held) == [0, 2, 3]
    programs.keep([])
    assert sorted(programs.held) == [0, 3]
    assert shelf.loaded == [1, 2]


def test_an_edition_that_is_current_again_is_the_same() -> None:
    programs = Programs({"charges": OLD}, 1)
    programs.turn(2, {"charges": NEW})
    programs.turn(1, {"charges": OLD})
    assert programs.edition == 1
    assert programs.get(0, "charges") is programs.get(1, "charges") is OLD
