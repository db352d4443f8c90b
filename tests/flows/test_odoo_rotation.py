"""Keys are rotated in a running hospital, and a real Odoo does not notice (spec: PHI, section 5.2, P07)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hospital_messages import admission
from key_rings import ring
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.session import Session

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(300)]

ADT = "adt-encounters"
MODELS = ("res.partner", "sale.order", "sale.order.line", "stock.picking", "stock.move", "purchase.order")


def written(admin: Session) -> dict[str, list[dict[str, Any]]]:
    """Every row of what the channels write, with when it was last written."""
    fields = ("display_name", "write_date", "write_uid")
    return {model: admin.read(model, [], *fields, context={"active_test": False}) for model in MODELS}


def contacts(admin: Session) -> dict[str, int]:
    """The tokenised contacts by token."""
    found = admin.read("res.partner", [["ref", "=like", "t1%"]], "ref", context={"active_test": False})
    return {row["ref"]: row["id"] for row in found}


def test_P07_odoo_does_not_notice_that_keys_are_rotated(tmp_path: Path) -> None:
    hospital = fresh_database("rotation")
    engine = HospitalEngine(tmp_path, hospital)
    try:
        ring(engine, "k1")
        engine.start()
        with sign_in(hospital) as admin:
            _story(engine, admin)
        engine.account()
    finally:
        engine.end()
        drop_database(hospital)


def _story(engine: HospitalEngine, admin: Session) -> None:
    engine.send(ADT, *(admission(f"{n}", f"P{n}", f"V{n}") for n in range(1, 9)))
    engine.all_settled()
    first, before = contacts(admin), written(admin)
    assert len(first) == 16  # eight persons and their visits

    engine.stop()
    ring(engine, "k2", "k1")
    engine.start()
    code, said = engine.wardline("vault", "rotate", "--why", "a leaked index", "--ticket", "C-7", "--leaked")
    assert (code, "no token changed" in said) == (0, True), said
    assert written(admin) == before

    engine.stop()
    ring(engine, "k2")
    engine.start()
    engine.send(ADT, *(admission(f"1{n}", f"P{n}", f"V{n}", "A08", "SURG") for n in range(1, 9)))
    engine.all_settled()
    assert contacts(admin) == first

    engine.send(ADT, admission("20", "P9", "V9"))
    engine.all_settled()
    assert len(contacts(admin)) == 18
