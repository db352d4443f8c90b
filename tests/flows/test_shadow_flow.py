"""Channels in shadow before a real Odoo: they answer, map and compare, Odoo is not written, and what was
shadowed is never delivered when they go live."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hospital_messages import Used, admission, booking, charges
from odoo_books import put_in_stock, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine
from typer.testing import CliRunner

from demo.local import CACHE
from demo.odoo import Running
from demo.postgres import Postgres
from engine.cli import app
from engine.proof.places import tables
from engine.store.contracts.views import DeliveryView

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(900)]

ADT, DFT, SIU = "adt-encounters", "dft-charges", "theatre-schedule"
READING = {"res_users_log", "res_device_log", "bus_presence", "mail_presence", "res_users_apikeys"}
"""What Odoo itself may note of whoever asks it anything."""


@pytest.fixture(scope="module")
def hospital() -> Iterator[Running]:
    found = fresh_database("shadow")
    with sign_in(found) as admin:
        put_in_stock(admin, found)
    yield found
    drop_database(found)


def transaction(hospital: Running) -> str:
    """The number after which Odoo may write nothing."""
    with Postgres(CACHE / "postgres").connect(hospital.database) as connection:
        ((number,),) = connection.execute("SELECT pg_current_xact_id()::xid::text").fetchall()
    return str(number)


def written(hospital: Running, since: str) -> set[str]:
    """Tables that were written."""
    with Postgres(CACHE / "postgres").connect(hospital.database) as connection:
        found = {place.name.rpartition(".")[2] for place in tables(connection, "Odoo", since) if place.data}
    return found - READING


def reported(engine: HospitalEngine, channel: str) -> dict[str, object]:
    done = CliRunner().invoke(
        app, ["shadow", channel, "--store", engine.store_url, "--json"], env=engine.environment
    )
    assert done.exit_code == 0, done.output
    found: dict[str, object] = json.loads(done.stdout)
    return found


def would(engine: HospitalEngine) -> Counter[tuple[str, str]]:
    return Counter((view.state.value, view.documents.get("would", "")) for view in engine.deliveries())


def outcome(views: list[DeliveryView]) -> set[str]:
    return {view.state.value for view in views}


def test_a_shadow_compares_and_going_live_delivers_nothing_of_it(tmp_path: Path, hospital: Running) -> None:
    shadow = HospitalEngine(tmp_path, hospital, changes={"\ndestinations:": "\nshadow: yes\n\ndestinations:"})
    shadow.start()
    since = transaction(hospital)
    visit = ("50001", "V-1")
    sent = {
        ADT: [admission("a1", *visit)],
        DFT: [
            charges("d1", *visit, Used("T1", "850001", "2"), Used("T2", "270001")),
            charges("d2", *visit, Used("T1", "850001", "2", "CD")),
            charges("d3", *visit, Used("T3", "NO-SUCH")),
        ],
        SIU: [booking("s1", "C1", *visit), booking("s2", "C1", *visit, "S15")],
    }
    try:
        for channel, raws in sent.items():
            assert all(b"\rMSA|AA|" in (answer or b"") for answer in shadow.send(channel, *raws))
        views = shadow.all_settled()
        assert {view.state.value for view in views} == {"shadowed"}
        assert written(hospital, since) == set()
        assert outcome(shadow.deliveries()) == {"shadowed"}
        assert would(shadow)["shadowed", "create"] >= 4
    finally:
        shadow.stop()
    charged = reported(shadow, DFT)
    assert charged["dead"] == {"unmapped-code at FT1[1]-7": 1}
    assert charged["effects"]["charge"]["would"] == {"create": 2}  # type: ignore[index]
    assert charged["effects"]["credit"]["would"] == {"follows": 1}  # type: ignore[index]
    booked = reported(shadow, SIU)
    assert booked["effects"]["reserve"]["would"] == {"create": 1}  # type: ignore[index]

    live = HospitalEngine(tmp_path, hospital)
    live.start()
    try:
        for channel, raws in sent.items():
            live.send(channel, *raws)  # again: each is the duplicate of what was shadowed
        again = CliRunner().invoke(
            app, ["redeliver", "--all", "--why", "test", "--store", live.store_url], env=live.environment
        )
        assert again.exit_code in (0, 1), again.output
        live.all_settled()
        assert outcome(live.deliveries()) == {"shadowed"}
        assert written(hospital, since) == set()
        live.send(DFT, charges("d9", *visit, Used("T9", "850001", "3")))
        live.all_settled()
        assert "delivered" in outcome(live.deliveries())
        assert "sale_order_line" in written(hospital, since)
    finally:
        live.stop()

    after = HospitalEngine(tmp_path, hospital, changes={"\ndestinations:": "\nshadow: yes\n\ndestinations:"})
    after.start()
    try:
        since = transaction(hospital)
        after.send(DFT, charges("d10", *visit, Used("T9", "850001", "3")))
        after.send(DFT, charges("d11", *visit, Used("T9", "850001", "5")))
        after.all_settled()
        assert written(hospital, since) == set()
        last = [view for view in after.deliveries() if view.state.value == "shadowed"][-2:]
        assert [(one.documents["would"], one.reason.place if one.reason else "") for one in last] == [
            ("stands", ""),
            ("refused", "item.quantity"),
        ]
    finally:
        after.stop()
