"""The hospital stands as the shipped channels' tables expect it."""

from __future__ import annotations

from demo.hospital_catalogue import ITEMS
from demo.odoo import Running
from demo.session import Session


def test_hospital_is_the_agreed_one(hospital: Running, admin: Session) -> None:
    assert hospital.database != "hospital"
    places = {"WH/Stock", "WH/Wards/ICU", "WH/Wards/3A", "WH/Wards/ED", "WH/Theatre/OR1", "WH/Theatre/OR2"}
    assert places <= set(hospital.ids["locations"])
    assert set(hospital.ids["items"]) == {item.code for item in ITEMS}
