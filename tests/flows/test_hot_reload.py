"""Editions are taken up while messages flow: none is lost, doubled, or made of two editions, and no
connection is dropped. Editions differ in what they make of a message: each sends the stock to a place of
its own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from deployed import Deployed, Taken, charge, edition
from patience import free_port
from running import wait_for
from sending import framed

SENDERS = 6
WINDOW = 8  # messages on their way over one connection
PACE = 1 / 300  # seconds a message of each sender: well over 1,000 a second in all


class Line(threading.Thread):
    """A sender that never hangs up: it sends what was not answered again only when the engine is gone."""

    def __init__(self, engine: Deployed, number: int, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self._engine, self._number, self._ended = engine, number, ended
        self.answered: list[int] = []
        self.hung_up = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        names = itertools.count(100_000 * (self._number + 1))
        waiting: list[int] = []
        while not (self._ended.is_set() and not waiting):
            try:
                waiting = self._talk(names, waiting)
            except (OSError, StopIteration, AssertionError) as error:  # no port before it listens again
                self.failure = error
                time.sleep(0.05)
            else:
                self.failure = None

    def _talk(self, names: Iterator[int], waiting: list[int]) -> list[int]:
        """Over one connection, until it is closed or all is said; what is not answered yet."""
        sender = self._engine.connect()
        try:
            for name in waiting:
                sender.raw(framed(charge(name)))
            while waiting or not self._ended.is_set():
                while len(waiting) < WINDOW and not self._ended.is_set():
                    waiting.append(next(names))
                    sender.raw(framed(charge(waiting[-1])))
                time.sleep(PACE)
                answer = sender.answer(30.0)
                if answer is None:
                    self.hung_up += 1
                    return waiting
                assert b"MSA|AA|" in answer
                assert b"|C%d\r" % waiting[0] in answer, "answers keep the order of the messages"
                self.answered.append(waiting.pop(0))
            return waiting
        except OSError:
            self.hung_up += 1
            return waiting
        finally:
            sender.close()


class Load:
    """Several such senders at once."""

    def __init__(self, engine: Deployed) -> None:
        self._ended = threading.Event()
        self.lines = [Line(engine, number, self._ended) for number in range(SENDERS)]
        self._engine = engine

    def __enter__(self) -> Load:
        for line in self.lines:
            line.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for line in self.lines:
            line.join(60)
        assert not any(line.is_alive() for line in self.lines)

    @property
    def answered(self) -> int:
        return sum(len(line.answered) for line in self.lines)

    def flows(self, messages: int = 200) -> None:
        """Wait until so many more messages are answered."""
        enough = self.answered + messages
        wait_for(lambda: self.answered >= enough, "messages to be answered", self._engine)


def assert_whole(engine: Deployed, load: Load) -> dict[int, int]:
    """Every answered message is there once, its effect stands once and is of the edition that took it; how
    many messages each edition took."""
    engine.rest()
    originals = [one for one in engine.taken().values() if one.state != "duplicate"]
    assert {one.state for one in originals} == {"delivered"}, engine.reasons()
    stands = [number for one in originals for number, _ in one.effects]
    assert len(stands) == len(set(stands)) == len(originals), "each message has its effect, once"
    assert {number for line in load.lines for number in line.answered} <= set(stands), "none is lost"
    for one in originals:
        assert [place for _, place in one.effects] == [place_of(one)]
    carried = [int(line["effect"]["items"][0]["quantity"]) for line in engine.ledger()]
    assert sorted(carried) == sorted(stands), "carried out once"
    counted: dict[int, int] = {}
    for one in originals:
        counted[one.edition] = counted.get(one.edition, 0) + 1
    return counted


def place_of(one: Taken) -> str:
    return f"WH/E{one.edition}"


@pytest.mark.parametrize(("database", "workers"), [("sqlite", 1), ("sqlite", 2), ("postgres", 1)])
def test_editions_come_and_go_under_load(
    deployed: Callable[..., Deployed], database: str, workers: int, request: pytest.FixtureRequest
) -> None:
    """Two more editions, back to the first of them, kill -9 in the middle of it."""
    url = request.getfixturevalue("postgres_url") if database == "postgres" else ""
    port = free_port()
    engine = deployed(edition("E1", port=port), store=url, workers=workers)
    engine.start()
    with Load(engine) as load:
        load.flows()
        engine.deploy(edition("E2", port=port))
        load.flows()
        engine.deploy(edition("E3", port=port))
        load.flows()
        engine.back()
        load.flows()
        assert [line.hung_up for line in load.lines] == [0] * SENDERS, "no connection was dropped"
        engine.deploy(edition("E4", port=port), wait=False)
        engine.kill()
        engine.start()
        load.flows()
    counted = assert_whole(engine, load)
    assert sorted(counted) == [1, 2, 3, 4]
    assert all(line.failure is None for line in load.lines)
    assert sum(line.hung_up for line in load.lines) >= SENDERS, "only by kill -9"
    assert engine.counted("connections_accepted") == SENDERS
    assert engine.stop() == 0
