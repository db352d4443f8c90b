"""Merges, chains and merges taken back while messages about the same people are routed, on both databases."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from merging_hospital import ADT, Hospital, hospitals

from engine.effects import Encounter
from engine.errors import Unacceptable
from engine.model import Delivered, Lane, MessageState, Settlement
from engine.store.contracts.views import Query

PEOPLE = [str(number) for number in range(1, 7)]
MERGES = 40
MOST = 200  # messages about each while that happens
PID, MRG = "PID|1||{0}^^^GENERAL^MR", "MRG|{0}^^^GENERAL^MR"


@pytest.fixture(params=["sqlite", "postgres"])
def hospital(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hospital]:
    url = f"sqlite:///{tmp_path}/wardline.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    yield from hospitals(url, ADT)


class Traffic:
    """Visits of all people come in on a thread of their own, through a router of its own."""

    def __init__(self, hospital: Hospital) -> None:
        self._hospital, self._stop = hospital, threading.Event()
        self.sent: dict[int, str] = {}  # message → whose number
        self._errors: list[BaseException] = []
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self._errors == []

    def _run(self) -> None:
        try:
            for number in range(MOST):
                if self._stop.is_set():
                    return
                for person in PEOPLE:
                    visit = f"PV1|1|I|3A||||||||||||||||T{number}-{person}"
                    self.sent[self._hospital.store_only("ADT^A01", PID.format(person), visit)] = person
                self._hospital.route()
        except BaseException as error:
            self._errors.append(error)


def deliver(hospital: Hospital) -> None:
    """Carry out the merges and what takes them back, so that they can be taken back."""
    name = ADT.destinations[0]
    while claimed := hospital.store.claim(name, Lane.NORMAL, 500, now=300.0, lease_until=400.0, holder="me"):
        done = [Settlement(one.id, Delivered()) for one in claimed]
        hospital.store.settle(done, now=301.0, holder="me")


def taken_back(hospital: Hospital, dice: random.Random) -> None:
    """Any merge that holds, wherever in its chain; one that is still on its way waits."""
    holding = [line for line in hospital.store.merges() if not line.undone_at]
    if holding:
        line = dice.choice(holding)
        deliver(hospital)
        with suppress(Unacceptable):  # something of it is still on its way
            hospital.store.unmerge(line.gone, line.into, now=300.0)


def test_whatever_is_merged_and_taken_back_meanwhile_the_books_are_right(hospital: Hospital) -> None:
    dice = random.Random("merges in traffic")
    for person in PEOPLE:
        hospital.say("ADT^A01", PID.format(person), "PV1|1|I|3A||||||||||||||||V" + person)
    own = {person: hospital.person(person) for person in PEOPLE}
    other = Hospital.beside(hospital)
    with Traffic(other) as traffic:
        for _ in range(MERGES):
            gone, into = dice.sample(PEOPLE, 2)
            hospital.store_only("ADT^A40", PID.format(into), MRG.format(gone))
            hospital.route()
            if dice.random() < 0.6:
                taken_back(hospital, dice)
    hospital.route()
    deliver(hospital)
    assert len(traffic.sent) > len(PEOPLE)
    for number, person in traffic.sent.items():  # each message is about somebody it can be about
        subjects = {one.subject for one in hospital.effects(number) if isinstance(one, Encounter)}
        assert subjects <= set(own.values()), person
        assert hospital.view(number).state in (MessageState.DELIVERED, MessageState.WAITING)
    assert any(line.undone_at for line in hospital.store.merges())
    holds = {line.gone: line.into for line in hospital.store.merges() if not line.undone_at}
    assert hospital.store.survivors(list(own.values())) == {one: end(holds, one) for one in holds}
    for line in [one for one in hospital.store.merges() if not one.undone_at]:
        hospital.store.unmerge(line.gone, line.into, now=400.0)
    deliver(hospital)
    assert {person: hospital.person(person) for person in PEOPLE} == own
    for router in (hospital, other):  # whatever each had learnt
        late = router.say("ADT^A01", PID.format("1"), f"PV1|1|I|3A||||||||||||||||L{id(router)}")
        (opened,) = [one for one in hospital.effects(late.id) if isinstance(one, Encounter)]
        assert opened.subject == own["1"]
    assert hospital.store.gaps() == []
    assert not hospital.store.messages(Query(state=MessageState.RECEIVED))
    other.loop.close()


def end(holds: dict[str, str], token: str) -> str:
    while token in holds:
        token = holds[token]
    return token
