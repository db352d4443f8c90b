"""The proof on PostgreSQL, with the shipped channels, into a real Odoo: all tables of both are searched."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from odoo_for_proof import NO_ODOO, address_of, odoo_database

from demo.odoo import Running
from engine.proof.prove import Wanted, prove

pytestmark = [pytest.mark.slow, pytest.mark.odoo, pytest.mark.timeout(600)]

SHIPPED = Path(__file__).parents[2] / "channels"


def test_P03_on_postgresql_and_into_odoo(tmp_path: Path, new_postgres: Callable[[], str]) -> None:
    with odoo_database("proof") as odoo:
        wanted = Wanted(
            seed=6, chance=60, rows="PID-*", store=new_postgres(), channels=SHIPPED, odoo=address_of(odoo)
        )
        found = prove(wanted, tmp_path, lambda _: None, {**os.environ, **_connection(odoo)})
    assert (found.hits, found.faults) == ([], [])
    assert found.kills == 2
    assert found.states["delivered"] > 100
    tables = {one.name for one in found.searched if one.bytes}
    assert {f"store: public.{name}" for name in ("messages", "contents", "deliveries", "tokens")} <= tables
    assert NO_ODOO or {"Odoo: public.res_partner", "Odoo: public.sale_order"} <= tables


def _connection(odoo: Running | None) -> dict[str, str]:
    if odoo is None:
        return {}
    told = {"URL": odoo.url, "DATABASE": odoo.database, "USER": odoo.user.login, "KEY": odoo.user.key}
    told["CONSUMPTION_LOCATION"] = "Patient Care"
    return {f"WARDLINE_ODOO_HOSPITAL_ODOO_{name}": word for name, word in told.items()}
