"""A plan over a real Odoo: nothing is written, and then exactly the planned calls are made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import master_rights
import msgspec
import pytest
from odoo_desk import connection, item

from demo.local import CACHE
from demo.odoo import Running
from demo.postgres import Postgres
from demo.session import Session
from engine.destinations.odoo import OdooConnection, OdooDestination
from engine.destinations.odoo.client import OdooClient, Step
from engine.destinations.odoo.connecting import open_wire
from engine.destinations.odoo.named import Named
from engine.destinations.odoo.planning import Plan, PlannedCall, Planner
from engine.destinations.odoo.planning.made_up import SCHEMA, fields_of
from engine.destinations.odoo.planning.reading import READS, ReadOnly
from engine.destinations.odoo.planning.records import NEW
from engine.destinations.odoo.preflight import preflight
from engine.effects import (
    Charge,
    Consume,
    Credit,
    Effect,
    Encounter,
    Lot,
    Merge,
    Money,
    Offer,
    Price,
    Procure,
    Product,
    Release,
    Reserve,
    Stocking,
)  # fmt: skip
from engine.errors import Unacceptable
from engine.model import Delivered, Delivery, Refused
from engine.proof.places import tables

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]

TUESDAY = datetime(2026, 12, 1, 8, 0, tzinfo=UTC)
DAY = date(2026, 11, 21)
WARD = "WH/Wards/ICU"

_READING = {
    "res_users_log", "res_device_log", "bus_presence", "mail_presence", "auth_totp_rate_limit_log",
    "res_users_apikeys", "ir_sequence",
}  # fmt: skip
"""What Odoo itself may note of whoever asks it anything."""


class Recorder:
    """The real wire, and the writes that went over it."""

    def __init__(self, connection: OdooConnection) -> None:
        self._wire = open_wire(connection)
        self.transport, self.version = self._wire.transport, self._wire.version
        self.calls: list[tuple[str, str, Any, dict[str, Any]]] = []

    def call(
        self,
        model: str,
        method: str,
        ids: Sequence[int] | None,
        context: Mapping[str, Any],
        args: Mapping[str, Any],
    ) -> Any:
        if method not in READS:
            self.calls.append(
                (model, method, None if ids is None else list(ids), {**args, "context": context})
            )
        return self._wire.call(model, method, ids, context, args)

    def close(self) -> None:
        self._wire.close()


class Ward:
    """A hospital to which effects are planned, and then done."""

    def __init__(self, hospital: Running) -> None:
        self._hospital = hospital
        self._connection = connection(hospital)
        self._progress: dict[int, dict[str, str]] = {}

    def plan(self, *effects: Effect) -> Plan:
        with Postgres(CACHE / "postgres").connect(self._hospital.database) as database:
            ((number,),) = database.execute("SELECT pg_current_xact_id()::xid::text").fetchall()
        plan = Planner(self._connection).plan(effects)
        with Postgres(CACHE / "postgres").connect(self._hospital.database) as database:
            written = {
                place.name.rpartition(".")[2] for place in tables(database, "Odoo", str(number)) if place.data
            }
        assert written <= _READING, written
        return plan

    def done(self, *effects: Effect) -> list[tuple[str, str, Any, dict[str, Any]]]:
        """The writes of a delivery of these effects."""
        recorders: list[Recorder] = []

        def connect(connection: OdooConnection, step: Step) -> OdooClient:
            recorders.append(Recorder(connection))
            return OdooClient(recorders[-1], step)

        destination = OdooDestination(self._connection, connect=connect)
        batch = [Delivery(at, 1, "test", "odoo", effect, "", 1) for at, effect in enumerate(effects, 1)]
        try:
            self.outcomes = destination.deliver(batch, lambda _: None)
        finally:
            destination.close()
        return recorders[0].calls

    def as_planned(self, *effects: Effect) -> Plan:
        """Plan, then do: the calls must be the same."""
        plan = self.plan(*effects)
        calls = self.done(*effects)
        assert same(plan.calls, calls)
        for planned, outcome in zip(plan.effects, self.outcomes, strict=True):
            assert isinstance(outcome, Delivered | Refused)
            assert (planned.verdict == "refused") is isinstance(outcome, Refused), planned
            if isinstance(outcome, Refused):
                assert planned.reason == outcome.reason
        return plan


def same(planned: Sequence[PlannedCall], done: Sequence[tuple[str, str, Any, dict[str, Any]]]) -> bool:
    """Whether the calls are the same, what did not stand when they were planned by the ids it got."""
    names: dict[int, int] = {}
    listed = [(one.model, one.method, one.ids, {**one.arguments, "context": one.context}) for one in planned]
    plain = msgspec.to_builtins(listed)
    assert [list(one[:2]) for one in plain] == [list(one[:2]) for one in done]
    for one, other in zip(plain, msgspec.to_builtins(done), strict=True):
        assert _alike(one[2:], other[2:], names), (one, other)
    return True


def _alike(planned: Any, done: Any, names: dict[int, int]) -> bool:
    if isinstance(planned, dict):
        return planned.keys() == done.keys() and all(_alike(planned[k], done[k], names) for k in planned)
    if isinstance(planned, list | tuple):
        return len(planned) == len(done) and all(
            _alike(*pair, names) for pair in zip(planned, done, strict=True)
        )
    if isinstance(planned, bool | float | None) or not NEW.search(str(planned)):
        return bool(planned == done)
    found = re.fullmatch("([0-9]+)".join(map(re.escape, NEW.split(str(planned)))), str(done))
    if found is None:
        return False
    ids = zip(map(int, NEW.findall(str(planned))), map(int, found.groups()), strict=True)
    return all(names.setdefault(number, real) == real for number, real in ids)


@pytest.fixture(scope="module")
def ward(hospital: Running) -> Ward:
    return Ward(hospital)


@pytest.fixture
def masters(hospital: Running, admin: Session) -> Iterator[None]:
    master_rights.give(admin, hospital)
    yield
    master_rights.take(admin, hospital)


def verdicts(plan: Plan) -> list[str]:
    return [effect.verdict for effect in plan.effects]


def charge(key: str, quantity: int = 2, **more: Any) -> Charge:
    said = {"price": Money(Decimal("3.50"), "EUR"), "cost_centre": "CC-ICU", "date": DAY, **more}
    return Charge(key=key, encounter="p1V", subject="p1P", item=item("CHG-GLV-M", quantity), **said)


def test_a_visit_with_all_that_goes_with_it(ward: Ward) -> None:
    effects = (
        Encounter(key="p1V", subject="p1P", state="open", kind="inpatient", location="ICU"),
        Reserve(
            key="p1/case", items=(item("GLV-M", 4), item("SUT-30", 2)), destination="WH/Theatre/OR1",
            needed_at=TUESDAY, subject="p1P", encounter="p1V",
        ),
        Consume(key="p1/use", items=(item("GLV-M", 3),), location=WARD, encounter="p1V", used_on=DAY),
        charge("p1/charge"),
        Procure(key="p1/more", items=(item("GLV-M", 5),), location="WH/Stock"),
    )  # fmt: skip
    first = ward.as_planned(*effects)
    assert verdicts(first) == ["create", "create", "create", "create", "create"]
    again = ward.as_planned(*effects)
    assert verdicts(again) == ["stands"] * 5
    assert not [call for call in again.calls if call.has_effect]


def test_what_changes_of_what_stands_is_told_field_by_field(ward: Ward) -> None:
    stands = Reserve(
        key="p2/case",
        items=(item("GLV-M", 4),),
        destination="WH/Theatre/OR1",
        needed_at=TUESDAY,
        encounter="p2V",
    )
    assert verdicts(ward.as_planned(stands)) == ["create"]
    later = msgspec.structs.replace(
        stands, items=(item("GLV-M", 6),), needed_at=TUESDAY.replace(hour=10), destination=WARD
    )
    (effect,) = ward.as_planned(later).effects
    told = {(one.model, one.field): (one.before, one.after) for one in effect.changes}
    assert effect.verdict == "change"
    assert told["stock.picking", "scheduled_date"] == ("2026-12-01 08:00:00", "2026-12-01 10:00:00")
    assert told["stock.move", "product_uom_qty"] == (4.0, 6.0)
    assert ("stock.picking", "location_dest_id") in told
    assert verdicts(ward.as_planned(later)) == ["stands"]


def test_a_reservation_is_used_up_returned_and_released(ward: Ward) -> None:
    held = Reserve(
        key="p3/case", items=(item("GLV-M", 6),), destination=WARD, needed_at=TUESDAY, encounter="p3V"
    )
    used = Consume(key="p3/use", items=(item("GLV-M", 2),), location=WARD, encounter="p3V", against="p3/case")
    back = Consume(
        key="p3/back", items=(item("GLV-M", 1),), location=WARD, encounter="p3V", reverses="p3/use"
    )
    for effect in (held, used, back, Release(key="p3/case")):
        ward.as_planned(effect)
        assert isinstance(ward.outcomes[0], Delivered)


def test_charges_are_corrected_and_credited(ward: Ward) -> None:
    assert verdicts(ward.as_planned(charge("p4/c"))) == ["create"]
    credit = Credit(
        key="p4/c/credit", reverses="p4/c", encounter="p1V", subject="p1P", item=item("CHG-GLV-M", 1)
    )
    replaced = ward.as_planned(charge("p4/c", 3, again="replace"))
    assert verdicts(replaced) == ["change"]
    assert [(one.field, one.before, one.after) for one in replaced.effects[0].changes] == [
        ("product_uom_qty", 2.0, 3.0)
    ]
    assert verdicts(ward.as_planned(charge("p4/c", 9))) == ["refused"]
    assert verdicts(ward.as_planned(credit)) == ["create"]
    assert verdicts(ward.as_planned(credit)) == ["stands"]


def test_effects_of_one_message_build_on_each_other(ward: Ward) -> None:
    plan = ward.as_planned(
        charge("p5/c"),
        Credit(key="p5/k", reverses="p5/c", encounter="p1V", subject="p1P", item=item("CHG-GLV-M", 2)),
        Merge(key="m5", kind="visit", gone="p1V", into="p5V"),
    )
    assert verdicts(plan)[:2] == ["create", "create"]


@pytest.mark.usefixtures("masters")
def test_master_records(ward: Ward) -> None:
    effects: tuple[Effect, ...] = (
        Product(key="p6", code="P6-NEW", name="Gauze", kind="goods", unit="Units", tracking="lot"),
        Offer(key="p6/o", code="P6-NEW", vendor="MedSupply Trading", price=Money(Decimal("4.20"))),
        Price(key="p6/p", code="P6-NEW", price=Money(Decimal("7.00"))),
        Stocking(
            key="p6/s",
            code="P6-NEW",
            location="WH/Stock",
            reorder_point=Decimal(5),
            reorder_amount=Decimal(10),
        ),
        Lot(key="p6/l", code="P6-NEW", lot="L6"),
    )
    assert "create" in verdicts(ward.as_planned(*effects))
    assert verdicts(ward.as_planned(*effects)) == ["stands"] * 5


def test_what_odoo_does_not_have_is_refused_as_it_would_be(ward: Ward) -> None:
    plan = ward.as_planned(
        Consume(key="p7", items=(item("NO-SUCH", 1),), location=WARD),
        Consume(key="p7b", items=(item("GLV-M", 1),), location="WH/Nowhere"),
        Release(key="p7c"),
    )
    assert verdicts(plan) == ["refused"] * 3
    assert not plan.calls


def test_a_plan_reads_for_a_user_who_may_write_nothing(ward: Ward, hospital: Running, admin: Session) -> None:
    group = admin.call("res.groups", "create", {"name": "Wardline plans"})
    names = (
        "res.partner", "res.partner.category", "stock.picking", "stock.move", "stock.location", "stock.quant",
        "stock.warehouse", "stock.picking.type", "product.product", "product.template", "uom.uom",
        "sale.order", "sale.order.line", "res.company", "stock.warehouse.orderpoint", "ir.model.data",
        "account.analytic.account", "stock.lot", "purchase.order",
    )  # fmt: skip
    for model in admin.read("ir.model", [["model", "in", list(names)]], "model"):
        right = {
            "name": f"plan {model['model']}",
            "model_id": model["id"],
            "group_id": group,
            "perm_read": True,
        }
        admin.call("ir.model.access", "create", {**right, "perm_write": False, "perm_create": False})
    (employees,) = admin.read(
        "ir.model.data", [["module", "=", "base"], ["name", "=", "group_user"]], "res_id"
    )
    reader = {"name": "Planner", "login": "planner", "password": "planner-of-wardline"}
    admin.call("res.users", "create", {**reader, "group_ids": [[6, 0, [employees["res_id"], group]]]})
    reading = connection(
        hospital, user="planner", key="", password="planner-of-wardline", transport="jsonrpc"
    )
    effects = (
        Reserve(key="p8", items=(item("GLV-M", 2),), destination=WARD, needed_at=TUESDAY, encounter="p8V"),
        charge("p8/c"),
    )
    planned = Planner(reading).plan(effects)
    assert verdicts(planned) == ["create", "create"]
    assert same(planned.calls, ward.done(*effects))
    assert not [
        one for one in preflight(reading, Named(writes=False)) if one.about == "right" and one.level != "ok"
    ]
    assert [one for one in preflight(reading, Named()) if one.about == "right" and one.level == "fail"]
    done = OdooDestination(reading)
    try:
        batch = [Delivery(1, 1, "test", "odoo", msgspec.structs.replace(effects[0], key="p8/x"), "", 1)]
        assert isinstance(done.deliver(batch, lambda _: None)[0], Refused)
    finally:
        done.close()


def test_a_plan_lets_no_write_through(ward: Ward, hospital: Running) -> None:
    wire = ReadOnly(open_wire(connection(hospital)))
    for method in ("write", "create", "unlink", "load", "action_confirm", "copy"):
        with pytest.raises(Unacceptable, match="a plan only reads"):
            wire.call("res.partner", method, [1], {}, {})
    wire.close()


def test_what_is_made_up_is_made_as_odoo_has_it(hospital: Running) -> None:
    wire = open_wire(connection(hospital))
    for model in sorted({row.partition(":")[0] for row in SCHEMA.strip().splitlines()}):
        real = wire.call(
            model, "fields_get", None, {}, {"attributes": ["type", "relation", "relation_field"]}
        )
        for name, field in fields_of(model).items():
            if name in ("use_expiration_date", "expiration_date") and name not in real:
                continue  # of the module product_expiry
            kind = real[name]["type"]
            assert field["type"] == {"text": "char", "monetary": "float", "date": "datetime"}.get(
                kind, kind
            ), name
            assert field.get("relation") == real[name].get("relation"), (model, name)
            assert field.get("relation_field", real[name].get("relation_field")) == real[name].get(
                "relation_field"
            )
    wire.close()


def test_an_odoo_that_is_away_leaves_the_plan_open(hospital: Running) -> None:
    away = connection(hospital, url="http://127.0.0.1:9")
    (effect,) = Planner(away).plan([charge("p9")]).effects
    assert effect.verdict == "unavailable"
    assert effect.reason is not None
