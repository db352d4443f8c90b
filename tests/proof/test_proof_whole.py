"""The proof itself: the whole table through a running engine, killed twice, with retries, dead letters and
redelivery, and no value found. `make prove` does the same with the shipped channels and 10,000 messages by
chance."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from engine.proof.prove import Wanted, prove
from engine.proof.report import Report, read_signed, signed
from engine.store.audit_keys import AuditKeys
from engine.store.keys import KeyRing

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PLACES = {
    "answers over MLLP", "answers to files", "forwarded files", "ledger.ndjson", "names of files",
    "page /", "page /health", "page /metrics", "page /ready", "received by another system", "said/engine.log",
    "said/engine.out", "wardline redeliver", "wardline dead", "wardline find - --why proof",
    "wardline policy show PID", "wardline policy flows CHANNELS --json", "wardline incidents",
    "wardline merges", "wardline audit list", "wardline audit export", "wardline purge --dry-run",
    "wardline cabinet status", "wardline vault status", "wardline doctor CHANNELS",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return prove(Wanted(seed=5, chance=500), tmp_path_factory.mktemp("whole"), _say)


def test_P03_no_row_of_the_table_gets_out(report: Report) -> None:
    assert (report.hits, report.faults) == ([], [])
    assert report.tried["v2field"] > 2_980
    assert report.tried["v2comp"] > 1_820
    assert report.tried["fhir"] > 1_600
    assert report.sent["messages by chance"] == 500


def test_P03_it_was_killed_and_everything_had_happened(report: Report) -> None:
    assert report.kills == 2
    assert report.states["delivered"] > 500
    assert all(report.states[state] > 0 for state in ("dead", "filtered", "quarantined", "fragment"))
    assert not {"received", "waiting"} & set(report.states)
    assert report.stopped_by_guard < 100


def test_P03_every_place_was_searched(report: Report) -> None:
    searched = {one.name: one for one in report.searched}
    assert set(searched) >= PLACES
    assert searched["wardline.db"].count == 3  # after each kill and at the end
    assert any(name.startswith("wardline view --message") for name in searched)
    assert all(searched[name].bytes for name in PLACES - {"said/engine.out", "page /"})


def test_P03_the_report_can_be_signed_and_verified(report: Report, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(signed(report, AuditKeys(KeyRing({"k1": bytes(range(32))}))))
    assert read_signed(path)[:2] == (report, True)


def _say(text: str) -> None:
    logging.getLogger(__name__).info(text)
