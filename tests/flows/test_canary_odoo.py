"""No value that identifies a patient reaches a real Odoo: the messages of `test_canary.py`, and then
every column of every table of Odoo's database, its files and its log (spec: PHI, P01)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary_cases import cases
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import HospitalEngine

from demo.local import CACHE
from demo.odoo import Running
from demo.postgres import Postgres
from engine.proof.canaries import Canaries
from engine.proof.places import tables
from engine.proof.search import Search
from engine.store.contracts.views import DeliveryView

pytestmark = [
    pytest.mark.odoo,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        os.environ.get("ODOO", "local") != "local", reason="only our own Odoo's database can be read"
    ),
]


@pytest.fixture(scope="module")
def hospital() -> Iterator[Running]:
    found = fresh_database("canary")
    yield found
    drop_database(found)


def everything(hospital: Running, log_from: int) -> Iterator[tuple[str, bytes]]:
    """Each table, all columns of all rows; files; the log from there on."""
    with Postgres(CACHE / "postgres").connect(hospital.database) as connection:
        for place in tables(connection, "Odoo"):
            yield place.name.removeprefix("Odoo: "), place.data
    for path in (CACHE / "data/filestore" / hospital.database).rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()
    with (CACHE / "odoo.log").open("rb") as log:
        log.seek(log_from)
        yield "odoo.log", log.read()


def test_no_canary_is_anywhere_in_odoo(hospital: Running, tmp_path: Path) -> None:
    log_from = (CACHE / "odoo.log").stat().st_size
    engine = HospitalEngine(tmp_path, hospital)
    engine.environment |= {"WARDLINE_LOG_LEVEL": "DEBUG", "COLUMNS": "1000"}
    canaries = Canaries()
    sent = cases(canaries)
    try:
        engine.start("loud")
        for case in (*sent, *sent):
            engine.send(case.channel, case.raw)
        views = engine.all_settled()
        printed = engine.wardline("account", "--every")[1] + engine.wardline("dead")[1]
        assert engine.stop() == 0
    finally:
        engine.end()
    delivered = [delivery for delivery in engine.deliveries() if delivery.state.value == "delivered"]
    assert {type(one.delivery.effect).__name__ for one in delivered} >= {
        "Encounter", "Merge", "Charge", "Credit", "Consume", "Reserve", "Release"
    }  # fmt: skip
    assert len(views) == 2 * len(sent)
    found, holding = search(hospital, canaries, tokens_of(delivered), log_from)
    assert found == {}
    assert {"public.res_partner", "public.sale_order"} <= holding  # what did get there is found so
    assert Search(canaries).places_in("\n".join([*engine.logs, printed]).encode()) == set()


def test_a_canary_in_odoo_is_found(hospital: Running) -> None:
    canaries = Canaries()
    with sign_in(hospital) as admin:
        admin.call("res.partner", "create", [{"name": "Ward", "comment": canaries.word("planted").lower()}])
    found, _ = search(hospital, canaries, set(), (CACHE / "odoo.log").stat().st_size)
    assert found == {"public.res_partner": {"planted"}}


def tokens_of(deliveries: list[DeliveryView]) -> set[bytes]:
    """Their places in the order: tokens."""
    return {one.delivery.sequence_key.encode() for one in deliveries if one.delivery.sequence_key}


def search(
    hospital: Running, canaries: Canaries, tokens: set[bytes], log_from: int
) -> tuple[dict[str, set[str]], set[str]]:
    """Where in Odoo canaries stand, and which; and where tokens stand."""
    found, holding = {}, set()
    for name, blob in everything(hospital, log_from):
        if places := Search(canaries).places_in(blob):
            found[name] = places
        if any(token in blob for token in tokens):
            holding.add(name)
    return found, holding
