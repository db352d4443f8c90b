"""Master files in a real Odoo: what a record states is written, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import master_rights
import pytest
from odoo_desk import Desk, item

from demo.odoo import Running
from demo.session import Session
from engine.effects import (
    Charge,
    Consume,
    Effect,
    Lot,
    Money,
    Offer,
    Price,
    Procure,
    Product,
    Reserve,
    Stocking,
)
from engine.model import Delivered, Owner, ReasonCode, Refused

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

EUR = "EUR"


@pytest.fixture(scope="module", autouse=True)
def _may_make_products(hospital: Running, admin: Session) -> None:
    master_rights.give(admin, hospital)


@pytest.fixture(params=["json2", "jsonrpc"])
def both(hospital: Running, request: pytest.FixtureRequest) -> Iterator[Desk]:
    """A desk for each transport."""
    made = Desk(hospital, transport=request.param)
    yield made
    made.close()


def found(admin: Session, code: str, *fields: str) -> dict[str, Any]:
    (row,) = admin.read(
        "product.product", [["default_code", "=", code]], *fields, context={"active_test": False}
    )
    return row


def product(code: str, **said: Any) -> Product:
    return Product(key=f"m/{code}", code=code, **said)


def new(code: str, **said: Any) -> Product:
    return product(code, name=f"Thing {code}", kind="goods", unit="Units", **said)


# items


def test_a_new_item_and_the_same_again(both: Desk, admin: Session) -> None:
    code = f"NEW-{both.destination._connection.transport}"
    said = new(code, tracking="lot", expires="yes", barcode=f"bar {code}", status="active")
    assert both.one(said).note == "made"
    row = found(
        admin, code, "name", "type", "is_storable", "uom_id", "tracking", "use_expiration_date", "barcode",
        "active", "company_id",
    )  # fmt: skip
    del row["id"]
    assert row == {
        "name": f"Thing {code}", "type": "consu", "is_storable": True, "uom_id": [1, "Units"],
        "tracking": "lot", "use_expiration_date": True, "barcode": f"bar {code}", "active": True,
        "company_id": False,
    }  # fmt: skip
    assert both.one(said).note == "nothing to change"
    assert admin.call("product.template", "search_count", [["default_code", "=", code]]) == 1


def test_empty_says_nothing_and_what_people_changed_stays(desk: Desk, admin: Session) -> None:
    desk.one(new("KEEP-1", barcode="keep 1"))
    number = found(admin, "KEEP-1")["id"]
    by_hand = {"name": "By hand", "list_price": 7.5, "weight": 2.0, "standard_price": 3.25}
    admin.call("product.product", "write", [number], by_hand)
    assert desk.one(product("KEEP-1", tracking="lot")).note == "changed: tracking"
    row = found(admin, "KEEP-1", *by_hand, "barcode", "tracking")
    assert row == {"id": number, **by_hand, "barcode": "keep 1", "tracking": "lot"}


def test_what_a_record_takes_away_is_gone(desk: Desk, admin: Session) -> None:
    desk.one(new("CLEAR-1", barcode="clear 1"))
    assert desk.one(product("CLEAR-1", cleared=("barcode",))).note == "changed: barcode"
    assert found(admin, "CLEAR-1", "barcode")["barcode"] is False


def test_an_item_that_people_made_is_the_same_item(desk: Desk, admin: Session) -> None:
    number = found(admin, "SYR-10")["id"]
    assert desk.one(product("SYR-10", barcode="syringe")).documents == {"product.product": str(number)}
    assert found(admin, "SYR-10", "barcode", "name")["name"] == "Syringe 10 ml"


def test_an_item_that_is_withdrawn_and_comes_back(desk: Desk, admin: Session) -> None:
    desk.one(new("GONE-1"))
    withdrawn = product("GONE-1", status="inactive")
    assert [desk.one(withdrawn).note, desk.one(withdrawn).note] == ["archived", "nothing to change"]
    row = found(admin, "GONE-1", "active", "product_tmpl_id")
    template = admin.read(
        "product.template", [["id", "=", row["product_tmpl_id"][0]]], "active", context={"active_test": False}
    )
    assert (row["active"], template[0]["active"]) == (False, False)
    assert (
        desk.refused(Price(key="m/p", code="GONE-1", price=Money(Decimal(1)))).reason.code == "unknown-item"
    )
    back = product("GONE-1", name="Back again", status="active")
    assert desk.one(back).note == "changed: name; brought back"
    assert found(admin, "GONE-1", "active", "name")["name"] == "Back again"


def test_a_record_of_a_withdrawn_item_may_change_it_where_it_is(desk: Desk, admin: Session) -> None:
    desk.done(new("GONE-2"))
    desk.done(product("GONE-2", status="inactive"))
    assert desk.one(product("GONE-2", name="Renamed")).note == "changed: name"
    assert found(admin, "GONE-2", "active", "name")["active"] is False


def test_withdrawing_what_never_was_makes_nothing(desk: Desk, admin: Session) -> None:
    assert "nothing made" in desk.one(new("NEVER-1", status="inactive")).note
    assert admin.call("product.product", "search_count", [["default_code", "=", "NEVER-1"]]) == 0


def test_what_is_still_in_stock_is_not_withdrawn(desk: Desk, admin: Session) -> None:
    reason = desk.refused(product("DRS-10", status="inactive")).reason
    assert (reason.code, reason.place, reason.owner) == (ReasonCode.CONFLICT, "status", Owner.BUSINESS)
    assert found(admin, "DRS-10", "active")["active"] is True


@pytest.mark.parametrize(
    ("word", "value"), [("unit", "Box of 100"), ("unit", "kg"), ("kind", "service"), ("tracking", "lot")]
)
def test_what_documents_count_in_can_no_longer_change(
    desk: Desk, admin: Session, word: str, value: str
) -> None:
    """Odoo 19 itself lets all of them through."""
    before = found(admin, "NDL-18", "uom_id", "type", "is_storable", "tracking", "barcode")
    reason = desk.refused(product("NDL-18", barcode="needle", **{word: value})).reason
    assert (reason.code, reason.place) == (ReasonCode.CONFLICT, word)
    assert found(admin, "NDL-18", "uom_id", "type", "is_storable", "tracking", "barcode") == before


def test_until_then_they_can(desk: Desk, admin: Session) -> None:
    desk.one(new("FREE-1"))
    assert desk.one(product("FREE-1", unit="kg", kind="consumable")).note == "changed: kind, unit"
    row = found(admin, "FREE-1", "uom_id", "is_storable")
    assert (row["uom_id"][1], row["is_storable"]) == ("kg", False)


def test_bad_records_are_refused_and_the_others_go_on(desk: Desk, admin: Session) -> None:
    desk.one(new("BAR-1", barcode="taken"))
    for _ in range(2):
        admin.call("product.product", "create", {"name": "Twin", "default_code": "TWIN-1"})
    wanted = [
        new("GOOD-1"),
        product("NONAME-1", barcode="x"),
        product("UNIT-1", name="No unit", unit="Furlong"),
        new("BAR-2", barcode="taken"),
        product("TWIN-1", name="Which?"),
        new("GOOD-2"),
    ]
    outcomes = desk.deliver(desk.batch(*wanted))
    told = [(one.reason.code.value, one.reason.place) if isinstance(one, Refused) else "" for one in outcomes]
    assert told == [
        "", ("missing-field", "name"), ("unknown-unit", "item.unit"), ("refused", ""),
        ("unknown-item", "code"), "",
    ]  # fmt: skip
    assert all("taken" not in one.reason.text for one in outcomes if isinstance(one, Refused))
    assert {found(admin, code, "active")["active"] for code in ("GOOD-1", "GOOD-2")} == {True}


def test_five_hundred_items_take_a_few_calls(hospital: Running, desk: Desk, admin: Session) -> None:
    codes = [f"MANY-{number}" for number in range(500)]
    wanted: list[Effect] = [new(code) for code in codes]
    wanted += [
        Stocking(key=f"m/{code}", code=code, location="WH/Stock", reorder_point=Decimal(5)) for code in codes
    ]
    passed: list[str] = []
    assert all(isinstance(one, Delivered) for one in desk.deliver(desk.batch(*wanted), passed.append))
    calls = [step for step in passed if step.startswith("before")]
    assert len(calls) < 30
    assert admin.call("product.product", "search_count", [["default_code", "=like", "MANY-%"]]) == 500
    passed.clear()
    assert all(isinstance(one, Delivered) for one in desk.deliver(desk.batch(*wanted), passed.append))
    assert not [step for step in passed if step.endswith(".load")]  # nothing to change


def test_a_batch_that_says_two_things_of_one_item_says_the_last(desk: Desk, admin: Session) -> None:
    desk.done(new("TWICE-1"), Product(key="m/TWICE-1/b", code="TWICE-1", name="Second"))
    assert found(admin, "TWICE-1", "name")["name"] == "Second"


def test_the_group_that_is_missing_is_named(hospital: Running, desk: Desk, admin: Session) -> None:
    master_rights.take(admin, hospital)
    try:
        reason = desk.refused(new("RIGHT-1")).reason
    finally:
        master_rights.give(admin, hospital)
    assert (reason.code, reason.owner) == (ReasonCode.NOT_ALLOWED, Owner.TECHNICAL)
    print(reason.text)
    assert "Products" in reason.text


# vendors


def offer(code: str, unit: str = "Box of 100", **said: Any) -> Offer:
    return Offer(key=f"m/{code}/V/{unit}", code=code, vendor="MedSupply Trading", unit=unit, **said)


def lines(admin: Session, code: str) -> list[dict[str, Any]]:
    template = found(admin, code, "product_tmpl_id")["product_tmpl_id"][0]
    fields = "price", "product_uom_id", "product_code", "sequence", "currency_id", "partner_id"
    rows = admin.read("product.supplierinfo", [["product_tmpl_id", "=", template]], *fields, order="id")
    return [{word: value for word, value in row.items() if word != "id"} for row in rows]


def test_a_vendor_s_price_per_packaging(both: Desk, admin: Session) -> None:
    code = f"VND-{both.destination._connection.transport}"
    price = Money(Decimal("8.45"), EUR)
    said = offer(code, price=price, package_quantity=Decimal(100), vendor_code="MS-1", primary="yes")
    both.done(new(code), said)
    (line,) = lines(admin, code)
    assert (line["price"], line["product_uom_id"][1], line["product_code"], line["sequence"]) == (
        8.45, "Box of 100", "MS-1", 0,
    )  # fmt: skip
    assert both.one(said).note == "nothing to change"
    dearer = offer(code, price=Money(Decimal("9.10"), EUR), cleared=("vendor_code",))
    assert both.one(dearer).note == "changed: price, vendor_code"
    (line,) = lines(admin, code)
    assert (line["price"], line["product_code"], line["sequence"]) == (9.1, False, 0)


def test_a_line_that_people_made_is_kept_up_to_date(desk: Desk, admin: Session) -> None:
    (before,) = lines(admin, "GLV-M")
    desk.one(offer("GLV-M", price=Money(Decimal("8.20"), EUR)))
    (after,) = lines(admin, "GLV-M")
    assert after == {**before, "price": 8.2}


@pytest.mark.parametrize(
    ("said", "code", "place"),
    [
        ({"vendor": "Nobody Ltd"}, "unknown-reference", "vendor"),
        ({"unit": "kg"}, "unknown-unit", "item.unit"),
        ({"package_quantity": Decimal(50)}, "quantity", "package_quantity"),
        ({"code": "NO-SUCH"}, "unknown-item", "item.code"),
        ({"price": Money(Decimal(1), "XXX")}, "refused", "currency_id"),
    ],
)
def test_an_offer_that_cannot_be_meant(desk: Desk, said: dict[str, Any], code: str, place: str) -> None:
    fields = {"code": "SUT-30", "vendor": "MedSupply Trading", "unit": "Box of 100", **said}
    reason = desk.refused(Offer(key=f"m/bad/{place}", **fields)).reason
    assert (reason.code.value, reason.place) == (code, place)


def test_a_vendor_may_be_named_by_its_reference(desk: Desk, admin: Session) -> None:
    vendor = admin.call("res.partner", "create", {"name": "By number", "ref": "V-4711", "is_company": True})
    desk.one(Offer(key="m/ref", code="SUT-30", vendor="V-4711", price=Money(Decimal(2))))
    assert vendor in [line["partner_id"][0] for line in lines(admin, "SUT-30")]


# prices


def test_the_price_of_a_service(both: Desk, admin: Session) -> None:
    amount = {"json2": "21.30", "jsonrpc": "22.40"}[str(both.destination._connection.transport)]
    said = Price(key="m/p/1", code="LAB-CBC", price=Money(Decimal(amount), EUR), valid_from=date(2026, 1, 1))
    assert both.one(said).note == "changed: price"
    assert found(admin, "LAB-CBC", "list_price")["list_price"] == float(amount)
    assert both.one(said).note == "nothing to change"


def test_a_charge_is_billed_at_the_master_s_price(desk: Desk, admin: Session) -> None:
    service = product("RAD-1", name="X-ray", kind="service", unit="Units")
    desk.done(service, Price(key="m/rad", code="RAD-1", price=Money(Decimal("88.00"))))
    desk.one(Charge(key="m/f1", encounter="mV1", item=item("RAD-1", 2)))
    (line,) = admin.read("sale.order.line", [["product_id.default_code", "=", "RAD-1"]], "price_subtotal")
    assert line["price_subtotal"] == 176.0


def test_prices_with_days_and_quantities_are_rules_of_a_price_list(desk: Desk, admin: Session) -> None:
    made = admin.call(
        "product.pricelist", "create", {"name": "Outpatients", "currency_id": 1, "company_id": 1}
    )
    euro = admin.read("res.currency", [["name", "=", "EUR"]], "id")[0]["id"]
    admin.call("product.pricelist", "write", [made], {"currency_id": euro})
    said = Price(
        key="m/list", code="CON-01", price=Money(Decimal("64.00"), EUR), price_list="Outpatients",
        from_quantity=Decimal(2), valid_from=date(2027, 1, 1), valid_until=date(2027, 12, 31),
    )  # fmt: skip
    desk.done(said)
    desk.done(said)
    (rule,) = admin.read(
        "product.pricelist.item", [["pricelist_id", "=", made]], "fixed_price", "min_quantity", "date_start",
        "date_end", "product_tmpl_id", "applied_on", "compute_price",
    )  # fmt: skip
    assert rule["product_tmpl_id"][0] == found(admin, "CON-01", "product_tmpl_id")["product_tmpl_id"][0]
    words = ("fixed_price", "min_quantity", "date_start", "date_end", "applied_on")
    assert [rule[word] for word in words] == [
        64.0, 2.0, "2027-01-01 00:00:00", "2027-12-31 23:59:59", "1_product",
    ]  # fmt: skip
    assert found(admin, "CON-01", "list_price")["list_price"] == 75.0


TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date()


@pytest.mark.parametrize(
    ("said", "code", "place"),
    [
        ({"valid_from": TOMORROW}, "refused", "valid_from"),
        ({"valid_until": date(2030, 1, 1)}, "refused", "valid_until"),
        ({"from_quantity": Decimal(10)}, "refused", "from_quantity"),
        ({"price_list": "Nowhere"}, "unknown-reference", "price_list"),
        ({"price": Money(Decimal(1), "USD")}, "bad-value", "price.currency"),
    ],
)
def test_a_price_that_cannot_be_meant(desk: Desk, said: dict[str, Any], code: str, place: str) -> None:
    fields = {"code": "CON-01", "price": Money(Decimal(70)), **said}
    reason = desk.refused(Price(key=f"m/bad/{place}", **fields)).reason
    assert (reason.code.value, reason.place) == (code, place)


# reordering rules


def rules(admin: Session, code: str) -> list[dict[str, Any]]:
    rows = admin.read(
        "stock.warehouse.orderpoint", [["product_id.default_code", "=", code]], "product_min_qty",
        "product_max_qty", "trigger", "active", "location_id", context={"active_test": False}, order="id",
    )  # fmt: skip
    return [{word: value for word, value in row.items() if word != "id"} for row in rows]


def stocking(code: str, **said: Any) -> Stocking:
    for word in {"reorder_point", "reorder_amount"} & said.keys():
        said[word] = Decimal(said[word])
    return Stocking(key=f"m/{code}/S", code=code, location="WH/Stock", **said)


def test_a_reordering_rule(both: Desk, admin: Session) -> None:
    code = f"STK-{both.destination._connection.transport}"
    both.done(new(code), stocking(code, reorder_point=2, reorder_amount=3, unit="Box of 100"))
    (rule,) = rules(admin, code)
    assert (rule["product_min_qty"], rule["product_max_qty"], rule["trigger"]) == (200, 500, "manual")
    assert both.one(stocking(code, reorder_point=200)).note == "nothing to change"
    both.one(stocking(code, reorder_point=300))
    both.one(stocking(code, status="inactive"))
    (rule,) = rules(admin, code)
    assert (rule["product_min_qty"], rule["product_max_qty"], rule["active"]) == (300, 600, False)
    both.one(stocking(code, status="active", cleared=("reorder_point",)))
    (rule,) = rules(admin, code)
    assert (rule["product_min_qty"], rule["product_max_qty"], rule["active"]) == (0, 300, True)


def test_a_new_rule_may_order_by_itself(desk: Desk, admin: Session) -> None:
    desk.done(new("STK-AUTO"), stocking("STK-AUTO", reorder_point=1, trigger="automatic"))
    assert rules(admin, "STK-AUTO")[0]["trigger"] == "auto"
    desk.one(stocking("STK-AUTO", reorder_point=2))
    assert rules(admin, "STK-AUTO")[0]["trigger"] == "auto"


def test_a_rule_that_reservations_made_is_the_same_rule(desk: Desk, admin: Session) -> None:
    desk.one(Procure(key="m/proc", items=(item("BLD-15", 300),), location="WH/Stock"))
    desk.one(stocking("BLD-15", reorder_point=400, reorder_amount=50))
    assert [(rule["product_min_qty"], rule["product_max_qty"]) for rule in rules(admin, "BLD-15")] == [
        (400, 450)
    ]


@pytest.mark.parametrize(
    ("said", "code", "place"),
    [
        ({"code": "LAB-CBC"}, "conflict", "code"),
        ({"location": "WH/Nowhere"}, "unknown-location", "location"),
        ({"unit": "kg"}, "unknown-unit", "item.unit"),
    ],
)
def test_a_rule_that_cannot_be_meant(desk: Desk, said: dict[str, Any], code: str, place: str) -> None:
    fields = {"code": "GLV-M", "location": "WH/Stock", "reorder_point": Decimal(1), **said}
    reason = desk.refused(Stocking(key=f"m/bad/{place}", **fields)).reason
    assert (reason.code.value, reason.place) == (code, place)


def test_an_item_of_the_master_is_bought_for_a_reservation(desk: Desk, admin: Session) -> None:
    desk.done(
        new("BUY-1"),
        offer("BUY-1", unit="", price=Money(Decimal(3), EUR)),
        stocking("BUY-1", reorder_point=10, reorder_amount=40),
    )
    desk.one(Reserve(key="m/r1", items=(item("BUY-1", 4),), destination="WH/Theatre/OR1"))
    ordered = admin.read("purchase.order.line", [["product_id.default_code", "=", "BUY-1"]], "product_qty")
    assert [line["product_qty"] for line in ordered] == [54.0]


# lots


def lot(code: str, number: str, **said: Any) -> Lot:
    return Lot(key=f"m/{code}/{number}", code=code, lot=number, **said)


def test_a_lot_with_its_expiry_is_used_by_the_next_message(both: Desk, admin: Session) -> None:
    number = f"L-{both.destination._connection.transport}"
    said = lot("CAT-14", number, expires=date(2029, 3, 31), on_hand=Decimal(40), location="WH/Stock")
    assert both.one(said).note == "made; counted 40, Odoo has 0: not written"
    (row,) = admin.read("stock.lot", [["name", "=", number]], "expiration_date", "product_qty")
    assert (row["expiration_date"], row["product_qty"]) == ("2029-03-31 00:00:00", 0)
    assert both.one(lot("CAT-14", number, expires=date(2029, 3, 31))).note == "nothing to change"
    assert both.one(lot("CAT-14", number, cleared=("expires",))).note == "changed: expires"


def test_a_lot_that_stands_gets_another_day_and_its_stock_is_left_alone(desk: Desk, admin: Session) -> None:
    quant = [["lot_id.name", "=", "CAT-2609"], ["location_id.usage", "=", "internal"]]
    before = admin.read("stock.quant", quant, "quantity", "location_id")
    said = lot("CAT-14", "CAT-2609", expires=date(2027, 4, 30), on_hand=Decimal(20), location="WH/Stock")
    assert desk.one(said).note == "changed: expires"
    assert admin.read("stock.quant", quant, "quantity", "location_id") == before
    used = Consume(key="m/u1", items=(item("CAT-14", 1, lot="CAT-2609"),), location="WH/Stock")
    desk.one(used)
    assert "counted 20, Odoo has 19" in desk.one(said).note


@pytest.mark.parametrize(
    ("said", "code", "place"),
    [
        ({"code": "GLV-M"}, "conflict", "lot"),
        ({"location": "WH/Nowhere"}, "unknown-location", "location"),
        ({"unit": "kg"}, "unknown-unit", "item.unit"),
    ],
)
def test_a_lot_that_cannot_be_meant(desk: Desk, said: dict[str, Any], code: str, place: str) -> None:
    reason = desk.refused(Lot(key=f"m/bad/{place}", lot="X", **{"code": "CAT-14", **said})).reason
    assert (reason.code.value, reason.place) == (code, place)
