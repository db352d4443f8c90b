"""Senders of orders that want to hear what became of them (`respond: order`): over sockets, through the
running engine, with the ledger and with a real Odoo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from base_message import is_answer
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.session import Session

TYPES = "    message_types: [OMS^O05, OMN^O07, OMP^O09, ORM^O01]"
LINE = "RQD|1|||SUP-1003|20|EA|||3A|20261124"
UNKNOWN = "ERR||RQD^1^4^1^1|103^Table value not found^HL70357|E||||this code is not in the table⏎"


def order(
    control_id: str, *segments: str, kind: str = "OMS^O05^OMS_O05", version: str = "2.5.1", **ask: str
) -> bytes:
    head = rf"MSH|^~\&|WARDS|GENERAL|ENG|GENERAL|20261121||{kind}|{control_id}|P|{version}"
    head += f"|||{ask['accept']}|{ask['application']}" if ask else ""
    return "\r".join([head, *segments, ""]).encode()


def said(
    control_id: str, code: str, *rest: str, kind: str = "ORS^O06^ORS_O06", version: str = "2.5.1"
) -> str:
    head = rf"MSH|^~\&|ENG|GENERAL|WARDS|GENERAL|<T>||{kind}|<N>|P|{version}⏎MSA|{code}|{control_id}⏎"
    return head + "".join(rest)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HospitalEngine]:
    """The shipped channel, answering once orders are understood."""
    changes = {TYPES: f"{TYPES}\n    acknowledge: transform\n    respond: order"}
    engine = HospitalEngine(tmp_path_factory.mktemp("answers"), None, changes=changes)
    engine.start()
    yield engine
    engine.hang_up()
    assert engine.stop() == 0


def test_an_order_that_is_understood_and_one_that_is_not(ledger: HospitalEngine) -> None:
    sender = ledger.connect("ward-orders")
    several = order("N1", "ORC|NW|P-1^WARDS|F-1", LINE, "ORC|NW|P-2", LINE)
    assert is_answer(sender.ask(several), said("N1", "AA", "ORC|OK|P-1^WARDS|F-1⏎", "ORC|OK|P-2⏎"))
    unknown = order("N2", "ORC|NW|P-3", LINE.replace("SUP-1003", "SUP-9999"))
    refused = said("N2", "AE", UNKNOWN, "ORC|UA|P-3⏎")
    assert is_answer(sender.ask(unknown), refused)
    cancel = order("N3", "ORC|CA|P-1^WARDS|F-1")
    assert is_answer(sender.ask(cancel), said("N3", "AA", "ORC|CR|P-1^WARDS|F-1⏎"))


def test_sent_again_it_has_the_same_answer(ledger: HospitalEngine) -> None:
    raw, answer = order("A1", "ORC|XO|P-9", LINE), said("A1", "AA", "ORC|XR|P-9⏎")
    sender = ledger.connect("ward-orders")
    assert is_answer(sender.ask(raw), answer)
    assert is_answer(sender.ask(raw), answer)


def test_in_enhanced_mode_the_general_answer_comes_first(ledger: HospitalEngine) -> None:
    sender = ledger.connect("ward-orders")
    raw = order("E1", "ORC|NW|P-7", LINE, kind="ORM^O01", version="2.3", accept="AL", application="AL")
    first = r"MSH|^~\&|ENG|GENERAL|WARDS|GENERAL|<T>||ACK^O01|<N>|P|2.3⏎MSA|CA|E1⏎"
    assert is_answer(sender.ask(raw), first)
    assert is_answer(sender.answer(), said("E1", "AA", "ORC|OK|P-7⏎", kind="ORR^O02", version="2.3"))


def test_what_the_channel_does_not_take_has_a_general_answer(ledger: HospitalEngine) -> None:
    sender = ledger.connect("ward-orders")
    answer = sender.ask(
        order("R1", "ORC|NW|P-8", LINE, kind="OMS^O05^OMS_O05").replace(b"|P|2.5.1", b"|T|2.5.1")
    )
    assert answer is not None
    assert b"||ACK^O05^ACK|" in answer
    assert b"\rMSA|AR|R1\r" in answer
    assert b"\rORC|" not in answer


@pytest.fixture
def delivering(tmp_path: Path) -> Iterator[tuple[HospitalEngine, Session]]:
    """The same before a real Odoo, answering once it has the order."""
    hospital = fresh_database("answers")
    more = "acknowledge: delivery\n    acknowledge_late: error\n    respond: order"
    engine = HospitalEngine(tmp_path, hospital, changes={TYPES: f"{TYPES}\n    {more}"})
    engine.start()
    with sign_in(hospital) as admin:
        yield engine, admin
    engine.end()
    drop_database(hospital)


@pytest.mark.odoo
@NEEDS_ODOO[1]
@pytest.mark.timeout(900)
def test_cancelled_as_requested_is_said_when_odoo_has_cancelled(
    delivering: tuple[HospitalEngine, Session],
) -> None:
    engine, admin = delivering
    sender = engine.connect("ward-orders")

    def transfers() -> list[str]:
        found = admin.read("stock.picking", [["origin", "=like", "ward-orders/%"]], "state")
        return [str(row["state"]) for row in found]

    assert is_answer(sender.ask(order("D1", "ORC|NW|P-1", LINE), 60), said("D1", "AA", "ORC|OK|P-1⏎"))
    assert transfers() == ["assigned"]
    assert is_answer(sender.ask(order("D2", "ORC|CA|P-1"), 60), said("D2", "AA", "ORC|CR|P-1⏎"))
    assert transfers() == ["cancel"]
    answer = sender.ask(order("D3", "ORC|CA|P-404"), 60)
    error = "ERR|||207^Application error^HL70357|E||||nothing was ever reserved under this key⏎"
    assert is_answer(answer, said("D3", "AE", error, "ORC|UC|P-404⏎"))
