"""Reserve, Release, Consume and Procure, read back from a real Odoo as the hospital's people see them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import pytest
from odoo_desk import Desk, Mirror, item

from demo.session import Session
from engine.effects import Consume, Item, Procure, Release, Reserve
from engine.model import Delivered, Refused

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

TUESDAY = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
WEDNESDAY = datetime(2026, 12, 2, 7, 30, tzinfo=UTC)
_numbers = count(1)


@pytest.fixture
def key() -> str:
    return f"s{next(_numbers)}k"


def kit(key: str, *items: object, **more: object) -> Reserve:
    settings: dict[str, object] = {"destination": "WH/Theatre/OR1", "needed_at": TUESDAY, **more}
    return Reserve(key=key, items=items, **settings)  # type: ignore[arg-type]


def moves(mirror: Mirror, key: str) -> dict[str, list[object]]:
    """Demand, reserved and state by item code, of the one transfer under the key."""
    (transfer,) = mirror.transfers(key)
    return {move[0].split("]")[0][1:]: move[1:4] for move in transfer[7]}


def test_reserve_holds_stock_for_the_theatre(desk: Desk, mirror: Mirror, key: str) -> None:
    outcome = desk.one(kit(key, item("GLV-M", 4), item("SUT-30", 2), subject=f"{key}P", encounter=f"{key}V"))
    (transfer,) = mirror.transfers(key)
    assert transfer[:7] == [
        key,
        "assigned",
        "WH/Stock",
        "WH/Theatre/OR1",
        "2026-12-01 08:00:00",
        f"{key}V",
        "0",
    ]
    assert moves(mirror, key) == {"GLV-M": [4.0, 4.0, "assigned"], "SUT-30": [2.0, 2.0, "assigned"]}
    assert set(outcome.documents) == {"stock.picking"}


def test_a_reservation_for_another_visit_stays_where_it_is(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(kit(key, item("GLV-M", 1), encounter=f"{key}V"))
    desk.one(kit(key, item("GLV-M", 1), encounter=f"{key}W"))
    assert mirror.transfers(key)[0][2:4] == ["WH/Stock", "WH/Theatre/OR1"]
    assert mirror.transfers(key)[0][5] == f"{key}W"


def test_a_reservation_is_of_the_warehouses_own_type(desk: Desk, admin: Session, key: str) -> None:
    """Storekeepers look for it under Internal Transfers, not under an archived kind of picking."""
    desk.one(kit(key, item("GLV-M", 1)))
    (transfer,) = admin.read("stock.picking", [["origin", "=", key]], "picking_type_id")
    (kind,) = admin.read(
        "stock.picking.type", [["id", "=", transfer["picking_type_id"][0]]], "active", "code", "sequence_code"
    )
    assert (kind["active"], kind["code"], kind["sequence_code"]) == (True, "internal", "INT")


def test_the_same_item_twice_is_one_move(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(kit(key, item("GLV-M", 4), item("GLV-M", "1.5"), item("GLV-M", 1, unit="Box of 100")))
    (transfer,) = mirror.transfers(key)
    assert sorted(move[1] for move in transfer[7]) == [1.0, 5.5]


def test_reschedule_changes_time_place_and_items(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(kit(key, item("GLV-M", 4), item("SUT-30", 2)))
    again = kit(key, item("GLV-M", 6), item("GWN-L", 1), destination="WH/Theatre/OR2", needed_at=WEDNESDAY)
    desk.one(again)
    desk.one(again)
    (transfer,) = mirror.transfers(key)
    assert transfer[1:5] == ["assigned", "WH/Stock", "WH/Theatre/OR2", "2026-12-02 07:30:00"]
    assert {code: state[0] for code, state in moves(mirror, key).items()} == {
        "GLV-M": 6.0,
        "GWN-L": 1.0,
        "SUT-30": 0.0,
    }


def test_a_further_item_leaves_the_date_alone(desk: Desk, mirror: Mirror, key: str) -> None:
    """Odoo dates a new move now, and a transfer as the earliest of its moves."""
    desk.one(kit(key, item("GLV-M", 4)))
    desk.one(kit(key, item("GLV-M", 4), item("SUT-30", 1)))
    (transfer,) = mirror.transfers(key)
    assert transfer[4] == "2026-12-01 08:00:00"


def test_fewer_items_give_stock_back(desk: Desk, mirror: Mirror, key: str) -> None:
    desk.one(kit(key, item("GLV-M", 6)))
    desk.one(kit(key, item("GLV-M", 2)))
    assert moves(mirror, key) == {"GLV-M": [2.0, 2.0, "assigned"]}


def test_short_items_are_ordered_once_and_consolidated(desk: Desk, mirror: Mirror, key: str) -> None:
    before = mirror.ordered().get("[TRC-12] Tracheostomy tube 12", 0)
    wanted = [kit(f"{key}/{n}", item("TRC-12", 4)) for n in range(3)]
    outcomes = [desk.done(*wanted), desk.done(*wanted)][0]
    assert all("on order P" in outcome.note for outcome in outcomes[1:])
    assert {
        outcome.documents["purchase.order"] for outcome in outcomes if "purchase.order" in outcome.documents
    }
    ordered = {name: n for name, n in mirror.ordered().items() if "TRC-12" in name}
    assert sum(ordered.values()) - before == 12 - 3  # three were in stock


def test_an_item_without_vendor_is_told_and_what_there_is_is_reserved(
    desk: Desk, mirror: Mirror, key: str
) -> None:
    refused = desk.refused(kit(key, item("MESH-15", 5)))
    assert (refused.reason.code, refused.reason.place) == ("refused", "items")
    assert "no vendor or route" in refused.reason.text
    assert moves(mirror, key)["MESH-15"][:2] == [5.0, 2.0]
    assert "short" in desk.one(kit(key, item("MESH-15", 5), procure=False)).note
    desk.one(Release(key=key))


def test_release_gives_back_and_a_rebooking_is_a_new_life(desk: Desk, mirror: Mirror, key: str) -> None:
    wanted = kit(f"{key}/a", item("GLV-M", 2))
    batch = desk.batch(wanted)
    desk.deliver(batch)
    desk.done(kit(f"{key}/b", item("GLV-M", 2)), kit(f"{key}_x/c", item("GLV-M", 1)))
    assert set(desk.one(Release(key=f"{key}/*")).documents["stock.picking"].split(",")) != set()
    assert [t[1] for t in mirror.transfers(f"{key}/")] == ["cancel", "cancel"]
    assert [t[1] for t in mirror.transfers(f"{key}_x/")] == ["assigned"]
    assert desk.one(Release(key=f"{key}/*")).note == "was released before"
    (outcome,) = desk.deliver(batch)  # the same delivery again is no new booking
    assert isinstance(outcome, Delivered)
    assert "cancelled" in outcome.note
    booked = desk.batch(wanted)
    assert desk.deliver(booked) == desk.deliver(booked)
    assert sorted(t[1] for t in mirror.transfers(f"{key}/a")) == ["assigned", "cancel"]
    assert f"stock.picking reserve_{key}/a@2" in mirror.names(f"{key}/a")
    assert not any(name.endswith("@3") for name in mirror.names(f"{key}/a"))


def test_release_of_nothing(desk: Desk, key: str) -> None:
    assert desk.refused(Release(key=key)).reason.code == "unknown-reference"
    assert desk.one(Release(key=f"{key}/*", when_unknown="ignore")).note == "nothing was reserved"


def test_what_was_handed_out_counts_and_is_not_touched(
    desk: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    picking = int(desk.one(kit(key, item("GLV-M", 3))).documents["stock.picking"])
    admin.call("stock.picking", "button_validate", [picking])
    assert moves(mirror, key)["GLV-M"] == [3.0, 3.0, "done"]
    desk.one(kit(key, item("GLV-M", 3), needed_at=WEDNESDAY))
    assert len(mirror.transfers(key)) == 1
    desk.one(kit(key, item("GLV-M", 5)))
    assert sorted((t[1], t[7][0][1]) for t in mirror.transfers(key)) == [("assigned", 2.0), ("done", 3.0)]
    assert "stays handed out" in desk.one(Release(key=key)).note
    assert sorted(t[1] for t in mirror.transfers(key)) == ["cancel", "done"]


def test_unknown_names_are_refused_and_the_rest_goes_on(desk: Desk, mirror: Mirror, key: str) -> None:
    wanted = [
        kit(f"{key}/1", item("NO-SUCH", 1)),
        kit(f"{key}/2", item("GLV-M", 1)),
        kit(f"{key}/3", item("GLV-M", 1), destination="WH/Nowhere"),
        kit(f"{key}/4", item("GLV-M", 1, unit="Furlong")),
        kit(f"{key}/5", item("GLV-M", 1, unit="Minutes")),
        kit(f"{key}/6", item("GLV-M", 0)),
        kit(f"{key}/7", item("GLV-M", "1e12")),
        kit(f"{key}/8", item("BED-DAY", 1)),
        kit(f"{key}/9", item("GLV-M", 1), company="No Such Company"),
        kit(f"{key}/10", item("GLV-M", 1)),
    ]
    outcomes = desk.deliver(desk.batch(*wanted))
    codes = [o.reason.code.value if isinstance(o, Refused) else "stands" for o in outcomes]
    assert codes == [
        "unknown-item", "stands", "unknown-location", "unknown-unit", "unknown-unit", "quantity", "quantity",
        "refused", "unknown-company", "stands",
    ]  # fmt: skip
    assert [t[0] for t in mirror.transfers(key)] == [f"{key}/10", f"{key}/2"]
    assert not any("SUCH" in str(o) or "Nowhere" in str(o) or "Furlong" in str(o) for o in outcomes)


def test_control_characters_are_refused_before_odoo_sees_them(desk: Desk, key: str) -> None:
    wanted = [
        kit(f"{key}/{n}", item(code, 1))
        for n, code in enumerate(["A\0B", "A\nB", "GLV-M", "A\x7f", "Ä-\\u0041"])
    ]
    outcomes = desk.deliver(desk.batch(*wanted))
    codes = [o.reason.code.value if isinstance(o, Refused) else "stands" for o in outcomes]
    assert codes == ["bad-value", "bad-value", "stands", "bad-value", "unknown-item"]


def test_one_effect_that_makes_odoo_stumble_does_not_stop_the_others(
    desk: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    """A rule of the hospital's own that refuses in the middle of a saga (confirming, validating)."""
    wanted = [Consume(key=f"{key}{n}", items=(item("GLV-M", 1),), location="WH/Stock") for n in range(5)]
    desk.done(*wanted[:1])
    (product,) = admin.read("product.product", [["default_code", "=", "NDL-18"]], "product_tmpl_id")
    admin.call("product.template", "write", [product["product_tmpl_id"][0]], {"tracking": "serial"})
    bad = Consume(key=f"{key}bad", items=(item("NDL-18", 2),), location="WH/Wards/ED")
    outcomes = desk.deliver(desk.batch(*wanted, bad))
    assert [type(outcome) for outcome in outcomes] == [Delivered] * 5 + [Refused]
    assert [t[1] for t in mirror.transfers(key)].count("done") == 5


def test_an_item_created_later_is_found_when_redelivered(desk: Desk, admin: Session, key: str) -> None:
    wanted = desk.batch(kit(key, item(f"NEW-{key}", 1), procure=False))
    assert isinstance(desk.deliver(wanted)[0], Refused)
    admin.call(
        "product.product", "create", {"name": "New", "default_code": f"NEW-{key}", "is_storable": True}
    )
    assert isinstance(desk.deliver(wanted)[0], Delivered)


def test_consume_takes_stock_once(desk: Desk, mirror: Mirror, key: str) -> None:
    used = Consume(
        key=key, items=(item("GLV-M", 3), item("SYR-10", 1)), location="WH/Wards/ICU", encounter=f"{key}V"
    )
    first = desk.one(used)
    assert desk.one(used).documents == first.documents
    (transfer,) = mirror.transfers(key)
    assert transfer[1:4] == ["done", "WH/Wards/ICU", "Patient Care"]
    assert moves(mirror, key) == {"GLV-M": [3.0, 3.0, "done"], "SYR-10": [1.0, 1.0, "done"]}


def test_what_was_consumed_is_not_consumed_again_with_other_goods(
    desk: Desk, mirror: Mirror, key: str
) -> None:
    def use(*items: Item) -> Consume:
        return Consume(key=f"{key}1", items=items, location="WH/Wards/ICU")

    desk.one(use(item("GLV-M", "2.0"), item("SYR-10", 1), item("GLV-M", 1)))
    desk.one(use(item("SYR-10", 1), item("GLV-M", 3)))
    for other in (
        use(item("GLV-M", 3)), use(item("GLV-M", 4), item("SYR-10", 1)),
        use(item("GLV-M", 3), item("SYR-10", 1), item("NDL-18", 1)),
        use(item("GLV-M", 3, unit="Box of 100"), item("SYR-10", 1)),
    ):  # fmt: skip
        reason = desk.refused(other).reason
        assert (reason.code, reason.place) == ("conflict", "items")
    assert len(mirror.transfers(key)) == 1


def test_consume_of_what_odoo_does_not_have_goes_below_zero_and_says_so(
    desk: Desk, admin: Session, key: str
) -> None:
    outcome = desk.one(Consume(key=key, items=(item("DRP-U", 2),), location="WH/Wards/3A"))
    assert outcome.note == "stock went below zero by 2"
    (quant,) = admin.read(
        "stock.quant",
        [["product_id.default_code", "=", "DRP-U"], ["location_id.complete_name", "=", "WH/Wards/3A"]],
        "quantity",
    )
    assert quant["quantity"] == -2.0


def test_consume_takes_the_lot_named_or_the_first_to_expire(
    desk: Desk, admin: Session, mirror: Mirror, key: str
) -> None:
    lots = admin.read(
        "stock.lot", [["product_id.default_code", "=", "CAT-14"]], "name", order="expiration_date"
    )
    first, last = lots[0]["name"], lots[-1]["name"]
    desk.done(
        Consume(key=f"{key}a", items=(item("CAT-14", 1),), location="WH/Stock"),
        Consume(key=f"{key}b", items=(item("CAT-14", 1, lot=last),), location="WH/Stock"),
    )
    taken = [t[7][0][6] for t in mirror.transfers(key)]
    assert taken == [[[first, 1.0]], [[last, 1.0]]]
    assert mirror.held("CAT-14") == 0.0
    assert mirror.snapshot(key)["orphans"] == 0


def test_consume_without_a_lot_where_one_is_needed_is_refused(desk: Desk, key: str) -> None:
    assert (
        desk.refused(Consume(key=key, items=(item("IMP-KNEE", 1),), location="WH/Stock")).reason.code
        == "quantity"
    )
    unknown = Consume(key=f"{key}l", items=(item("IMP-KNEE", 1, lot="X"),), location="WH/Stock")
    assert desk.refused(unknown).reason.place == "items.lot"


def test_a_reversal_brings_back_no_more_than_was_taken(desk: Desk, mirror: Mirror, key: str) -> None:
    def back(name: str, quantity: int, of: str = f"{key}c", code: str = "CAT-14") -> Consume:
        return Consume(key=key + name, items=(item(code, quantity),), location="WH/Stock", reverses=of)

    desk.one(Consume(key=f"{key}c", items=(item("CAT-14", 3),), location="WH/Stock"))
    desk.one(back("r1", 2))
    desk.one(back("r1", 2))
    assert desk.refused(back("r2", 2)).reason.code == "quantity"
    desk.one(back("r3", 1))
    assert desk.refused(back("r4", 1, of="never")).reason.code == "unknown-reference"
    assert desk.refused(back("r5", 1, code="GLV-M")).reason.code == "quantity"
    done = [(t[0], t[1], t[2], t[3], t[7][0][5]) for t in mirror.transfers(key)]
    assert done == [
        (f"{key}c", "done", "WH/Stock", "Patient Care", False),
        (f"{key}r1", "done", "Patient Care", "WH/Stock", True),
        (f"{key}r3", "done", "Patient Care", "WH/Stock", True),
    ]


def test_a_reversal_in_one_batch_with_its_consumption(desk: Desk, key: str) -> None:
    desk.done(
        Consume(key=f"{key}c", items=(item("GLV-M", 3),), location="WH/Stock"),
        Consume(key=f"{key}r", items=(item("GLV-M", 3),), location="WH/Stock", reverses=f"{key}c"),
    )


def test_procure_orders_the_most_that_was_asked_once(desk: Desk, mirror: Mirror, key: str) -> None:
    wanted = Procure(key=key, items=(item("BLD-15", 500),), location="WH/Stock")
    assert "on order P" in desk.one(wanted).note
    ordered = mirror.ordered()
    desk.one(wanted)
    desk.one(Procure(key=f"{key}b", items=(item("BLD-15", 2, unit="Box of 100"),), location="WH/Stock"))
    assert mirror.ordered() == ordered
    refused = desk.refused(Procure(key=f"{key}m", items=(item("MESH-15", 50),), location="WH/Stock"))
    assert "no vendor or route" in refused.reason.text


def test_companies_are_kept_apart(desk: Desk, admin: Session, key: str) -> None:
    clinic = "Lakeside Outpatient Clinic"
    (shared,) = admin.read(
        "stock.location", [["usage", "=", "customer"], ["company_id", "=", False]], "complete_name"
    )
    place = shared["complete_name"]
    outcome = desk.one(
        kit(key, item("GLV-M", 1), source="OUT/Stock", destination=place, company=clinic, procure=False)
    )
    found = admin.read(
        "stock.picking",
        [["id", "=", int(outcome.documents["stock.picking"])]],
        "company_id",
        context={"allowed_company_ids": [1, 2]},
    )
    assert found[0]["company_id"][1] == clinic
    assert desk.refused(kit(f"{key}x", item("GLV-M", 1), company=clinic)).reason.code == "unknown-location"
