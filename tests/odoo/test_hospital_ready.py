"""The hospital stands as the shipped channels' tables expect it, and no user may do more than needed."""

from __future__ import annotations

import httpx
import pytest

from demo.hospital_catalogue import COST_CENTRES, ITEMS, RIGHTS, SERVICES
from demo.odoo import Running, drop_database, fresh_database
from demo.provision import provision
from demo.session import Refusal, Session

PLACES = {
    "WH/Stock",
    "WH/Wards/ICU",
    "WH/Wards/3A",
    "WH/Wards/ED",
    "WH/Theatre/OR1",
    "WH/Theatre/OR2",
    "WH/Pharmacy",
    "WH/Lab",
    "Patient Care",
}


def on_hand(admin: Session, code: str, place: str) -> float:
    domain = [["product_id.default_code", "=", code], ["location_id.complete_name", "=", place]]
    return float(sum(row["quantity"] for row in admin.read("stock.quant", domain, "quantity")))


def test_codes_and_places_are_the_agreed_ones(hospital: Running) -> None:
    assert set(hospital.ids["locations"]) >= PLACES
    assert set(hospital.ids["items"]) == {item.code for item in ITEMS}
    assert set(hospital.ids["services"]) == {service.code for service in SERVICES}
    assert set(hospital.ids["cost_centres"]) == set(COST_CENTRES)
    assert {"Units", "Box of 100", "Minutes", "ml"} <= set(hospital.ids["units"])


def test_stock_lies_where_it_should(admin: Session) -> None:
    assert {item.code: on_hand(admin, item.code, "WH/Stock") for item in ITEMS} == {
        item.code: item.stock for item in ITEMS
    }
    assert on_hand(admin, "GLV-M", "WH/Theatre/OR1") == 200
    assert on_hand(admin, "AMOX-500", "WH/Pharmacy") == 500
    assert on_hand(admin, "RGT-CBC", "WH/Lab") == 9000
    assert on_hand(admin, "ENOX-40", "WH/Wards/ICU") == 60


def test_every_item_but_the_mesh_can_be_bought(admin: Session) -> None:
    offered = admin.read("product.product", [["seller_ids", "!=", False]], "default_code")
    assert {row["default_code"] for row in offered} == {item.code for item in ITEMS} - {"MESH-15"}


def test_the_integration_user_has_no_other_rights(hospital: Running, admin: Session) -> None:
    user = admin.read("res.users", [["login", "=", hospital.user.login]], "group_ids")[0]
    names = admin.read(
        "ir.model.data", [["model", "=", "res.groups"], ["res_id", "in", user["group_ids"]]], "complete_name"
    )
    assert {row["complete_name"] for row in names} == {*RIGHTS, "base.group_multi_company"}


def test_the_key_opens_json_2(hospital: Running) -> None:
    answer = httpx.post(
        f"{hospital.url}/json/2/product.product/search_count",
        json={"domain": [["default_code", "=", "GLV-M"]]},
        headers={"Authorization": f"bearer {hospital.user.key}", "X-Odoo-Database": hospital.database},
        trust_env=False,
    )
    assert (answer.status_code, answer.json()) == (200, 1)


def test_provisioning_again_changes_nothing(hospital: Running, admin: Session) -> None:
    def books() -> dict[str, int]:
        models = (
            "product.product",
            "stock.location",
            "stock.move",
            "stock.quant",
            "res.partner",
            "res.users",
        )
        return {model: admin.call(model, "search_count", []) for model in models}

    before = books()
    again = provision(hospital.url, hospital.database, hospital.admin.login, hospital.admin.password)
    assert {name: again[name] for name in hospital.ids} == hospital.ids
    assert books() == before


def test_a_fresh_database_is_one_s_own(hospital: Running, odoo: Running) -> None:
    other = fresh_database("another")
    assert len({other.database, hospital.database, odoo.database}) == 3
    drop_database(other)
    with pytest.raises(Refusal):
        Session(other.url, other.database, other.user.login, other.user.password)


def test_a_wrong_password_is_refused(hospital: Running) -> None:
    with pytest.raises(Refusal):
        Session(hospital.url, hospital.database, hospital.user.login, "not the password")
