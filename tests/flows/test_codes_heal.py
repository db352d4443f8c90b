"""A code that no table has: its messages wait, and flow in order by themselves when the row is there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from deployed import Deployed
from running import ITEMS, channel, wait_for

WITH = ITEMS + "G300,MESH-15\n"


def dft(number: int, code: str) -> bytes:
    return (
        rf"MSH|^~\&|BILL|HOSP|ENG|STORE|20261121120000||DFT^P03|H{number}|P|2.5" + "\r"
        f"PID|1||77^^^HOSP^MR\rPV1|1|I|ICU||||||||||||||||V1\rFT1|{number}|T{number}||20261121||CG|{code}|||2\r"
    ).encode()


@pytest.mark.parametrize("workers", [1, 2])
def test_what_waits_for_a_code_flows_in_order_with_the_edition_that_has_it(
    tmp_path: Path, workers: int
) -> None:
    engine = Deployed(tmp_path / "engine", workers=workers)
    try:
        engine.deploy(channel("charges"), files={"items.csv": ITEMS})
        engine.start()
        sender = engine.connect()
        for number, code in enumerate(["G300", "G100", "G300", "G400", "G300"], 1):
            assert b"MSA|AA|" in sender.ask(dft(number, code))
        wait_for(lambda: len(engine.ledger()) == 1, "what has its code", engine)
        code, said = engine.wardline("codes", "list", "--json")
        assert '"code": "G300"' in said
        assert '"messages": 3' in said

        engine.deploy(channel("charges"), files={"items.csv": WITH})
        wait_for(lambda: len(engine.ledger()) == 4, "what waited", engine)
        keys = [line["effect"]["key"].rsplit("/", 2)[-2:] for line in engine.ledger()]
        assert keys == [["2", "G100"], ["1", "G300"], ["3", "G300"], ["5", "G300"]]
        with closing(engine.opened()) as store:
            assert [(one.code, one.messages) for one in store.parked()] == [("G400", 1)]
            assert store.gaps() == []
        assert '"redelivered"' in engine.wardline("audit", "list", "--act", "redeliver", "--json")[1]
        engine.assert_silent()
    finally:
        engine.hang_up()
        engine.kill()


def test_what_came_while_the_engine_was_down_heals_at_its_next_start(tmp_path: Path) -> None:
    engine = Deployed(tmp_path / "engine")
    try:
        engine.deploy(channel("charges"), files={"items.csv": ITEMS})
        engine.start()
        assert b"MSA|AA|" in engine.connect().ask(dft(1, "G300"))
        wait_for(lambda: "G300" in engine.wardline("codes", "list", "--json")[1], "parked", engine)
        engine.hang_up()
        engine.stop()
        engine.deploy(channel("charges"), files={"items.csv": WITH}, wait=False)
        engine.start()
        wait_for(lambda: len(engine.ledger()) == 1, "what waited", engine)
    finally:
        engine.hang_up()
        engine.kill()
