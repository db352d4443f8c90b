"""T09 with the whole engine: kill -9 at every step of every kind of saga, before a real Odoo.

One batch holds every kind of saga. The first life passes through it undisturbed and tells its steps:
each call into Odoo and each commit of the store around it. Then, for every step, an engine is given the
same batch under other identifiers and dies there: after each step, and again a moment after each call that
writes has left, while Odoo is at work on it. Started again it has to finish by itself, and what stands in
Odoo equals what the undisturbed batch left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from odoo_books import Books, put_in_stock, read_books, read_ordered, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine, shipped
from running import wait_for
from saga_batches import STOCK_ROOM, Batch, Sent, batch, mark_of
from token_names import TokenNames

from demo.odoo import Running
from demo.session import Session
from engine.effects import Effect
from engine.store.base import MessageStore

pytestmark = [*NEEDS_ODOO, pytest.mark.slow, pytest.mark.timeout(1800)]

READS = {"search_read", "fields_get", "get_external_id", "context_get", "check_object_reference"}
ORDERED = {"theatre": {"IMP-KNEE": 1.0}, "ward": {"NDL-18": 10.0}, "office": {}, "buyer": {}}
"""What each batch adds to the purchase orders."""

ONE_LANE = {"criticality: high\n": "", "criticality: bulk": "criticality: normal"}


class Point(NamedTuple):
    """Where to die: the step's number in its life (from 1), its name, whether with the call under way."""

    number: int
    name: str
    in_flight: bool


class Scene:
    """One engine and one Odoo for all batches."""

    def __init__(self, folder: Path, hospital: Running, admin: Session, work: str) -> None:
        self.work = work
        self.engine = HospitalEngine(
            folder, hospital, changes=ONE_LANE, more=(STOCK_ROOM, shipped("item-master", ONE_LANE))
        )
        self._folder, self._admin, self._items = folder, admin, hospital.ids["items"]
        self._hold, self._held_back = folder / "hold", folder / "held-back"
        self._passed = folder / "passed"
        self.missed: list[Point] = []

    def batch(self, number: int) -> Batch:
        return batch(self.work, number)

    def undisturbed(self, number: int) -> list[str]:
        """One life that is not disturbed; its steps."""
        self._passed.unlink(missing_ok=True)
        self._live(number, "points=", 0)
        self.engine.all_settled()
        self.engine.kill()
        return self._passed.read_text().split("\n")[:-1]

    def killed(self, number: int, point: Point) -> None:
        """A life that finishes what the one before left, takes a batch of its own and dies at the point."""
        self._live(number, "in-flight=" if point.in_flight else "points=", point.number)
        with self.engine.store() as store:
            wait_for(lambda: not self.engine.runs or not _open(store), "the engine to die", self.engine, 60)
        # What the last step wrote can be seen a moment before the engine dies after that step.
        with suppress(AssertionError):
            wait_for(lambda: not self.engine.runs, "the engine to die", self.engine, 5)
        if self.engine.runs:
            self.missed.append(point)
            self.engine.kill()
        assert self.engine.wait() == -9

    def prepare(self, numbers: range) -> None:
        """What stands before each of the batches."""
        self.engine.spawn("impatient=0.05")
        self.engine.wait_ready()
        for number in numbers:
            self._send(self.batch(number).before)
        self.engine.all_settled(180)
        self.engine.kill()
        self.engine.goes_on = True

    def _live(self, number: int, fault: str, at: int) -> None:
        items = [["product_id.default_code", "in", list(self._items)]]
        rules = self._admin.call("stock.warehouse.orderpoint", "search", items)
        self.engine.spawn("impatient=0.05", f"{fault}{self._folder}:{at}")
        self.engine.wait_ready().all_settled()
        self._admin.call("stock.warehouse.orderpoint", "unlink", rules)  # every batch makes its own
        self._held_back.unlink(missing_ok=True)
        self._hold.touch()
        wait_for(self._held_back.exists, "deliveries to be held back", self.engine)
        self._send(self.batch(number).wanted)
        self.engine.routed()
        self._hold.unlink()

    def _send(self, sent: Sent) -> None:
        for name in dict.fromkeys(name for name, _ in sent):
            answers = self.engine.send(name, *[raw for one, raw in sent if one == name])
            assert all(answer and b"\rMSA|AA|" in answer for answer in answers)


def _open(store: MessageStore) -> bool:
    return any(row.state.value in ("received", "waiting") for row in store.account())


@pytest.fixture
def hospital() -> Iterator[Running]:
    found = fresh_database("killsteps")
    yield found
    drop_database(found)


@pytest.mark.parametrize("work", ORDERED)
def test_t09_killed_at_any_step_the_engine_finishes_by_itself(
    work: str, tmp_path: Path, hospital: Running
) -> None:
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital, but=("NDL-18",))
        scene = Scene(tmp_path, hospital, admin, work)
        try:
            prove(scene, admin)
        finally:
            scene.engine.end()


def prove(scene: Scene, admin: Session) -> None:
    """Every point of the batch of this scene's work."""
    scene.prepare(range(2))
    scene.undisturbed(0)  # what is made once in an Odoo's life stands from here on
    steps = scene.undisturbed(1)
    points = points_of(steps)
    print(f"{scene.work}: {len(steps)} steps, killed at {len(points)} points")
    scene.prepare(range(2, 2 + len(points)))
    ordered = read_ordered(admin)
    for number, point in enumerate(points, 2):
        scene.killed(number, point)
    scene.engine.start("impatient=0.05")
    scene.engine.all_settled()
    assert scene.missed == []
    same_everywhere(scene, admin, points)
    grown = {code: amount - ordered.get(code, 0.0) for code, amount in read_ordered(admin).items()}
    wanted = {code: amount * len(points) for code, amount in ORDERED[scene.work].items()}
    assert {code: amount for code, amount in grown.items() if amount} == wanted
    one = scene.batch(0)
    messages, dead = (number * (2 + len(points)) for number in (len(one.before + one.wanted), one.refused))
    states = Counter(view.state.value for view in scene.engine.all_settled())
    assert states == Counter(delivered=messages - dead, dead=dead)
    scene.engine.account()


def points_of(steps: list[str]) -> list[Point]:
    """After every step, and with every writing call under way."""
    after = [Point(n, name, False) for n, name in enumerate(steps, 1) if name.startswith("after")]
    writes = [
        Point(n, name, True)
        for n, name in enumerate(steps, 1)
        if name.startswith("before") and name.rpartition(".")[2] not in READS
    ]
    return sorted([*after, *writes])


def same_everywhere(scene: Scene, admin: Session, points: list[Point]) -> None:
    """Every batch left what the undisturbed one left."""
    books = read_books(admin, learnt(scene.engine))
    assert books.strays == {}
    expected = part(books, 1)
    assert any(expected)
    for number, point in enumerate(points, 2):
        assert part(books, number) == expected, point


def learnt(engine: HospitalEngine) -> TokenNames:
    """What all tokens of the engine stand for."""
    names = TokenNames()
    effects: dict[int, list[Effect]] = {}
    for view in engine.deliveries():
        effects.setdefault(view.delivery.message_id, []).append(view.delivery.effect)
    for view in engine.all_settled():
        names.learn(effects.get(view.id, []), engine.expected(view.channel, engine.content(view.id)))
    return names


def part(books: Books, number: int) -> list[dict[str, str]]:
    """A batch's part of the books, in words, without its mark."""
    mark = mark_of(number)
    return [
        {key.replace(mark, "~"): repr(row).replace(mark, "~") for key, row in one.items() if mark in key}
        for one in books
    ]
