"""The pure parts: names, what errors mean, what a reservation has to change, connections."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.destinations.odoo.catalogue import Product
from engine.destinations.odoo.connection import from_environment
from engine.destinations.odoo.faults import KeyRefused, ServerError, complaint, fault, plain, reason_of
from engine.destinations.odoo.names import base_of, credit, external, generation, generation_of
from engine.destinations.odoo.reserving import change, shortage
from engine.destinations.odoo.transfers import Line, Move, Transfer
from engine.destinations.odoo.work import waves
from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.model import Owner


@given(st.text(min_size=1, max_size=120), st.text(min_size=1, max_size=120))
def test_names_are_safe_and_tell_keys_apart(one: str, other: str) -> None:
    name = external("reserve", one)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/^:~-")
    assert len(name) <= 120
    assert (name == external("reserve", other)) == (one == other)


@given(st.text(min_size=1, max_size=60), st.integers(1, 10_000))
def test_generations_are_found_again(key: str, number: int) -> None:
    base = external("reserve", key)
    assert generation_of(base, generation(base, number)) == number
    assert generation_of(external("reserve", key + "x"), generation(base, number)) == 0


def test_a_credit_tells_its_charge() -> None:
    assert credit("charge-1", "k").startswith(base_of("charge-1"))
    assert not credit("charge-2", "k").startswith(base_of("charge-1"))


@pytest.mark.parametrize(
    ("name", "message", "status", "kind"),
    [
        ("odoo.exceptions.AccessDenied", "Access Denied", 0, KeyRefused),
        ("werkzeug.exceptions.Unauthorized", "Invalid apikey", 401, KeyRefused),
        ("psycopg2.errors.SerializationFailure", "could not serialize access", 500, Unavailable),
        ("psycopg2.errors.LockNotAvailable", "", 0, Unavailable),
        ("", "", 429, Unavailable),
        ("", "", 503, Unavailable),
        ("builtins.KeyError", "'x'", 500, ServerError),
        ("builtins.ValueError", "Invalid field", 0, ServerError),
    ],
)
def test_faults_of_the_world(name: str, message: str, status: int, kind: type[Exception]) -> None:
    assert type(fault(name, message, status)) is kind


def test_a_missing_right_names_the_group() -> None:
    text = (
        "You are not allowed to create 'Contact' (res.partner) records.\n\n"
        "This operation is allowed for the following groups:\n\t- Extra Rights/Contact Creation\n\n"
        "Contact your administrator to request access if necessary."
    )
    found = fault("odoo.exceptions.AccessError", text, 403)
    assert isinstance(found, Unacceptable)
    assert found.code == "not-allowed"
    assert "Extra Rights/Contact Creation" in found.text
    assert reason_of(found).owner is Owner.TECHNICAL
    field = (
        'You do not have enough rights to access the field "x" on Contact.\n\n'
        "User: 5\nGroups: allowed for groups 'A', 'B'"
    )
    assert "'A', 'B'" in complaint(field).text


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("odoo.exceptions.ValidationError", "refused"),
        ("odoo.exceptions.UserError", "refused"),
        ("odoo.exceptions.MissingError", "conflict"),
        ("werkzeug.exceptions.NotFound", "not-allowed"),
    ],
)
def test_refusals(name: str, code: str) -> None:
    found = fault(name, "No.", 422)
    assert isinstance(found, Unacceptable)
    assert found.code == code


@given(st.text(alphabet="abc XYZ'\"019-", max_size=80))
def test_plain_words_hold_no_quoted_text_and_no_figures(text: str) -> None:
    said = plain(text)
    assert not any(ch.isdigit() for ch in said)
    assert '"' not in said


def test_plain_words_keep_the_sense() -> None:
    message = "No matching record found for external id 'wardline.t1p_abc' in field 'Customer' of 12 rows"
    assert plain(message) == "No matching record found for external id … in field … of … rows"


GLOVES = Product(1, "G", "Gloves", 1, "consu", "none")
GOWNS = Product(2, "W", "Gowns", 1, "consu", "none")


def line(product: Product, quantity: int) -> Line:
    return Line(product, 1, Decimal(quantity), Decimal(quantity))


def transfer(*moves: tuple[int, int, int, int, str]) -> Transfer:
    rows = [
        Move(i, 9, product, 1, Decimal(demand), Decimal(held), Decimal(demand), state, 8, 7)
        for i, product, demand, held, state in moves
    ]
    return Transfer(9, "k", "reserve_k", "assigned", 8, 7, "", "0", 0, 0, rows)


def test_a_reservation_changes_only_what_differs() -> None:
    standing = [transfer((1, 1, 5, 5, "assigned"), (2, 2, 1, 1, "assigned"))]
    assert change(standing, [line(GLOVES, 5), line(GOWNS, 1)]).demands == ()
    wish = change(standing, [line(GLOVES, 3)])
    assert wish.demands == ((1, Decimal(3)), (2, Decimal(0)))
    assert change([transfer((1, 1, 5, 5, "assigned"))], [line(GLOVES, 5), line(GOWNS, 2)]).missing == (
        line(GOWNS, 2),
    )


def test_what_is_done_counts() -> None:
    standing = [transfer((1, 1, 5, 5, "done"))]
    assert change(standing, [line(GLOVES, 5)]) == change([], [])
    assert change(standing, [line(GLOVES, 7)]).missing[0].quantity == 2


STANDING = st.lists(
    st.tuples(st.sampled_from([1, 2]), st.integers(0, 9), st.sampled_from(["assigned", "done", "confirmed"])),
    max_size=6,
)


@given(STANDING, st.integers(1, 9))
def test_after_the_change_the_wish_is_met(moves: list[tuple[int, int, str]], wanted: int) -> None:
    rows = [(i, p, n, 0 if state == "confirmed" else n, state) for i, (p, n, state) in enumerate(moves)]
    wish = change([transfer(*rows)], [line(GLOVES, wanted)])
    demand = {i: Decimal(n) for i, _, n, _, _ in rows} | dict(wish.demands)
    mine = [i for i, product, *_ in rows if product == 1]
    held = sum(demand[i] for i in mine) + sum(m.quantity for m in wish.missing)
    done = sum(n for _, product, n, _, state in rows if product == 1 and state == "done")
    assert held == max(wanted, done)
    assert not {i for i, _ in wish.demands} & {i for i, *_, state in rows if state == "done"}


def test_shortage_is_what_is_not_reserved() -> None:
    assert shortage(
        [transfer((1, 1, 5, 2, "partially_available"), (2, 2, 1, 1, "assigned"), (3, 2, 4, 0, "done"))]
    ) == {1: Decimal(3)}


@given(st.lists(st.integers(0, 4), max_size=12))
def test_waves_keep_order_among_those_that_collide(things: list[int]) -> None:
    rows = list(enumerate(things))
    split = waves(rows, lambda a, b: a[1] == b[1])
    assert sorted(row for wave in split for row in wave) == rows
    assert all(len({thing for _, thing in wave}) == len(wave) for wave in split)
    for thing in set(things):
        assert [i for wave in split for i, other in wave if other == thing] == [
            i for i, other in rows if other == thing
        ]


ENV = {
    "WARDLINE_ODOO_MAIN_SITE_URL": "https://odoo.example",
    "WARDLINE_ODOO_MAIN_SITE_DATABASE": "hospital",
    "WARDLINE_ODOO_MAIN_SITE_KEY": "sesame",
}


def test_a_connection_from_the_environment(tmp_path: Path) -> None:
    found = from_environment("main-site", ENV)
    assert (found.url, found.database, found.key, found.source_location) == (
        "https://odoo.example", "hospital", "sesame", "WH/Stock",
    )  # fmt: skip
    assert "sesame" not in repr(found)
    (tmp_path / "key").write_text("opensesame\n")
    from_file = from_environment("main-site", {**ENV, "WARDLINE_ODOO_MAIN_SITE_KEY": f"file:{tmp_path}/key"})
    assert from_file.key == "opensesame"


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"URL": ""}, "URL"),
        ({"URL": "ftp://odoo.example"}, "URL"),
        ({"URL": "https://a:b@odoo.example"}, "URL"),
        ({"URL": "https://odoo.example/path"}, "URL"),
        ({"DATABASE": ""}, "DATABASE"),
        ({"KEY": ""}, "KEY"),
        ({"KEY": "file:/no/such/file"}, "KEY"),
        ({"KEY": "", "PASSWORD": "x"}, "USER"),
        ({"TRANSPORT": "xmlrpc"}, "TRANSPORT"),
        ({"TRANSPORT": "jsonrpc"}, "USER"),
        ({"TIMEOUT": "soon"}, "TIMEOUT"),
    ],
)
def test_a_connection_that_cannot_work_names_the_variable(changes: dict[str, str], variable: str) -> None:
    env = ENV | {f"WARDLINE_ODOO_MAIN_SITE_{name}": value for name, value in changes.items()}
    with pytest.raises(Misconfigured) as caught:
        from_environment("main-site", env)
    assert caught.value.where == f"WARDLINE_ODOO_MAIN_SITE_{variable}"
    assert "sesame" not in str(caught.value)
