"""What follows a reservation or a charge, in a real Odoo: delivered, corrected, taken back whole."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import msgspec
import pytest
from odoo_desk import Desk, Mirror, item

from demo.session import Session
from engine.effects import Charge, Consume, Credit, Encounter, Item, Merge, Money, Release, Reserve

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

STORE, WARD = "WH/Stock", "WH/Wards/ICU"
_numbers = count(1)


@pytest.fixture
def key() -> str:
    return f"a{next(_numbers)}k"


def wanted(key: str, *items: Item) -> Reserve:
    return Reserve(key=key, items=items, source=STORE, destination=WARD)


def delivered(key: str, against: str, *items: Item, **more: Any) -> Consume:
    return Consume(key=key, items=items, location=STORE, against=against, **more)


def transfers(mirror: Mirror, key: str) -> list[tuple[Any, ...]]:
    """State, from, to, and item code with demand and quantity, of the transfers under a key."""
    return [
        (t[1], t[2], t[3], *((move[0].split("]")[0][1:], move[1], move[2]) for move in t[7] if move[1]))
        for t in mirror.transfers(key)
    ]


def test_f45_what_is_delivered_is_moved_and_the_rest_stays_reserved(
    desk: Desk, mirror: Mirror, key: str
) -> None:
    desk.one(wanted(key, item("GLV-M", 5), item("SUT-30", 2)))
    first = desk.one(delivered(f"u{key}", key, item("GLV-M", 2)))
    assert desk.one(delivered(f"u{key}", key, item("GLV-M", 2))).documents == first.documents
    assert transfers(mirror, key) == [
        ("assigned", STORE, WARD, ("GLV-M", 3.0, 3.0), ("SUT-30", 2.0, 2.0)),
        ("done", STORE, WARD, ("GLV-M", 2.0, 2.0)),
    ]
    desk.one(delivered(f"u{key}2", key, item("GLV-M", 3), item("SUT-30", 2)))
    assert [t[0] for t in transfers(mirror, key)] == ["done", "done"]
    assert transfers(mirror, f"u{key}") == []
    assert "handed out" in desk.one(Release(key=key)).note


def test_two_deliveries_of_one_batch_take_each_their_own(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(wanted(key, item("GLV-M", 5)))
    desk.done(*(delivered(f"u{key}{n}", key, item("GLV-M", n)) for n in (1, 2)))
    assert transfers(mirror, key) == [
        ("assigned", STORE, WARD, ("GLV-M", 2.0, 2.0)),
        ("done", STORE, WARD, ("GLV-M", 1.0, 1.0)),
        ("done", STORE, WARD, ("GLV-M", 2.0, 2.0)),
    ]


def test_what_was_not_reserved_is_used_from_the_store_and_said(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(wanted(key, item("GLV-M", 2)))
    outcomes = desk.done(
        delivered(f"u{key}", key, item("GLV-M", 3), item("SYR-10", 1)),
        delivered(f"v{key}", f"never{key}", item("GLV-M", 1)),
    )
    assert [outcome.note for outcome in outcomes] == ["more than was reserved", "nothing was reserved for it"]
    assert transfers(mirror, key) == [("done", STORE, WARD, ("GLV-M", 2.0, 2.0))]
    assert transfers(mirror, f"u{key}") == [
        ("done", STORE, "Patient Care", ("GLV-M", 1.0, 1.0), ("SYR-10", 1.0, 1.0))
    ]
    assert len(outcomes[0].documents["stock.picking"].split(",")) == 2
    again = delivered(f"u{key}", key, item("SYR-10", 1), item("GLV-M", 3))
    assert desk.one(again).documents == outcomes[0].documents


def test_a_box_is_taken_out_of_what_was_reserved_in_pieces(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(wanted(key, item("GLV-M", 150)))
    desk.one(delivered(f"u{key}", key, item("GLV-M", 1, unit="Box of 100")))
    assert [t[3] for t in transfers(mirror, key)] == [("GLV-M", 50.0, 50.0), ("GLV-M", 100.0, 100.0)]


def test_other_goods_under_the_key_of_a_delivery_are_a_conflict(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(wanted(key, item("GLV-M", 5)))
    desk.one(delivered(f"u{key}", key, item("GLV-M", 2)))
    for other in (item("GLV-M", 3), item("GLV-M", 1), item("SYR-10", 2)):
        reason = desk.refused(delivered(f"u{key}", key, other)).reason
        assert (reason.code, reason.place) == ("conflict", "items")
    assert len(transfers(mirror, key)) == 2


def test_what_the_store_handed_out_by_itself_is_not_handed_out_again(
    desk: Desk, mirror: Mirror, admin: Session, key: str
) -> None:
    picking = int(desk.one(wanted(key, item("GLV-M", 5))).documents["stock.picking"])
    admin.call("stock.picking", "button_validate", [picking])
    assert desk.one(delivered(f"u{key}", key, item("GLV-M", 5))).note == ""
    assert [t[0] for t in transfers(mirror, key)] == ["done"]
    assert transfers(mirror, f"u{key}") == []
    assert desk.one(delivered(f"v{key}", key, item("GLV-M", 1))).note == "nothing was reserved for it"


def test_a_delivery_of_what_odoo_does_not_have_goes_below_zero_and_says_so(
    desk: Desk, mirror: Mirror, key: str
) -> None:
    """Nobody keeps a mattress; it came all the same."""
    assert "short by 2" in desk.one(wanted(key, item("MAT-AIR", 2))).note
    outcome = desk.one(delivered(f"u{key}", key, item("MAT-AIR", 1)))
    assert outcome.note == "stock went below zero by 1"
    assert [t[0] for t in transfers(mirror, key)] == ["confirmed", "done"]


def test_the_lot_that_was_delivered_is_the_one_that_moves(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(wanted(key, item("CAT-14", 2)))
    desk.one(delivered(f"u{key}", key, item("CAT-14", 1, lot="CAT-2611")))
    lots = {t[1]: t[7][0][6] for t in mirror.transfers(key)}
    assert lots["done"] == [["CAT-2611", 1.0]]
    assert sum(many for _, many in lots["assigned"]) == 1.0
    assert (
        desk.refused(delivered(f"v{key}", key, item("CAT-14", 1, lot="NO-LOT"))).reason.place == "items.lot"
    )
    assert mirror.snapshot(key)["orphans"] == 0


def test_a_delivery_in_error_comes_back_and_may_be_wanted_again(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(wanted(key, item("GLV-M", 5)))
    desk.one(delivered(f"u{key}", key, item("GLV-M", 6)))
    back = Consume(key=f"u{key}/back", items=(item("GLV-M", 6),), location=STORE, reverses=f"u{key}")
    assert desk.one(back).note == "what came back is not reserved again"
    assert desk.one(back).documents == desk.one(back).documents
    assert transfers(mirror, f"u{key}/back")[0][0] == "done"
    sources = {row["location_id"][1] for row in _moves(mirror, f"u{key}/back")}
    assert sources == {WARD, "Patient Care"}
    desk.one(wanted(key, item("GLV-M", 5)))
    assert [t[0] for t in transfers(mirror, key)] == ["assigned", "done"]


def test_all_that_was_delivered_comes_back_by_one_word(desk: Desk, mirror: Mirror, key: str) -> None:
    """Goods of several lines, out of a reservation and beside it, of a lot and in a pack."""
    desk.one(wanted(key, item("GLV-M", 150)))
    desk.done(
        delivered(f"u{key}/1", key, item("GLV-M", 2, unit="Box of 100")),
        delivered(f"u{key}/2", "", item("CAT-14", 1, lot="CAT-2611"), item("SYR-10", 2)),
        delivered(f"u{key}x", "", item("SYR-10", 4)),
    )
    desk.one(Consume(key=f"u{key}/2/some", items=(item("SYR-10", 1),), location=STORE, reverses=f"u{key}/2"))
    back = Consume(key=f"u{key}/back", location=STORE, reverses=f"u{key}/*", whole=True)
    first = desk.one(back)
    assert desk.one(back).documents == first.documents
    (returned,) = (t for t in mirror.transfers(f"u{key}/back"))
    moved = sorted((move[0].split("]")[0][1:], move[2], move[4], str(move[6])) for move in returned[7])
    assert [(code, many, unit) for code, many, unit, _ in moved] == [
        ("CAT-14", 1.0, "Units"), ("GLV-M", 0.5, "Box of 100"), ("GLV-M", 150.0, "Units"),
        ("SYR-10", 1.0, "Units"),
    ]  # fmt: skip
    assert "CAT-2611" in moved[0][3]
    assert desk.one(msgspec.structs.replace(back, key=f"u{key}/again")).note.endswith("came back before")


def test_nothing_comes_back_of_nothing(desk: Desk, key: str) -> None:
    back = Consume(key=f"{key}b", location=STORE, reverses=f"{key}/*", whole=True)
    assert desk.refused(back).reason.code == "unknown-reference"
    ignored = msgspec.structs.replace(back, when_unknown="ignore")
    assert desk.one(ignored).note == "nothing was consumed"


def _moves(mirror: Mirror, key: str) -> list[dict[str, Any]]:
    return mirror.admin.read("stock.move", [["picking_id.origin", "=", key]], "location_id")


def charge(key: str, visit: str, quantity: int = 2, code: str = "LAB-CBC", **more: Any) -> Charge:
    return Charge(key=key, encounter=visit, item=item(code, quantity), **{"again": "replace", **more})


def lines(mirror: Mirror, visit: str) -> list[list[Any]]:
    """Item code, quantity and price of a visit's lines."""
    return sorted(
        [line[0].split("]")[0][1:], *line[1:3]] for order in mirror.orders(visit) for line in order[3]
    )


PRICE = Money(Decimal("12.50"), "EUR")
DAY = date(2026, 11, 20)


def test_a_correction_replaces_the_line_while_the_quotation_is_open(
    desk: Desk, mirror: Mirror, admin: Session, key: str
) -> None:
    visit = f"{key}V"
    first = desk.one(charge(key, visit, price=PRICE, cost_centre="CC-LAB", date=DAY))
    for other in (
        charge(key, visit, 3, price=PRICE, cost_centre="CC-LAB", date=DAY),
        charge(key, visit, 3, price=Money(Decimal("13.00")), date=DAY),
        charge(key, visit, 1, "BED-DAY", price=PRICE),
    ):
        assert desk.one(other).documents == desk.one(other).documents == first.documents
    (order,) = mirror.orders(visit)
    ((product, *rest),) = order[3]
    assert (product.split("]")[0], rest[:2], rest[3]) == ("[BED-DAY", [1.0, 12.5], "False")
    assert rest[2] == product
    admin.call("sale.order", "action_confirm", [int(first.documents["sale.order"])])
    desk.one(charge(key, visit, 1, "BED-DAY", price=PRICE))
    reason = desk.refused(charge(key, visit, 2, "BED-DAY", price=PRICE)).reason
    assert (reason.code, reason.place) == ("conflict", "item.quantity")
    assert lines(mirror, visit) == [["BED-DAY", 1.0, 12.5]]


def test_a_correction_of_the_visit_moves_the_line(
    desk: Desk, mirror: Mirror, admin: Session, key: str
) -> None:
    visits = {"subject": f"{key}P"}
    order = desk.one(charge(key, f"{key}V", **visits)).documents["sale.order"]
    assert desk.one(charge(key, f"{key}W", **visits)).note == ""
    assert (lines(mirror, f"{key}V"), len(lines(mirror, f"{key}W"))) == ([], 1)
    assert desk.one(charge(key, f"{key}W", **visits)).documents["sale.order"] != order
    moved = desk.one(charge(key, f"{key}X", subject=f"{key}Q"))
    assert moved.note == "stood on another visit's quotation, and is on this one's now"
    admin.call("sale.order", "action_confirm", [int(moved.documents["sale.order"])])
    assert desk.refused(charge(key, f"{key}Y", subject=f"{key}Q")).reason.code == "conflict"
    assert len(lines(mirror, f"{key}X")) == 1


def test_a_key_that_was_charged_to_another_visit_is_told(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(charge(key, f"{key}V", again="refuse"))
    reason = desk.refused(charge(key, f"{key}W", again="refuse")).reason
    assert (reason.code, reason.place) == ("conflict", "encounter")


def test_what_was_credited_is_not_replaced(desk: Desk, mirror: Mirror, key: str) -> None:
    visit = f"{key}V"
    desk.done(
        charge(key, visit), Credit(key=f"{key}c", reverses=key, encounter=visit, item=item("LAB-CBC", 1))
    )
    assert desk.refused(charge(key, visit, 3)).reason.code == "conflict"
    desk.one(charge(key, visit))
    assert [line[1] for line in lines(mirror, visit)] == [-1.0, 2.0]


def test_a_whole_credit_takes_back_what_stands_whatever_finance_made_of_it(
    desk: Desk, mirror: Mirror, admin: Session, key: str
) -> None:
    visit = f"{key}V"
    done = desk.one(charge(key, visit, 4, price=PRICE, cost_centre="CC-LAB", date=DAY)).documents
    desk.one(Credit(key=f"{key}c", reverses=key, encounter=visit, item=item("LAB-CBC", 1)))
    admin.call("sale.order.line", "write", [int(done["sale.order.line"])], {"discount": 10})
    admin.call("sale.order", "action_confirm", [int(done["sale.order"])])
    whole = Credit(key=f"{key}w", reverses=key, whole=True)
    assert desk.one(whole).documents == desk.one(whole).documents != {}
    assert [line[1:] for line in lines(mirror, visit)] == [[-3.0, 12.5], [-1.0, 12.5], [4.0, 12.5]]
    (line,) = admin.read(
        "sale.order.line", [["product_uom_qty", "=", -3], ["order_id.client_order_ref", "=", visit]],
        "discount", "name", "analytic_distribution", "order_id",
    )  # fmt: skip
    assert (line["discount"], line["name"]) == (10.0, "Credit: [LAB-CBC] Complete blood count, 2026-11-20")
    assert line["analytic_distribution"]
    assert line["order_id"][0] != int(done["sale.order"])  # that one was confirmed
    assert desk.one(Credit(key=f"{key}x", reverses=key, whole=True)).note == "was taken back before"


def test_a_whole_credit_of_a_visit_that_was_merged(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(Encounter(key=f"{key}V", subject=f"{key}P"))
    desk.one(charge(key, f"{key}V"))
    desk.one(Merge(key=f"{key}m", kind="visit", gone=f"{key}V", into=f"{key}W"))
    desk.one(Credit(key=f"{key}c", reverses=key, encounter=f"{key}V", whole=True))
    assert [line[1] for line in lines(mirror, f"{key}W")] == [-2.0, 2.0]


def test_a_whole_credit_of_nothing(desk: Desk, mirror: Mirror, key: str) -> None:
    nothing = Credit(key=key, reverses=f"never{key}", whole=True)
    assert desk.refused(nothing).reason.code == "unknown-reference"
    ignored = Credit(key=key, reverses=f"never{key}", encounter=f"{key}V", whole=True, when_unknown="ignore")
    assert (desk.one(ignored).note, mirror.orders(key)) == ("nothing was charged", [])
