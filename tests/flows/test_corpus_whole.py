"""Every file of the public sample corpus to a channel that takes every type of message, so that what is
tested is the reading and not a list: each message, and each file that holds none as a whole, gets the answer
that spec: ack asks for, and is kept. `pytest -s` prints what became of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from corpus_messages import CORPUS, Found, all_messages, corpus_files
from corpus_run import Sent, send_all, wrongly_answered
from expected_answer import Source
from outcome_table import outcome_table
from running import Engine, channel

from engine.model import ReasonCode

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]

TABLE_0076 = """
    ADR ADT BAR BPS BRP BRT BTS CCF CCI CCM CCQ CCU CQU CRM CSU DFT DOC DSR EAC EAN EAR EDR EHC ERP ESR ESU
    EQQ INR INU LSR LSU MDM MFD MFK MFN MFQ MFR NMD NMQ NMR OMB OMD OMG OMI OML OMN OMP OMQ OMS OPL OPR OPU
    ORA ORB ORD ORF ORG ORI ORL ORM ORN ORP ORR ORS ORU ORX OSM OSQ OSR OUL PEX PGL PIN PMU PPG PPP PPR PPT
    PPV PRR PTR QBP QCK QCN QRY QSB QSX QVR RAR RAS RCI RCL RDE RDR RDS RDY REF RER RGR RGV ROR RPA RPI RPL
    RPR RQA RQC RQI RQP RQQ RRA RRD RRE RRG RRI RSP RTB SCN SDN SDR SIU SLN SLR SMD SPQ SQM SQR SRM SRR SSR
    SSU STC STI SUR TBR TCR TCU UDM VQQ VXQ VXR VXU VXX
"""
"""Without ACK and MCF, which are answers."""

TYPES = TABLE_0076.split()
SOURCE = Source(TYPES, [], ("P", "D", "T"))
TEXT = channel("everything", source="    processing_ids: [P, D, T]\n    acknowledge_timeout: 3").replace(
    "[DFT^P03, ADT^A01]", f"[{', '.join(TYPES)}]"
)


class Run(NamedTuple):
    """The corpus, sent once to an engine that still runs."""

    engine: Engine
    sent: list[Sent]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    engine = Engine(tmp_path_factory.mktemp("whole"), TEXT)
    engine.start("loud")
    yield Run(engine, send_all(engine, everything(), {"everything": SOURCE}, "everything"))
    engine.hang_up()
    assert engine.stop() == 0


def everything() -> list[Found]:
    """Every message of every file, and as it is every file in which there is none."""
    found = all_messages()
    split = {one.file for one in found}
    return found + [Found(file, 0, data, "") for file, data in corpus_files() if file not in split]


def test_every_file_is_there(run: Run) -> None:
    assert {one.found.file for one in run.sent} == {file for file, _ in corpus_files()}


def test_each_gets_the_answer_it_deserves(run: Run) -> None:
    assert [wrong for one in run.sent if (wrong := wrongly_answered(one))] == []


def test_each_ends_in_a_visible_state_with_a_reason(run: Run) -> None:
    for one in run.sent:
        view, state = one.view, one.view.state.value
        assert (state == "quarantined") == (one.expected.hl7 != 0), one.name
        if state in ("quarantined", "dead"):
            assert view.reason is not None, one.name
            assert view.reason.code is not ReasonCode.INTERNAL, one.name
        if state == "quarantined" and view.reason:
            assert view.reason.hl7 == one.expected.hl7, one.name


def test_batch_files_get_one_answer_for_all_of_their_messages(run: Run) -> None:
    """Each file that begins with FHS or BHS, in one frame: one frame back, an acknowledgement for each
    message that deserves one, in order, and their number; nothing to a batch of acknowledgements."""
    batches = [(name, data) for name, data in corpus_files() if re.match(rb"[\s\xef\xbb\xbf]*[FB]HS\W", data)]
    assert len(batches) > 5
    for name, data in batches:
        due = [one.expected.code for one in run.sent if one.found.file == name and one.expected.code]
        sender = run.engine.connect("everything")
        sender.send(data)
        sender.half_close()
        answer = sender.answer(30)
        assert (answer is not None) == bool(due), name
        lines = [line.split(b"|") for line in (answer or b"").split(b"\r")]
        told = [line[1].decode() for line in lines if line[0] == b"MSA"]
        assert told == due, name
        assert sum(int(line[1]) for line in lines if line[0] == b"BTS") == len(due), name
        sender.close()


def test_the_table(run: Run) -> None:
    table = outcome_table((one.view.channel, _kind(one.found), one.view) for one in run.sent)
    print(f"\n{table}")
    assert f"\nall{len(run.sent):>29}  " in table


def _kind(found: Found) -> str:
    if not found.number:
        return "(none)"
    return found.type if re.fullmatch("[A-Z]{3}", found.type) else "(odd)"
