"""Reports: signed, readable, and refused when anything in them was changed."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from engine.errors import Misconfigured
from engine.proof.report import Hit, Report, Searched, page, read_signed, signed
from engine.proof.sealed import looks_random
from engine.store.audit_keys import AuditKeys
from engine.store.keys import KeyRing

KEYS = AuditKeys(KeyRing({"k1": bytes(range(32))}))
REPORT = Report(
    wardline="0.1.0", seed=1, plan="a", table="b", began="2026-11-22", seconds=1, store="sqlite",
    odoo="none", channels=[], versions=["2.5"], rows={"fhir": 2}, tried={"fhir": 1},
    not_tried={"no room": ["Patient.active"]}, canaries=3, sent={"files": 1}, states={"dead": 1}, kills=2,
    stopped_by_guard=0, incidents={}, searched=[Searched("log", 1, 10)], not_searched=["memory"], sealed={},
    digests=0, hits=[], faults=[],
)  # fmt: skip


def test_a_report_is_believed_as_it_was_signed(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(signed(REPORT, KEYS))
    report, holds, public = read_signed(path)
    assert (report, holds) == (REPORT, True)
    assert base64.b64decode(public) == KEYS.public()
    assert read_signed(path, bytes(32))[1] is False


@pytest.mark.parametrize(
    ("old", "new"), [('"seed": 1', '"seed": 2'), ('"kills": 2', '"kills": 2, "more": 1')]
)
def test_a_changed_report_is_not(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "r.json"
    text = signed(REPORT, KEYS).decode()
    assert old in text
    path.write_text(text.replace(old, new))
    assert read_signed(path)[1] is False


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_text("{}")
    with pytest.raises(Misconfigured, match="no report"):
        read_signed(path)


def test_the_page_tells_hits_by_row_and_place() -> None:
    found = msgspec.structs.replace(REPORT, hits=[Hit("PID-5.1", "admission", "said/engine.log")])
    assert "PID-5.1 (of admission) in said/engine.log" in page(found)
    assert "**No value was found.**" in page(REPORT)


def test_text_is_no_ciphertext() -> None:
    assert not looks_random([b"TESTMANN^TESSA" * 4000])
