"""A code that no table has, in production: its charges wait, its row is written, deployed by one person and
approved by another, and they stand in the real Odoo in the order in which they came."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hospital_messages import Used, charges
from odoo_books import put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, SHIPPED, connection, shipped
from running import Engine, wait_for

from engine.app.opening import open_settings
from engine.people.file import add_person
from engine.people.words import Role
from engine.settings import Settings
from engine.store.contracts.views import Query

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(600)]

NEW = "970001"


class Production(Engine):
    """An engine that runs what was deployed and approved; ann writes channels, bob reviews them."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        super().__init__(folder, ledger=False, settings={**settings, "MODE": "production"})
        shutil.copytree(SHIPPED / "tables", self.channels / "tables")
        (self.channels / "dft-charges.yaml").write_text(shipped("dft-charges", {}))
        shutil.copy(SHIPPED / "dft-charges.test.yaml", self.channels)
        people = folder / "people.yaml"
        self.environment["WARDLINE_PEOPLE"] = str(people)
        for name, role in (("ann", Role.AUTHOR), ("bob", Role.REVIEWER)):
            key = add_person(people, name, f"{name} of the interfaces", [role], [])
            (folder / f"{name}.key").touch(0o600)
            (folder / f"{name}.key").write_text(key)

    def _arguments(self) -> list[str]:
        return ["run"]

    def _doors(self) -> int:
        return 1

    def does(self, who: str, *arguments: str) -> str:
        """What a command said that succeeded."""
        given = [*arguments, "--key", str(self.folder / f"{who}.key"), "--yes"]
        code, said = self.wardline(*given, "--why", "gloves of the new vendor")
        assert code == 0, said
        return said

    def states(self) -> list[str]:
        return [view.state.value for view in self.messages()]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[Production, Any]]:
    hospital = fresh_database("heal")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        engine = Production(tmp_path / "engine", connection(hospital, "", {}))
        yield engine, admin
        engine.hang_up()
        engine.kill()
    drop_database(hospital)


def test_charges_of_an_unknown_code_stand_in_odoo_in_order_once_its_row_is_approved(
    house: tuple[Production, Any],
) -> None:
    engine, admin = house
    engine.does("ann", "deploy", str(engine.channels))
    engine.does("bob", "approve", "1")
    engine.start()
    sender = engine.connect()
    lines = [("T1", NEW, "1"), ("T2", "270001", "2"), ("T3", NEW, "3"), ("T4", NEW, "4")]
    for number, (txn, code, quantity) in enumerate(lines):
        raw = charges(f"C{number}", "P9", "V9", Used(txn, code, quantity))
        assert b"MSA|AA|" in sender.ask(raw)
    wait_for(lambda: sorted(engine.states()) == ["dead"] * 3 + ["delivered"], "what has its code", engine)
    assert [line.quantity for line in read_books(admin).lines.values()] == [2.0]

    said = engine.wardline(
        "codes", "resolve", NEW, "--channels", str(engine.channels), "--like", "270001", "--yes"
    )
    assert said[0] == 0, said
    assert "3 messages will flow" in said[1]
    told = engine.does("ann", "deploy", str(engine.channels))
    assert "edition 2 waits for another person" in told
    assert "3 messages that were a dead letter (unmapped-code) now pass" in told
    assert sorted(engine.states()) == ["dead"] * 3 + ["delivered"]

    engine.does("bob", "approve", "2")
    wait_for(lambda: engine.states() == ["delivered"] * 4, "what waited", engine)
    assert written(admin) == [2.0, 1.0, 3.0, 4.0]
    moved = {(one.item, one.quantity) for one in read_books(admin).lines.values()}
    assert moved == {("CHG-GLV-M", quantity) for quantity in (1.0, 2.0, 3.0, 4.0)}
    with closing(open_settings(Settings(store=engine.store_url))) as store:
        assert store.parked() == []
        assert store.gaps() == []
        effects = store.deliveries(Query(limit=100))
        assert len(effects) == 8  # a charge and its use each, once
    engine.assert_silent()


def written(admin: Any) -> list[float]:
    """The quantities of the lines of orders, in the order in which they were written."""
    return [
        row["product_uom_qty"] for row in admin.read("sale.order.line", [], "product_uom_qty", order="id")
    ]
