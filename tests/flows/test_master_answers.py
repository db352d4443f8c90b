"""Senders of master files that want to hear of every record (`respond: master`): over sockets, through the
running engine, with the ledger and with a real Odoo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from base_message import is_answer
from hospital_messages import Listed, item_master
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine, shipped

from demo.session import Session

CHANNEL = "item-master"
LISTEN = "    listen: tcp:0"
GOOD = Listed("MAD", "A-1", ("ITM|A-1|First|A",))
FURLONG = Listed("MAD", "A-2", ("ITM|A-2|Second|A", f"IVT|1|STORE{'|' * 7}FURLONG"))
LAST = Listed("MAD", "A-3", ("ITM|A-3|Third|A",))


def channel(*more: str) -> str:
    text = shipped(CHANNEL, {"criticality: bulk": "criticality: normal"})
    return text.replace(LISTEN, "\n".join([LISTEN, *(f"    {line}" for line in more)]))


def asking(control: str, level: str, *records: Listed) -> bytes:
    return item_master(control, *records).replace(b"|UPD|||NE", f"|UPD|||{level}".encode())


def said(control: str, code: str, level: str, *rest: str) -> str:
    head = rf"MSH|^~\&|WARDLINE|GENERAL|MMIS|GENERAL|<T>||MFK^M16^MFK_M01|<N>|P|2.8⏎MSA|{code}|{control}⏎"
    errors = "".join(f"{one}⏎" for one in rest if one.startswith("ERR"))
    records = "".join(f"{one}⏎" for one in rest if one.startswith("MFA"))
    return f"{head}{errors}MFI|INV||UPD|||{level}⏎{records}"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HospitalEngine]:
    """The shipped channel, answering once a file is understood."""
    more = (channel("acknowledge: transform", "respond: master"),)
    engine = HospitalEngine(tmp_path_factory.mktemp("masters"), None, more=more)
    engine.start()
    yield engine
    engine.hang_up()
    assert engine.stop() == 0


def test_a_file_that_is_understood_and_one_that_is_not(ledger: HospitalEngine) -> None:
    sender = ledger.connect(CHANNEL)
    both = ("MFA|MAD|||S|A-1|CWE", "MFA|MAD|||S|A-3|CWE")
    assert is_answer(sender.ask(asking("T1", "AL", GOOD, LAST)), said("T1", "AA", "AL", *both))
    assert is_answer(sender.ask(asking("T2", "ER", GOOD, LAST)), said("T2", "AA", "ER"))
    unknown = asking("T3", "AL", GOOD, Listed("MXX", "A-4", ("ITM|A-4|Fourth",)))
    error = "ERR||MFE^2^1|103^Table value not found^HL70357|E||||this code is not listed"
    none = ("MFA|MAD|||U|A-1|CWE", "MFA|MXX|||U|A-4|CWE")
    assert is_answer(sender.ask(unknown), said("T3", "AE", "AL", error, *none))


def test_who_does_not_ask_gets_a_general_answer(ledger: HospitalEngine) -> None:
    answer = ledger.connect(CHANNEL).ask(asking("T4", "NE", GOOD))
    assert answer is not None
    assert b"||ACK^M16^ACK|" in answer
    assert b"\rMFA|" not in answer


@pytest.fixture
def delivering(tmp_path: Path) -> Iterator[tuple[HospitalEngine, Session]]:
    """The same before a real Odoo, answering once it has the file."""
    hospital = fresh_database("masteranswers")
    more = (channel("acknowledge: delivery", "acknowledge_late: error", "respond: master"),)
    engine = HospitalEngine(tmp_path, hospital, more=more)
    engine.start()
    with sign_in(hospital) as admin:
        yield engine, admin
    engine.end()
    drop_database(hospital)


@pytest.mark.odoo
@NEEDS_ODOO[1]
@pytest.mark.timeout(900)
def test_the_record_that_odoo_refuses_is_named_and_the_others_stand(
    delivering: tuple[HospitalEngine, Session],
) -> None:
    engine, admin = delivering
    sender = engine.connect(CHANNEL)
    error = "ERR|||207^Application error^HL70357|E||||Odoo has no unit of this name"
    records = ("MFA|MAD|||S|A-1|CWE", "MFA|MAD|||U|A-2|CWE", "MFA|MAD|||S|A-3|CWE")
    answer = sender.ask(asking("D1", "AL", GOOD, FURLONG, LAST), 60)
    assert is_answer(answer, said("D1", "AE", "AL", error, *records))
    made = admin.read("product.product", [["default_code", "=like", "A-_"]], "default_code", order="id")
    assert [row["default_code"] for row in made] == ["A-1", "A-3"]
    assert is_answer(sender.ask(asking("D2", "SU", LAST), 60), said("D2", "AA", "SU", records[2]))
