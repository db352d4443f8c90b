"""A channel with a schedule, end to end: taken and answered at once, carried out with its run, or when a
person says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from running import Engine, channel, wait_for

YEARLY = 'schedule: {cron: "0 0 1 1 *"}\n'


def dft(number: int) -> bytes:
    return (
        rf"MSH|^~\&|BILL|HOSP|ENG|STORE|20261121120000||DFT^P03|S{number}|P|2.5" + "\r"
        f"PID|1||77^^^HOSP^MR\rPV1|1|I|ICU||||||||||||||||V1\rFT1|1|T{number}||20261121||CG|G100|||2\r"
    ).encode()


@pytest.mark.parametrize("workers", [1, 2])
def test_effects_wait_for_their_run_and_a_person_may_let_them_go(
    make_engine: Callable[..., Engine], workers: int
) -> None:
    engine = make_engine(channel("postings", rest=YEARLY), workers=workers).start()
    sender = engine.connect()
    answers = [sender.ask(dft(number)) for number in range(3)]
    assert all(b"MSA|AA|" in answer for answer in answers)
    wait_for(lambda: '"deliveries": 3' in engine.wardline("scheduled", "--json")[1], "scheduled", engine)
    assert engine.ledger() == []
    assert {view.state.value for view in engine.messages()} == {"waiting"}

    code, said = engine.wardline("release", "postings", "--why", "month end was moved")
    assert (code, said.strip()) == (0, "3 on their way")
    assert [view.state.value for view in engine.settle()] == ["delivered"] * 3
    assert len(engine.ledger()) == 3
    assert engine.wardline("release", "postings", "--why", "again")[0] == 1
    assert "month end was moved" in engine.wardline("audit", "list", "--act", "release", "--json")[1]
    engine.assert_silent()
