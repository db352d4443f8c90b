"""A wrong merge in a running hospital: over sockets into a real Odoo, taken back at the command line while
the engine runs, searched for before and after."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hospital_messages import admission, merge
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.session import Session

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(300)]

ADT = "adt-encounters"
EVERY = {"active_test": False}


def contacts(admin: Session, tokens: dict[str, str]) -> dict[str, tuple[bool, str]]:
    """By name: whether the contact stands, and below whose it lies."""
    names = {token: name for name, token in tokens.items()}
    found = admin.read(
        "res.partner", [["ref", "in", list(names)]], "ref", "active", "parent_id", context=EVERY
    )
    above = {row["id"]: names[row["ref"]] for row in found}
    return {
        names[row["ref"]]: (row["active"], above[row["parent_id"][0]] if row["parent_id"] else "")
        for row in found
    }


def found(engine: HospitalEngine, number: str, kind: str = "mrn") -> dict[str, Any]:
    code, said = engine.wardline("find", number, "--kind", kind, "--json", "--why", "test")
    assert code == 0, said
    answer: dict[str, Any] = json.loads(said[said.index("{") :])
    return answer


def test_a_wrong_merge_is_taken_back_while_the_engine_runs(tmp_path: Path) -> None:
    hospital = fresh_database("unmerge")
    ledger = tmp_path / "ledger.jsonl"
    changes = {"\ndestinations:\n": f"\ndestinations:\n  - ledger: {{path: {ledger}}}\n"}
    engine = HospitalEngine(tmp_path, hospital, changes=changes)
    try:
        engine.start()
        with sign_in(hospital) as admin:
            _story(engine, admin, ledger)
        engine.account()
    finally:
        engine.end()
        drop_database(hospital)


def _story(engine: HospitalEngine, admin: Session, ledger: Path) -> None:
    engine.send(ADT, admission("1", "P1", "V1"), admission("2", "P2", "V2"))
    engine.all_settled()
    tokens = {name: found(engine, name)["tokens"][0] for name in ("P1", "P2")}
    tokens |= {name: found(engine, name, "visit")["tokens"][0] for name in ("V1", "V2")}
    before = contacts(admin, tokens)
    assert before == {"P1": (True, ""), "P2": (True, ""), "V1": (True, "P1"), "V2": (True, "P2")}

    engine.send(ADT, merge("3", "P1", "P2"))
    engine.all_settled()
    assert contacts(admin, tokens) == before | {"P1": (False, "P2"), "V1": (True, "P2")}
    assert len(found(engine, "P1")["messages"]) == 3

    code, said = engine.wardline(
        "unmerge", tokens["P1"], "--from", tokens["P2"], "--why", "two persons", "--ticket", "C-1"
    )
    assert code == 0, said
    engine.all_settled()
    assert contacts(admin, tokens) == before
    assert len(found(engine, "P1")["messages"]) == 2  # his own, and the merge

    engine.send(ADT, admission("4", "P1", "V3"), admission("5", "P2", "V2", "A08"))
    engine.all_settled()
    tokens["V3"] = found(engine, "V3", "visit")["tokens"][0]
    assert contacts(admin, tokens) == before | {"V3": (True, "P1")}
    kinds = [json.loads(line)["kind"] for line in ledger.read_text().splitlines()]
    assert kinds.count("merge") == kinds.count("unmerge") == 1
    acts = json.loads(engine.wardline("audit", "list", "--act", "unmerge", "--json")[1])
    assert [tokens["P1"]] == [one["entry"]["object"] for one in acts]
