"""Every ADT, DFT and SIU message of the public sample corpus through the shipped channels: each gets the
answer that spec: ack asks for and ends in one visible state with a reason.

Sent over sockets as the bytes that stand in the files, framed. `WARDLINE_CORPUS_TABLE=FILE` keeps the
table of what became of them.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from corpus_messages import CORPUS, corpus_messages
from corpus_run import Sent, send_all
from expected_answer import Source
from odoo_engine import NAMES, SHIPPED, HospitalEngine
from outcome_table import outcome_of, outcome_table

from engine.model import ReasonCode

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]

READ = {name: yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())["source"]["mllp"] for name in NAMES}
SOURCES = {
    name: Source(source["message_types"], list(map(str, source.get("versions", []))))
    for name, source in READ.items()
}
OUR_WORDS = {word for code in ReasonCode for word in code.value.split("-")} | {"true", "false"}


class Run(NamedTuple):
    """The corpus, sent once to an engine that still runs."""

    engine: HospitalEngine
    sent: list[Sent]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    engine = HospitalEngine(tmp_path_factory.mktemp("corpus"), None)
    engine.start("loud")
    yield Run(engine, send_all(engine, corpus_messages(), SOURCES))
    engine.hang_up()
    assert engine.stop() == 0


def test_each_gets_the_answer_it_deserves(run: Run) -> None:
    wrong = [
        (one.name, one.expected, one.answer)
        for one in run.sent
        if not (re.fullmatch(one.expected.pattern, one.answer) if one.answer else one.expected.code is None)
    ]
    assert wrong == []


def test_each_ends_in_a_visible_state_with_a_reason(run: Run) -> None:
    for one in run.sent:
        view, refused = one.view, one.expected.hl7 != 0
        assert (view.state.value == "quarantined") == refused, one.name
        rejected = one.expected.hl7 in {100, *range(200, 204)}
        assert view.answered == ("rejected" if rejected else "error" if refused else "accepted"), one.name
        match view.state.value:
            case "delivered":
                assert view.effects > 0, one.name
            case "filtered":
                assert view.step, one.name
            case "duplicate":
                assert view.original, one.name
            case "quarantined":
                assert view.reason is not None
                assert view.reason.hl7 == one.expected.hl7, one.name
            case "dead":
                assert view.reason is not None
                assert view.reason.code is not ReasonCode.INTERNAL, one.name
                assert view.reason.place, one.name
            case "fragment":
                assert re.search(rb"\A(?:[^|\r\n]*\|){13}[^|\r\n]|[\r\n](?:DSC|ADD)\|", one.found.raw), (
                    one.name
                )
            case open_state:
                pytest.fail(f"{one.name} is {open_state}")


def test_what_was_delivered_stands_in_the_ledger_once(run: Run) -> None:
    effects: dict[int, int] = defaultdict(int)
    for line in run.engine.ledger():
        effects[line["message"]] += 1
    assert effects == {
        one.view.id: one.view.effects for one in run.sent if one.view.state.value == "delivered"
    }
    run.engine.account()


def test_line_ends_change_nothing(run: Run, tmp_path: Path) -> None:
    """The same messages with every line ended by CR, in an engine of their own."""
    ended = [
        one.found._replace(raw=re.sub(rb"[\r\n]+", b"\r", one.found.raw).rstrip(b"\r") + b"\r")
        for one in run.sent
    ]
    engine = HospitalEngine(tmp_path, None)
    engine.start()
    again = send_all(engine, ended, SOURCES)
    assert engine.stop() == 0
    duplicates = {one.name for one in (*run.sent, *again) if one.view.state.value == "duplicate"}
    different = [
        (one.name, outcome_of(one.view), outcome_of(other.view))
        for one, other in zip(run.sent, again, strict=True)
        if outcome_of(one.view) != outcome_of(other.view) and one.name not in duplicates
    ]
    assert different == []


def test_sent_again_they_change_nothing(run: Run) -> None:
    """What was accepted is a duplicate, with the same answer; what was refused is refused again."""
    ledger = run.engine.ledger()
    again = send_all(run.engine, [one.found for one in run.sent], SOURCES)
    for one, other in zip(run.sent, again, strict=True):
        assert (other.answer is None) == (one.answer is None), one.name
        assert other.answer is None or re.fullmatch(other.expected.pattern, other.answer), one.name
        assert other.view.state.value == ("quarantined" if one.expected.hl7 else "duplicate"), one.name
    assert run.engine.ledger() == ledger


def test_the_logs_are_silent(run: Run) -> None:
    """No word of any message stands in any line of any library's log, numbers of five digits apart."""
    run.engine.spoken -= {
        word
        for word in run.engine.spoken
        if re.fullmatch(rb"\d{1,5}", word) or word.decode("latin-1") in OUR_WORDS
    }
    assert len(run.engine.spoken) > 1000
    run.engine.assert_silent()


def test_the_table(run: Run) -> None:
    table = outcome_table((one.found.channel, one.found.event, one.view) for one in run.sent)
    print(f"\n{table}")
    if path := os.environ.get("WARDLINE_CORPUS_TABLE"):
        Path(path).write_text(table, encoding="utf-8")
    assert f"\nall{len(run.sent):>29}  " in table
