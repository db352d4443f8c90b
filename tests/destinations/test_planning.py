"""Plans over an Odoo that is made up, and the pure parts of planning."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.destinations.odoo.planning import Planner
from engine.destinations.odoo.planning.domain import matches
from engine.destinations.odoo.planning.made_up import MadeUp
from engine.destinations.odoo.planning.reading import ReadOnly
from engine.destinations.odoo.planning.records import FIRST, Records
from engine.destinations.odoo.planning.stock import DERIVED
from engine.destinations.odoo.planning.wire import PlanningWire
from engine.effects import Charge, Consume, Encounter, Item, Money, Reserve
from engine.errors import Unacceptable

WARD = "WH/Wards/ICU"
CHARGE = Charge(
    key="c/1", encounter="v", subject="p", item=Item("CHG", Decimal(2)), price=Money(Decimal("3.50"), "EUR"),
    cost_centre="CC", date=date(2026, 11, 21), company="North",
)  # fmt: skip

_terms = st.tuples(st.sampled_from("abc"), st.sampled_from(["=", "!="]), st.integers(0, 2))
_domains: st.SearchStrategy[list[Any]] = st.recursive(
    _terms.map(lambda term: [term]),
    lambda inner: (
        st.tuples(st.sampled_from("&|"), inner, inner).map(lambda t: [t[0], *t[1], *t[2]])
        | inner.map(lambda one: ["!", *one])
    ),
    max_leaves=6,
)


def _brute(domain: list[Any], record: dict[str, int]) -> tuple[bool, list[Any]]:
    """The first whole term, and what is left."""
    head, rest = domain[0], domain[1:]
    if head == "!":
        value, rest = _brute(rest, record)
        return not value, rest
    if isinstance(head, str):
        one, rest = _brute(rest, record)
        other, rest = _brute(rest, record)
        return (one or other) if head == "|" else (one and other), rest
    name, operator, wanted = head
    return (record[name] == wanted) is (operator == "="), rest


@given(st.lists(_domains, max_size=3), st.fixed_dictionaries({name: st.integers(0, 2) for name in "abc"}))
def test_a_domain_means_what_its_prefix_notation_says(
    domains: list[list[Any]], record: dict[str, int]
) -> None:
    domain = [term for one in domains for term in one]
    expected, left = True, domain
    while left:
        value, left = _brute(left, record)
        expected = expected and value
    assert matches(domain, record.__getitem__) is expected


@pytest.mark.parametrize(
    ("value", "operator", "wanted", "held"),
    [
        ([7, "WH/Stock"], "=", 7, True),
        ([7, "WH/Stock"], "in", [7, False], True),
        (False, "in", [1, False], True),
        (False, "=", False, True),
        ([3, 4], "in", [4], True),
        ("a_b/1", "=like", "a\\_b/%", True),
        ("axb/1", "=like", "a\\_b/%", False),
        ("case/1", "=like", "case/_", True),
    ],
)
def test_a_term_of_a_domain(value: Any, operator: str, wanted: Any, held: bool) -> None:
    assert matches([("field", operator, wanted)], lambda _: value) is held


def test_an_operator_that_is_not_known_is_refused() -> None:
    with pytest.raises(Unacceptable, match="operator"):
        matches([("name", "ilike", "x")], lambda _: "x")


def test_a_made_up_odoo_has_what_the_effects_name() -> None:
    effects = (
        Encounter(key="v", subject="p", state="open", company="North"),
        Reserve(
            key="r/1",
            items=(Item("GLV", Decimal(3), "Box", "L1"),),
            destination=WARD,
            encounter="v",
            company="North",
        ),
        Consume(key="u/1", items=(Item("GLV", Decimal(1), lot="L1"),), location=WARD, company="North"),
        CHARGE,
    )
    plan = Planner().plan(effects)
    assert [one.verdict for one in plan.effects] == ["create"] * 4
    assert (plan.odoo, plan.version) == ("", "19.0")
    made = [call for call in plan.calls if call.model == "sale.order.line"]
    assert [(call.method, call.creates) for call in made] == [("load", ("sale.order.line",))]
    assert {"stock.picking", "sale.order", "res.partner"} <= set(plan.new.values())


def test_one_plan_leaves_nothing_for_the_next() -> None:
    planner = Planner()
    assert planner.plan([CHARGE]) == planner.plan([CHARGE])


def test_a_call_that_no_plan_foresees_is_refused_and_not_passed_on() -> None:
    wire = PlanningWire(Records(ReadOnly(MadeUp()), {}, DERIVED), "json2", (19, 0))
    with pytest.raises(Unacceptable, match="no plan foresees this call"):
        wire.call("sale.order", "action_confirm", [1], {}, {})
    assert not wire.calls


def test_what_was_loaded_is_found_by_name_id_and_domain() -> None:
    wire = PlanningWire(Records(ReadOnly(MadeUp()), {}, DERIVED), "json2", (19, 0))
    rows = {"fields": ["id", "name", "ref"], "data": [["wardline.contact_p", "p", "p"]]}
    answer = wire.call("res.partner", "load", None, {}, rows)
    assert answer == {"ids": [FIRST], "messages": []}
    assert wire.call("res.partner", "load", None, {}, rows) == answer
    assert [len(call.creates) for call in wire.calls] == [1, 0]
    asked = {
        "domain": [("ref", "in", ["p"])],
        "fields": ["name", "category_id"],
        "limit": None,
        "order": "id",
    }
    assert wire.call("res.partner", "search_read", None, {}, asked) == [
        {"id": FIRST, "name": "p", "category_id": []}
    ]
    assert wire.call("res.partner", "get_external_id", [FIRST], {}, {}) == {str(FIRST): "wardline.contact_p"}
    wire.call("res.partner", "write", [FIRST], {}, {"vals": {"active": False}})
    assert wire.call("res.partner", "search_read", None, {}, asked) == []
    assert wire.call("res.partner", "search_read", None, {"active_test": False}, asked) != []
