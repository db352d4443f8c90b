"""T12 with the whole engine: Odoo away, slow, restarting, overloaded, with its key withdrawn.

Messages are acknowledged all the while. When Odoo is back the queue drains by itself, every effect stands
once, and only what the business refuses is a dead letter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from expected_books import ExpectedBooks
from hospital_messages import Used, admission, booking, charges
from odoo_books import Books, put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine
from patience import free_port
from running import wait_for
from token_names import TokenNames

from demo.odoo import Running
from demo.session import Session
from engine.effects import Effect
from engine.model import ReasonCode
from engine.store.contracts.views import DeliveryView, Query

sys.path.append(str(Path(__file__).parents[1] / "destinations"))
from faulty_proxy import FAULTS, PATIENCE, FaultyProxy

pytestmark = [*NEEDS_ODOO, pytest.mark.slow, pytest.mark.timeout(900)]

IMPATIENT = "impatient=0.1"
ADT, DFT, SIU = "adt-encounters", "dft-charges", "theatre-schedule"
_marks = count(1)


class Ward:
    """An engine before an Odoo that can be disturbed; every test sends messages under a mark of its own."""

    def __init__(self, folder: Path, hospital: Running, admin: Session) -> None:
        self.port = free_port()
        self.proxy: FaultyProxy | None = FaultyProxy(hospital.url, 0.0, 12, port=self.port)
        self.engine = HospitalEngine(folder, hospital, url=self.proxy.url, odoo={"TIMEOUT": str(PATIENCE)})
        self._hospital, self._admin = hospital, admin

    def send(self) -> str:
        """Four visits with all kinds of effects, and one cancellation of what nobody booked; their mark."""
        mark = f"W{next(_marks)}"
        c = (f"{mark}-{n}" for n in count(1))
        visits = [(f"{n}{mark}", f"V{n}{mark}") for n in range(4)]
        self.accepted(ADT, [admission(next(c), *visit) for visit in visits])
        self.accepted(
            DFT,
            [
                charges(next(c), *visit, Used(f"T{n}{mark}", "850001", "2"), Used(f"S{n}{mark}", "270001"))
                for n, visit in enumerate(visits)
            ]
            + [charges(next(c), *visits[0], Used(f"T0{mark}", "850001", "1", "CD"))],
        )
        self.accepted(
            SIU,
            [booking(next(c), f"C{n}{mark}", *visits[n]) for n in range(2)]
            + [
                booking(next(c), f"C0{mark}", *visits[0], "S15"),
                booking(next(c), f"C9{mark}", *visits[3], "S15"),
            ],
        )
        return mark

    def accepted(self, channel: str, raws: list[bytes]) -> None:
        answers = self.engine.send(channel, *raws)
        assert all(answer and b"\rMSA|AA|" in answer for answer in answers)

    def disturb(self, share: float, *faults: str) -> None:
        assert self.proxy is not None
        self.proxy.met.clear()
        self.proxy.faults, self.proxy.share = faults, share

    def met(self, times: int) -> None:
        """Wait until the engine met the disturbance so often."""
        proxy = self.proxy
        assert proxy is not None
        wait_for(lambda: sum(n for name, n in proxy.met.items() if name) >= times, "faults", self.engine, 60)

    def gone(self) -> None:
        """Nothing listens any more where Odoo was."""
        assert self.proxy is not None
        self.proxy.end()
        self.proxy = None

    def back(self) -> None:
        """Odoo is as it should be."""
        if self.proxy is None:
            self.proxy = FaultyProxy(self._hospital.url, 0.0, 12, port=self.port)
        self.proxy.share, self.proxy.poison = 0.0, b""

    def dead(self) -> list[str]:
        """The reasons of all dead letters so far."""
        with self.engine.store() as store:
            return [
                view.reason.code.value if view.reason else ""
                for view in store.deliveries(Query(state="dead", limit=1000))
            ]

    def waiting(self) -> int:
        """How many messages are on their way."""
        with self.engine.store() as store:
            return sum(row.messages for row in store.account() if row.state.value == "waiting")

    def stands_once(self, mark: str) -> None:
        """All that was sent under the mark stands as it should, and nothing else does."""
        names, expected = TokenNames(), ExpectedBooks()
        views = self.engine.all_settled()
        effects: dict[int, list[Effect]] = {}
        for view in self.engine.deliveries():
            effects.setdefault(view.delivery.message_id, []).append(view.delivery.effect)
        for view in views:
            wanted = self.engine.expected(view.channel, self.engine.content(view.id))
            names.learn(effects.get(view.id, []), wanted)
            for effect in wanted if view.state.value == "delivered" else ():
                expected.apply(effect)
        books = read_books(self._admin, names)
        assert books.strays == {}
        assert part(books, mark) == part(expected.books(), mark)
        self.engine.account()


def part(books: Books, mark: str) -> list[dict[str, object]]:
    return [{key: row for key, row in one.items() if mark in key} for one in books]


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ward]:
    hospital = fresh_database("away")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        made = Ward(tmp_path_factory.mktemp("away"), hospital, admin)
        made.engine.start(IMPATIENT)
        yield made
        made.engine.end()
    made.back()
    made.gone()
    drop_database(hospital)


@pytest.mark.parametrize(
    ("fault", "times"),
    [
        *((fault, 4) for fault in ("refuse", "500", "429", "serialization", "not json", "key")),
        ("late before", 2),
    ],
)
def test_t12_odoo_is_away_for_a_while(ward: Ward, fault: str, times: int) -> None:
    """Everything is acknowledged, nothing is given up, and when Odoo is back all of it stands once."""
    dead = ward.dead()
    ward.disturb(1.0, fault)
    mark = ward.send()
    ward.met(times)
    assert ward.waiting() >= 8
    assert ward.dead() == dead
    ward.back()
    ward.engine.all_settled()
    assert ward.dead() == [*dead, ReasonCode.UNKNOWN_REFERENCE]
    ward.stands_once(mark)


def test_t12_nothing_listens_where_odoo_was(ward: Ward) -> None:
    dead = ward.dead()
    ward.gone()
    mark = ward.send()
    wait_for(lambda: "cannot be reached" in " ".join(map(_told, ward.engine.deliveries())), "a refusal")
    assert ward.waiting() >= 8
    ward.back()
    ward.engine.all_settled()
    assert ward.dead() == [*dead, ReasonCode.UNKNOWN_REFERENCE]
    ward.stands_once(mark)


@pytest.mark.parametrize(("faults", "share"), [(("late after", "cut"), 0.15), (FAULTS, 0.2)])
def test_t12_answers_are_lost_after_odoo_has_committed(
    ward: Ward, faults: tuple[str, ...], share: float
) -> None:
    """A share of all calls goes wrong, most of them when the work was done."""
    dead = ward.dead()
    ward.disturb(share, *faults)
    mark = ward.send()
    ward.met(4)
    ward.back()
    ward.engine.all_settled()
    assert ward.dead() == [*dead, ReasonCode.UNKNOWN_REFERENCE]
    ward.stands_once(mark)


@pytest.mark.parametrize("fault", ["500", "late before"])
def test_t12_a_charge_at_which_odoo_stumbles_holds_up_nobody_else(ward: Ward, fault: str) -> None:
    """Its visit's messages wait, in their order; those of all others go through while it lasts."""
    proxy, mark = ward.proxy, f"W{next(_marks)}"
    assert proxy is not None
    proxy.met.clear()
    proxy.poison, proxy.poisoned = b"77.77", fault
    raws = []
    for again in range(2):
        for n in range(6):
            used = Used(
                f"T{n}{again}{mark}", "850001", price="77.77&EUR" if (n, again) == (5, 0) else "14&EUR"
            )
            raws.append(charges(f"{mark}-{n}-{again}", f"{n}{mark}", f"V{n}{mark}", used))
    ward.accepted(DFT, raws)
    ward.engine.all_settled(but=2)
    assert ward.waiting() == 2
    ward.met(3)
    ward.back()
    ward.stands_once(mark)


def _told(view: DeliveryView) -> str:
    return view.reason.text if view.reason else ""
