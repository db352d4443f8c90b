"""Keys of people, and the gate that they open."""

from __future__ import annotations

from functools import cache

import pytest
from reidentify.desk_kit import Kit

from engine.access import Certificate
from engine.errors import Unavailable
from engine.people.keys import make_key, read_key
from engine.people.words import Person, Role
from engine.reidentify import gate
from engine.reidentify.gate import FAILURES, LOCKED_FOR, STRANGERS, Gate
from engine.reidentify.words import Denied, Step, Steps
from engine.slow_hashes import hash_of, holds, is_hash


@cache
def made(name: str) -> tuple[str, str]:
    """A key and its hash; made once in a run, because hashes are slow."""
    key = make_key(name)
    return key, hash_of(key)


def somebody(name: str, *certificates: str) -> Person:
    return Person(name, f"{name} of the office", frozenset(Role), made(name)[1], frozenset(certificates))


class Door:
    """A gate, and who knocks."""

    def __init__(self, *people: Person) -> None:
        self.kit = Kit()
        self.people = {person.name: person for person in people or (somebody("maria"),)}
        self.gate = self.anew()

    def anew(self) -> Gate:
        self.gate = Gate(lambda: self.people, self.kit.record, self.kit.alarm)
        self.gate._nobody = made("nobody")[1]  # one for all
        return self.gate

    def knock(self, key: str, peer: Certificate | None = None, scheme: str = "Bearer ") -> str:
        try:
            return self.gate.admit(scheme + key, peer, self.kit.now).name
        except Denied as denied:
            return denied.why


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each comparison is made once in a run: they are slow, and always come out the same."""
    monkeypatch.setattr(gate, "holds", _held)


_held = cache(holds)

WRONG = "wrk1_maria_" + "x" * 43


def test_a_key_holds_for_its_own_hash_only() -> None:
    key, hashed = made("maria")
    assert holds(key, hashed)
    assert not holds(WRONG, hashed)
    assert not holds(key.replace("maria", "jon"), hashed)
    assert is_hash(hashed)
    assert key not in hashed
    assert key.rpartition("_")[2] not in repr(read_key(key))
    assert hash_of(key) != hashed  # salted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "maria",
        "wrk1_maria_short",
        "wrk1_Maria_" + "x" * 43,
        WRONG + "\n",
        " " + WRONG,
        "wrk1__" + "x" * 43,
    ],
)
def test_what_is_no_key(text: str) -> None:
    assert read_key(text) is None


def test_a_name_with_underscores_in_its_secret() -> None:
    found = read_key("wrk1_m.weber_" + "_" * 43)
    assert found is not None
    assert found.name == "m.weber"


@pytest.mark.parametrize(
    "cheap", ["$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43, "", "plain"]
)
def test_a_hash_that_is_cheaper_is_none(cheap: str) -> None:
    assert not is_hash(cheap)


def test_who_has_the_key_comes_in() -> None:
    door = Door()
    assert door.knock(made("maria")[0]) == "maria"
    assert door.knock(made("maria")[0], scheme="Basic ") == "nobody"
    assert door.knock(made("maria")[0], scheme="") == "nobody"
    assert door.knock(made("jon")[0]) == "nobody"
    assert door.kit.steps == []  # a name that nobody has is not written down: it could be anything


def test_wrong_keys_lock_and_the_right_one_does_not_open_until_the_time_is_over() -> None:
    door = Door()
    assert [door.knock(WRONG) for _ in range(FAILURES + 1)] == ["nobody"] * FAILURES + ["locked"]
    assert door.knock(made("maria")[0]) == "locked"
    assert door.kit.alarms == [("maria", "locked")]
    assert [step.step for step in door.kit.steps] == [Steps.KEY_FAILED] * FAILURES + [Steps.LOCKED]
    door.kit.later(LOCKED_FOR - 1, wall=1e9)  # setting the clock opens nothing
    assert door.knock(made("maria")[0]) == "locked"
    door.kit.later(1)
    assert door.knock(made("maria")[0]) == "maria"


def test_a_restart_opens_no_lock() -> None:
    door = Door()
    for _ in range(FAILURES):
        door.knock(WRONG)
    door.anew().restore(door.kit.steps, door.kit.now)
    assert door.knock(made("maria")[0]) == "locked"


def test_the_right_key_forgives_the_wrong_ones_before() -> None:
    door = Door()
    for _ in range(FAILURES - 1):
        door.knock(WRONG)
    assert door.knock(made("maria")[0]) == "maria"
    assert door.knock(WRONG) == "nobody"
    door.kit.later(1)
    assert door.knock(made("maria")[0]) == "maria"


def test_a_certificate_that_is_asked_for_and_cannot_be_used_to_lock_somebody_out() -> None:
    door = Door(somebody("maria", "desk.hospital.example"))
    right = Certificate(frozenset({"desk.hospital.example"}), "")
    other = Certificate(frozenset({"other.hospital.example"}), "")
    for peer in (None, other) * FAILURES:
        assert door.knock(WRONG, peer) == "nobody"
        assert door.knock(made("maria")[0], peer) == "nobody"
    assert door.knock(made("maria")[0], right) == "maria"


def test_somebody_taken_out_of_the_file_is_out() -> None:
    door = Door()
    del door.people["maria"]
    assert door.knock(made("maria")[0]) == "nobody"


def test_a_restart_remembers_that_the_right_key_came_after_wrong_ones() -> None:
    door = Door()
    for _ in range(FAILURES - 1):
        door.knock(WRONG)
    steps = [*door.kit.steps, Step(door.kit.now.wall, Steps.REFUSED, "maria", why="limit")]
    door.anew().restore(steps, door.kit.now)
    assert door.knock(WRONG) == "nobody"
    assert door.knock(made("maria")[0]) == "maria"


def test_a_flood_of_invented_names_costs_no_time_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    door, compared = Door(), list[str]()
    monkeypatch.setattr(gate, "holds", lambda key, hashed: bool(compared.append(key)) or holds(key, hashed))
    monkeypatch.setattr(door.gate, "_nobody", "$not a hash")  # quick
    for number in range(STRANGERS + 20):
        assert door.knock(f"wrk1_stranger{number}_" + "x" * 43) == "nobody"
    assert len(compared) == STRANGERS
    assert door.knock(made("maria")[0]) == "maria"


def test_a_failure_that_cannot_be_written_down_opens_nothing() -> None:
    door = Door()
    door.kit.away = True
    for _ in range(FAILURES):
        with pytest.raises(Unavailable):
            door.knock(WRONG)
    assert door.knock(made("maria")[0]) == "locked"


def test_more_than_a_few_requests_a_second_wait() -> None:
    door = Door()
    answers = [door.knock(made("maria")[0]) for _ in range(6)]
    assert answers == ["maria"] * 5 + ["limit"]
    door.kit.later(1)
    assert door.knock(made("maria")[0]) == "maria"
