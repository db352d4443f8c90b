"""The trace of a charge ends at the documents in a real Odoo, with the calls that made them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from collecting import Collector, collector
from hospital_messages import Used, charges
from odoo_books import put_in_stock, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine

from engine.correlation import trace_of

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]


@pytest.fixture
def told() -> Iterator[Collector]:
    with collector() as made:
        yield made


def test_a_charge_is_followed_from_its_frame_to_its_documents(told: Collector, tmp_path: Path) -> None:
    hospital = fresh_database("traced")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        engine = HospitalEngine(tmp_path, hospital)
        engine.environment["WARDLINE_TRACES"] = told.url
        engine.start()
        engine.send("dft-charges", charges("T1", "P7", "V7", Used("T1", "270001", "2", price="3.50")))
        (view,) = engine.all_settled()
        engine.stop()
        spans = [one for one in told.spans if one.trace == trace_of(view.correlation)]
        delivered = [one for one in spans if one.name.startswith("deliver odoo:")]
        assert {one.words["outcome"] for one in delivered} == {"delivered"}
        assert {one.words["effect"] for one in delivered} >= {"charge", "consume"}
        named = dict(part.split(":") for one in delivered for part in str(one.words["documents"]).split())
        assert admin.read("sale.order.line", [["id", "=", int(named["sale.order.line"])]], "id")
        (picking,) = admin.read("stock.picking", [["id", "=", int(named["stock.picking"])]], "note", "origin")
        assert f"Wardline {view.correlation}<" in picking["note"]
        assert picking["origin"].startswith("dft-charges/")  # by which it is found again: the effect's key
        calls = [one for one in spans if one.parent in {span.id for span in delivered}]
        assert {"sale.order.line.load", "stock.picking.load"} <= {one.name for one in calls}
        assert all(one.failed == "" and one.ended >= one.began for one in calls)
    engine.end()
    drop_database(hospital)
