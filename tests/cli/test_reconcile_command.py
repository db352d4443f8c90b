"""`wardline reconcile`: what it says where nothing is to be compared, or an Odoo cannot be asked; and checks
and repairs as they are kept. Against a real Odoo: `tests/flows/test_reconcile_odoo.py`."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from conformance.schedule_contract import NAMES
from typer.testing import CliRunner

from engine.accounts.words import Caller, Role
from engine.auditing import Act, AuditQuery, Entry
from engine.cli import app
from engine.effects import Charge, Item
from engine.errors import Misconfigured
from engine.model import Arrival, Delivered, Lane, Routed, Routing, Settlement
from engine.operations.books import APPROVE, AskDecision
from engine.operations.operation import Desk, perform
from engine.reconciling.words import Difference, Gap, GapKind, Remedy, Report, Scope, Total, encode
from engine.settings import Settings
from engine.store.base import Store
from engine.store.contracts.views import Query
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
GAPS = (
    Gap(
        kind=GapKind.CHANGED, subject="charges", effect="charge", key="dft/T1",
        text="its line says otherwise", model="sale.order.line",
        differences=(Difference("quantity", "3", "9"), Difference("whose", "", "")), documents=(55,),
        mend="restore", asked=True, advice="ask who changed it", delivery_id=1_000_001,
        destination="odoo:north", since=100.0,
    ),
    Gap(kind=GapKind.UNKNOWN, subject="charges", effect="charge", key="", text="nobody asked for it"),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield found
    found.close()


@pytest.fixture
def run(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WARDLINE_KEY", f"first:{base64.b64encode(bytes([7]) * 32).decode()}")
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_USER", "bob")
    runner = CliRunner(env={"COLUMNS": "200"})
    return lambda *arguments: runner.invoke(app, ["reconcile", *arguments])


def carried_out(store: Store) -> None:
    """One charge that stands, as far as the store knows."""
    name = NAMES.of("dft", b"A", b"B", b"1")
    (receipt,) = store.accept([Arrival("dft", b"MSH", name, NAMES.digest(b"MSH"), 100.0)])
    charge = Charge(key="dft/T1", encounter="v", item=Item("GLOVE", Decimal(1)))
    store.route([Routing(receipt.id, Routed((charge,)), Lane.NORMAL, ("odoo:north",))], [], 200.0)
    (one,) = store.claim("odoo:north", Lane.NORMAL, 9, now=200.0, lease_until=300.0, holder="me")
    store.settle([Settlement(one.id, Delivered({"sale.order.line": "5"}))], now=201.0, holder="me")


def kept(store: Store) -> int:
    told = Entry(at=300.0, who="ann", role="user", act=Act.RECONCILE, object="books")
    total = Total(
        subject="charges",
        channel="dft",
        day="2026-11-22",
        effect="charge",
        item="BED",
        effects=2,
        documents=1,
    )
    report = Report(gaps=GAPS, counts={"changed": 1, "unknown": 1}, totals=(total,), compared={"charge": 2})
    number = store.keep_check(encode(Scope(1.0)), at=300.0, gaps=2, report=encode(report), told=told)
    remedy = Remedy(
        1, GAPS[0], "restore", "make Odoo say what the message says", ("sale.order.line.load(…)",)
    )
    store.propose_repair(number, encode((remedy,)), at=301.0, why="a mistake", told=told)
    return number


def test_an_empty_store_agrees_and_the_check_is_kept(run: Any, store: Store) -> None:
    result = run()
    assert (result.exit_code, "the books agree with Odoo: no gap" in result.stdout) == (0, True)
    (check,) = store.checks()
    (entry,) = store.entries(AuditQuery(act="reconcile"))
    assert (entry.entry.object, entry.entry.who) == (f"check:{check.number}", check.who)


def test_an_odoo_that_cannot_be_asked_is_no_agreement(run: Any, store: Store) -> None:
    carried_out(store)
    result = run("--since", "1970-01-01")
    assert result.exit_code == 1
    assert "odoo:north could not be asked: WARDLINE_ODOO_NORTH_URL" in result.stdout
    assert run("--since", "1970-01-01", "--until", "1970-01-01T00:01Z", "--odoo", "odoo:south").exit_code == 0


def test_a_check_is_shown_gap_by_gap_and_as_a_page(run: Any, store: Store, tmp_path: Path) -> None:
    number = str(kept(store))
    said = run("show", number, "--page", str(tmp_path / "books.html")).stdout
    assert "1 changed   charge dft/T1: its line says otherwise (sale.order.line 55)" in said
    assert "quantity: 3 in the message, 9 in Odoo" in said
    assert "whose differs" in said
    assert "control totals: 1 of 1 do not agree" in said
    page = (tmp_path / "books.html").read_text()
    assert "dft/T1" in page
    assert all(word not in page for word in ("<script", "<form", "href="))
    assert json.loads(run("show", number, "--json").stdout)["report"]["counts"] == {
        "changed": 1,
        "unknown": 1,
    }
    assert "ann" in run("checks").stdout
    assert run("show", "99").exit_code != 0


def test_a_repair_is_read_and_decided_with_a_reason(run: Any, store: Store) -> None:
    kept(store)
    assert "sale.order.line.load(…)" in run("repaired", "1").stdout
    assert "a mistake" in run("repairs").stdout
    assert run("approve", "1").exit_code != 0  # without a reason
    assert run("approve", "1", "--why", "seen").exit_code == 0
    (row,) = store.repairs()
    assert (row.state, row.who, row.decided_by.partition("@")[0]) == ("approved", "ann", "bob")
    assert run("withdraw", "1", "--why", "too late").exit_code != 0


def test_what_is_not_to_be_repaired_from_here_says_who_does(run: Any, store: Store) -> None:
    number = str(kept(store))
    result = run("plan", number, "--gap", "2")
    assert (result.exit_code != 0, "gap 2" in result.output + str(result.exception)) == (True, True)
    assert "there is nothing that is repaired unless it is asked for" in run("plan", number).stdout


def test_work_carries_out_what_was_approved_and_fails_where_odoo_cannot_be_asked(
    run: Any, store: Store
) -> None:
    carried_out(store)
    kept(store)
    assert run("work").stdout == "nothing is to be done\n"
    assert run("approve", "1", "--why", "seen").exit_code == 0
    run("work")
    (row,) = store.repairs()
    assert (row.state, b"WARDLINE_ODOO" in row.plan) == ("failed", True)
    (view,) = store.deliveries(Query())
    assert view.state.value == "delivered"  # nothing was sent on its way


def test_one_process_at_a_time_does_the_work(run: Any, store: Store) -> None:
    assert store.own("books")
    assert run("work").stdout == "another process does it\n"


def test_in_production_no_unproven_name_puts_a_repair_forward(
    run: Any, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sits at a command line may be the approver by any other name: two persons are two proofs."""
    number = kept(store)
    told = Entry(at=300.0, who="ann@desk", role="operator", act=Act.RECONCILE, object="books")
    store.propose_repair(number, encode(()), at=302.0, why="mine", told=told)
    desk = Desk(store, RING, Settings(mode="production"), lambda: 400.0)
    approver = Caller(name="a.weber", roles=frozenset({Role.APPROVER}))
    with pytest.raises(Misconfigured, match="without a key"):
        perform(desk, approver, APPROVE, AskDecision(number=2, why="seen"))
    refused = store.entries(AuditQuery(object="repair:2"))[-1].entry
    assert (refused.who, refused.outcome) == ("a.weber", "refused")
    assert perform(desk, approver, APPROVE, AskDecision(number=2, why="not now", decision="withdrawn"))
    assert perform(desk, approver, APPROVE, AskDecision(number=1, why="seen")).state == "approved"
    monkeypatch.setenv("WARDLINE_MODE", "production")
    result = run("repair", str(number), "--why", "a mistake")
    assert (result.exit_code != 0, "somebody who is known" in str(result.exception) + result.output) == (
        True, True,
    )  # fmt: skip
