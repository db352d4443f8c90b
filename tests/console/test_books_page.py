"""The Books before browsers of people with different roles: who sees, puts forward, approves."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from console.console_kit import Console, running_console

from engine.accounts.words import Role
from engine.auditing import Act, AuditQuery, Entry
from engine.reconciling.words import Difference, Gap, GapKind, Remedy, Report, Scope, Total, encode

GAPS = (
    Gap(
        kind=GapKind.MISSING, subject="charges", effect="charge", key="dft-charges/T1/A", channel="dft",
        text="its line is in no quotation of Odoo any more", destination="odoo:hospital", message_id=7,
        delivery_id=7000001, since=1_700_000_000.0, model="sale.order.line", mend="again",
    ),
    Gap(
        kind=GapKind.CHANGED, subject="charges", effect="charge", key="dft-charges/T2/A", channel="dft",
        text="its line says something else than the message", destination="odoo:hospital", message_id=8,
        delivery_id=8000001, since=1_700_000_000.0, model="sale.order.line", documents=(55,), asked=True,
        mend="restore", differences=(Difference("quantity", "3", "9"), Difference("whose", "", "")),
    ),
)  # fmt: skip
TOTAL = Total(
    subject="charges", channel="dft-charges", day="2026-11-22", effect="charge", item="BED-DAY", effects=3,
    documents=2, quantity_said=Decimal("4.5"), quantity_found=Decimal(3), currency="EUR",
)  # fmt: skip


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Console]:
    with running_console(tmp_path) as found:
        yield found


def told(console: Console, who: str) -> Entry:
    return Entry(at=console.clock(), who=who, role="user", act=Act.RECONCILE, object="books")


def checked(console: Console) -> int:
    report = Report(
        gaps=GAPS, counts={"missing": 1, "changed": 1}, totals=(TOTAL,), unread={"odoo:north": "it is away"}
    )
    scope = encode(Scope(1_699_000_000.0))
    return console.store.keep_check(
        scope, at=console.clock(), gaps=2, report=encode(report), told=told(console, "ann")
    )


def proposed(console: Console, who: str) -> int:
    plan = encode((Remedy(1, GAPS[0], "again", "carry the effect out again", ("sale.order.line.load(…)",)),))
    check = checked(console)
    return console.store.propose_repair(
        check, plan, at=console.clock(), why="by mistake", told=told(console, who)
    ).number


def test_a_viewer_sees_what_a_check_found_and_can_do_nothing(console: Console) -> None:
    number = checked(console)
    viewer = console.client(Role.VIEWER)
    said = viewer.get(f"/books/checks/{number}").text
    assert "Carried out, and not in Odoo any more" in said
    assert "quantity: <b>3</b> in the message, <b>9</b> in Odoo" in said
    assert "whose differs" in said
    assert "odoo:north could not be asked" in said
    assert ">4.5 </td>" in said
    assert "checkbox" not in said
    assert viewer.post("/books", data={"since": "7d"}).status_code == 403
    assert viewer.post(f"/books/checks/{number}/plan", data={"gap": "1"}).status_code == 403


def test_an_operator_asks_for_a_check_that_the_engine_makes(console: Console) -> None:
    operator = console.client(Role.OPERATOR)
    answer = operator.post("/books", data={"since": "1d", "channel": "dft-charges"})
    assert answer.status_code == 303
    (asked,) = console.store.checks(state="asked")
    assert answer.headers["location"] == f"/books/checks/{asked.number}"
    assert "The engine holds the books against Odoo" in operator.get(answer.headers["location"]).text
    assert operator.post("/books", data={"since": "soon"}).status_code == 422


def test_a_plan_takes_a_connection_and_a_gap_that_is_ticked(console: Console) -> None:
    number = checked(console)
    operator = console.client(Role.OPERATOR)
    assert "Nothing is repaired unless it is asked for" in operator.post(f"/books/checks/{number}/plan").text
    refused = operator.post(f"/books/checks/{number}/plan", data={"gap": "1"})
    assert (refused.status_code, "WARDLINE_ODOO_HOSPITAL_URL" in refused.text) == (422, True)
    for wrong in ("x", "99", ""):
        data = {"gap": wrong, "why": "by mistake"}
        assert operator.post(f"/books/checks/{number}/repairs", data=data).status_code == 422
    assert operator.get("/books/checks/99").status_code == 404


def test_a_repair_is_approved_by_somebody_else_alone(console: Console) -> None:
    number = proposed(console, "ann")
    path = f"/books/repairs/{number}"
    operator, approver = console.client(Role.OPERATOR), console.client(Role.APPROVER)
    assert "Approve" not in operator.get(path).text
    decision = {"decision": "approved", "why": "seen with finance"}
    assert operator.post(f"{path}/decision", data=decision).status_code == 403
    assert approver.post(f"{path}/decision", data={"decision": "approved"}).status_code == 422
    assert approver.post(f"{path}/decision", data=decision).status_code == 303
    (row,) = console.store.repairs(state="approved")
    entry = console.store.entries(AuditQuery(object=f"repair:{number}"))[-1].entry
    assert (row.number, entry.who, entry.outcome) == (number, row.decided_by, "approved")
    again = approver.post(f"{path}/decision", data=decision)
    assert (again.status_code, "not proposed any more" in again.text) == (422, True)


def test_a_repair_is_turned_down_or_taken_back(console: Console) -> None:
    first, second = proposed(console, "ann"), proposed(console, "ann")
    down = {"decision": "withdrawn", "why": "no"}
    approver = console.client(Role.APPROVER)
    assert (
        approver.post(f"/books/repairs/{first}/decision", data={**down, "why": "not now"}).status_code == 303
    )
    other, operator = console.client(Role.ANALYST), console.client(Role.OPERATOR, name="ann")
    assert "Take back" not in other.get(f"/books/repairs/{second}").text
    assert other.post(f"/books/repairs/{second}/withdraw", data={"why": "not mine"}).status_code == 422
    assert "Take back" in operator.get(f"/books/repairs/{second}").text
    assert operator.post(f"/books/repairs/{second}/withdraw", data={"why": "was wrong"}).status_code == 303
    assert [row.state for row in console.store.repairs()] == ["withdrawn", "withdrawn"]
    assert operator.get("/books").text.count("withdrawn") == 2
