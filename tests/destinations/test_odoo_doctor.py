"""`wardline doctor` against a real Odoo: all in order, and each thing that can be wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import master_rights
import pytest
import typer
from odoo_desk import connection
from typer.testing import CliRunner

from demo.odoo import Running
from demo.session import Session
from engine.cli.doctor import doctor
from engine.destinations.odoo.named import Check, Named
from engine.destinations.odoo.preflight import preflight

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

GOOD = Named(
    items=frozenset({"GLV-M", "LAB-CBC"}),
    charged=frozenset({"CHG-GLV-M", "LAB-CBC"}),
    locations=frozenset({"WH/Wards/ICU", "OUT/Stock"}),
    units=frozenset({"Box of 100"}),
    companies=frozenset({"Lakeside Outpatient Clinic"}),
    cost_centres=frozenset({"CC-LAB"}),
    vendors=frozenset({"MedSupply Trading"}),
    price_lists=frozenset({"Default"}),
    effects=frozenset({"charge", "product"}),
)


def failed(checks: Iterator[Check]) -> dict[str, str]:
    return {check.text: check.remedy for check in checks if check.level != "ok"}


@pytest.mark.parametrize("transport", ["json2", "jsonrpc"])
def test_all_in_order(hospital: Running, transport: str) -> None:
    assert failed(preflight(connection(hospital, transport=transport), GOOD)) == {}


def test_names_that_odoo_does_not_have(hospital: Running) -> None:
    named = Named(
        items=frozenset({"GLV-M", "NOPE"}),
        charged=frozenset({"CHG-NOPE"}),
        locations=frozenset({"WH/Nowhere", "WH/Stock/Shelf"}),
        units=frozenset({"Furlong"}),
        companies=frozenset({"Nobody Inc."}),
        cost_centres=frozenset({"CC-NONE"}),
        vendors=frozenset({"Nobody Ltd"}),
        price_lists=frozenset({"No list"}),
    )
    texts = " | ".join(failed(preflight(connection(hospital), named)))
    for word in (
        "| NOPE: no product",
        "CHG-NOPE: no product",
        "WH/Nowhere: ",
        "Furlong: ",
        "Nobody Inc.: ",
        "CC-NONE: ",
        "Nobody Ltd: ",
        "No list: ",
        "procure nothing",
    ):
        assert word in texts


@pytest.mark.parametrize("kind", ["stocked", "not stocked"])
def test_goods_that_are_billed_are_warned_of(hospital: Running, admin: Session, kind: str) -> None:
    code = {"stocked": "GLV-M", "not stocked": "GLV-LOOSE"}[kind]
    if kind == "not stocked":
        admin.call("product.product", "create", {"name": code, "default_code": code, "type": "consu"})
    (check,) = [
        one
        for one in preflight(connection(hospital), Named(charged=frozenset({code, "CHG-GLV-M", "OR-MIN"})))
        if one.level != "ok"
    ]
    assert (check.level, check.about) == ("warn", "item")
    assert check.text == f"{code} is billed but no service: confirming a quotation would deliver it again"
    assert "charge_as" in check.remedy


def test_a_missing_right_names_the_group_to_add(hospital: Running, admin: Session) -> None:
    (group,) = admin.read(
        "ir.model.data", [["module", "=", "stock"], ["name", "=", "group_stock_manager"]], "res_id"
    )
    (user,) = admin.read("res.users", [["login", "=", hospital.user.login]], "id")
    admin.call("res.users", "write", [user["id"]], {"group_ids": [[3, group["res_id"]]]})
    found = failed(preflight(connection(hospital), GOOD))
    admin.call("res.users", "write", [user["id"]], {"group_ids": [[4, group["res_id"]]]})
    group_to_add = "add the group Inventory / Administrator (stock.group_stock_manager)"
    assert found == {"reordering rules: the user may not": group_to_add}


def test_master_files_need_one_more_group_and_other_channels_do_not(
    hospital: Running, admin: Session
) -> None:
    master_rights.take(admin, hospital)
    found = failed(preflight(connection(hospital), GOOD))
    without = failed(preflight(connection(hospital), Named(effects=frozenset({"charge", "lot"}))))
    master_rights.give(admin, hospital)
    remedy = "add the group Products / Create (product.group_product_manager)"
    assert (found, without) == ({"master files: the user may not": remedy}, {})


def test_a_key_that_ends_soon_and_one_that_is_refused(hospital: Running) -> None:
    later = datetime.now(UTC) + timedelta(days=80)
    (text,) = failed(preflight(connection(hospital), GOOD, lambda: later))
    assert "ends in" in text
    (text,) = failed(preflight(connection(hospital, key="0" * 40), GOOD))
    assert "refuses" in text
    (text,) = failed(preflight(connection(hospital, url="http://127.0.0.1:9"), GOOD))
    assert "cannot be reached" in text


def test_an_administrator_is_too_much(hospital: Running) -> None:
    chief = connection(hospital, user=hospital.admin.login, key="", password=hospital.admin.password)
    assert any("administrator" in text for text in failed(preflight(chief, GOOD)))


def test_the_command(hospital: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.command()(doctor)
    for word, value in (
        ("URL", hospital.url),
        ("DATABASE", hospital.database),
        ("USER", hospital.user.login),
        ("KEY", hospital.user.key),
    ):
        monkeypatch.setenv(f"WARDLINE_ODOO_HOSPITAL_ODOO_{word}", value)
        monkeypatch.setenv(f"WARDLINE_ODOO_CLINIC_ODOO_{word}", value)
    channels = [str(Path(__file__).parents[2] / "channels")]
    result = CliRunner().invoke(app, channels)
    assert result.exit_code == 0, result.output
    assert "Odoo 19.0 over json2" in result.output
    assert hospital.user.key not in result.output
    clinic = CliRunner().invoke(app, [*channels, "--site", "outpatient"])
    assert clinic.exit_code == 0, clinic.output
    answer = json.loads(CliRunner().invoke(app, [*channels, "--json"]).output)
    assert {check["level"] for check in answer["hospital-odoo"]} == {"ok"}
    monkeypatch.delenv("WARDLINE_ODOO_HOSPITAL_ODOO_KEY")
    result = CliRunner().invoke(app, channels)
    assert result.exit_code == 1
    assert "WARDLINE_ODOO_HOSPITAL_ODOO_KEY" in result.output
