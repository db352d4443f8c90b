"""The accounts, orders, dispenses, results and master files of the public corpus through the shipped channels
that are about them, as `test_corpus.py` does it for encounters, charges and appointments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import yaml
from corpus_messages import CORPUS, all_messages
from corpus_run import Sent, send_all, wrongly_answered
from expected_answer import Source
from odoo_engine import NAMES, SHIPPED, HospitalEngine, shipped
from outcome_table import outcome_table

from engine.model import ReasonCode

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the sample corpus is not beside the checkout"),
]

ABOUT = {
    "dft-charges": ("BAR",),
    "lab-charges": ("ORU", "DFT"),
    "ward-orders": ("ORM", "OMS", "OMN", "OMP"),
    "pharmacy-dispense": ("RDS", "RAS", "RDE"),
    "item-master": ("MFN",),
    "charge-master": ("MFN",),
}

SOON = {"listen: tcp:0": "listen: tcp:0\n    acknowledge_timeout: 3"}
"""One message says that it continues another, which never comes; it waits for its answer in vain."""


def _source(name: str) -> Source:
    found = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text())["source"]["mllp"]
    ids = tuple(found.get("processing_ids", ["P"]))
    return Source(found["message_types"], list(map(str, found.get("versions", []))), ids)


SOURCES = {name: _source(name) for name in ABOUT}


class Run(NamedTuple):
    """Those messages, sent once."""

    engine: HospitalEngine
    sent: list[Sent]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    others = [shipped(name, SOON) for name in ABOUT if name not in NAMES]
    engine = HospitalEngine(tmp_path_factory.mktemp("shipped"), None, changes=SOON, more=others)
    engine.start()
    sent: list[Sent] = []
    for name, types in ABOUT.items():
        messages = [found for found in all_messages() if found.type in types]
        sent += send_all(engine, messages, SOURCES, name)
    yield Run(engine, sent)
    engine.hang_up()
    assert engine.stop() == 0


def test_each_gets_the_answer_it_deserves(run: Run) -> None:
    assert len(run.sent) > 400
    assert [wrong for one in run.sent if (wrong := wrongly_answered(one))] == []


def test_each_ends_in_a_visible_state_with_a_reason(run: Run) -> None:
    for one in run.sent:
        view, state = one.view, one.view.state.value
        assert (state == "quarantined") == (one.expected.hl7 != 0), one.name
        if state in ("quarantined", "dead"):
            assert view.reason is not None, one.name
            assert view.reason.code is not ReasonCode.INTERNAL, one.name
        if state == "filtered":
            assert view.step, one.name


def test_what_was_delivered_stands_in_the_ledger_once(run: Run) -> None:
    effects = Counter(line["message"] for line in run.engine.ledger())
    assert effects == {
        one.view.id: one.view.effects for one in run.sent if one.view.state.value == "delivered"
    }


def test_the_table(run: Run) -> None:
    table = outcome_table((one.view.channel, one.found.type, one.view) for one in run.sent)
    print(f"\n{table}")
    assert f"\nall{len(run.sent):>29}  " in table
