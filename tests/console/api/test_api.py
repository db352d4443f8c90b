"""The admin API over a real store: what is asked, given, refused, and what it says of itself."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from engine.accounts.matrix import MATRIX
from engine.accounts.words import Caller, Permission, Role
from engine.auditing import Act, AuditQuery, Entry
from engine.console.api.asking import asked_by_body, asked_by_query
from engine.console.api.describing import described
from engine.console.api.routes import api_routes
from engine.errors import Misconfigured, Unacceptable, Unavailable
from engine.operations import audit
from engine.operations.every import OPERATIONS
from engine.operations.operation import Desk, NotThere, Operation
from engine.settings import Settings
from engine.store.keys import KeyRing
from engine.store.sql import open_store

RING = KeyRing({"first": b"\x07" * 32})
NOW = 1_790_000_000.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield Desk(store=store, ring=RING, settings=Settings(), clock=lambda: NOW)
    store.close()
    APPS.clear()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    store = open_store(f"sqlite:///{tmp_path_factory.mktemp('shared')}/wardline.db", RING)
    yield Desk(store=store, ring=RING, settings=Settings(), clock=lambda: NOW)
    store.close()


class Thing(msgspec.Struct, frozen=True):
    id: int
    names: tuple[str, ...] = ()
    deep: bool = False
    why: str = ""


class Gone(msgspec.Struct, frozen=True):
    said: str


def _fails(_: Desk, __: Caller, asked: Thing) -> Gone:
    errors = [
        NotThere("there is no such thing"),
        Unacceptable("conflict", "names", "cannot be so"),
        Unavailable("the store is away"),
        Misconfigured("is wrong", where="names", hint="say it otherwise"),
    ]
    raise errors[asked.id]


LOOK = Operation(
    name="thing.show", method="GET", path="/things/{id}", text="One thing.", needs=Permission.SEE,
    asks=Thing, gives=Thing, call=lambda _, __, asked: asked,
)  # fmt: skip
ACT = Operation(
    name="thing.act", method="POST", path="/things/{id}/act", text="Do it.", needs=Permission.HOLD,
    asks=Thing, gives=Thing, call=lambda _, __, asked: asked, reasoned=True,
)  # fmt: skip
FAIL = Operation(
    name="thing.fail", method="POST", path="/things/{id}/fail", text="Fail.", needs=Permission.SEE,
    asks=Thing, gives=Gone, call=_fails,
)  # fmt: skip
THINGS: tuple[Operation[Any, Any], ...] = (LOOK, ACT, FAIL)


APPS: dict[tuple[int, tuple[Operation[Any, Any], ...], float], Starlette] = {}
"""Made once for each desk: to describe the operations takes longer than to call one."""


DESCRIBED = described(OPERATIONS)


def call(
    desk: Desk,
    method: str,
    path: str,
    *,
    role: Role = Role.OPERATOR,
    operations: tuple[Operation[Any, Any], ...] = THINGS,
    times: int = 1,
    rate: float = 1000.0,
    **more: Any,
) -> httpx.Response:
    at = (id(desk), operations, rate)
    app = APPS[at] = APPS.get(at) or Starlette(routes=api_routes(desk, operations, rate))

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["caller"] = Caller(name="anna", roles=frozenset({role}), via="token")
        await app(scope, receive, send)

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=guard)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            for _ in range(times):
                answer = await client.request(method, f"/api/v1{path}", **more)
            return answer

    return asyncio.run(run())


def test_what_is_asked_comes_from_the_path_and_the_query(desk: Desk) -> None:
    answer = call(desk, "GET", "/things/7?names=a&names=b&deep=true")
    assert answer.json() == {"id": 7, "names": ["a", "b"], "deep": True, "why": ""}


@pytest.mark.parametrize(
    "sent", [{"json": {"names": ["a"], "why": "because"}}, {"data": {"names": "a", "why": "because"}}]
)
def test_an_act_takes_json_or_a_form(desk: Desk, sent: dict[str, Any]) -> None:
    answer = call(desk, "POST", "/things/7/act", **sent)
    assert answer.json() == {"id": 7, "names": ["a"], "deep": False, "why": "because"}


def test_an_act_without_a_reason_is_refused(desk: Desk) -> None:
    answer = call(desk, "POST", "/things/7/act", json={})
    assert (answer.status_code, answer.json()["where"]) == (422, "why")
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "where"),
    [("/things/seven", "id"), ("/things/7?deep=perhaps", "deep"), ("/things/7?deep=true&deep=true", "deep"),
     ("/things/7?secret=1", "secret")],
)  # fmt: skip
def test_what_is_asked_wrongly_is_named_and_not_repeated(desk: Desk, path: str, where: str) -> None:
    answer = call(desk, "GET", path)
    assert (answer.status_code, answer.json()["where"]) == (422, where)
    assert "perhaps" not in answer.text
    assert "seven" not in answer.text


@pytest.mark.parametrize(
    ("body", "media"),
    [(b"{", "application/json"), (b"[1]", "application/json"), (b"\xff", "application/json"),
     (b"<a/>", "text/xml"), (b'{"names": 1}', "application/json"), (b'{"deep": "yes"}', "application/json")],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_a_problem(desk: Desk, body: bytes, media: str) -> None:
    answer = call(desk, "POST", "/things/7/act", content=body, headers={"content-type": media})
    assert answer.status_code == 422
    assert set(answer.json()) <= {"title", "status", "detail", "where", "next"}


@pytest.mark.parametrize(("number", "status"), [(0, 404), (1, 409), (2, 503), (3, 422)])
def test_each_error_of_the_house_has_one_status(desk: Desk, number: int, status: int) -> None:
    answer = call(desk, "POST", f"/things/{number}/fail")
    assert (answer.status_code, answer.json()["status"]) == (status, status)
    assert ("retry-after" in answer.headers) == (status == 503)


def test_who_may_not_is_refused_and_that_is_recorded(desk: Desk) -> None:
    answer = call(desk, "POST", "/things/none/act", role=Role.VIEWER, json={"nonsense": 1})
    assert answer.status_code == 403
    assert "operator" not in answer.json().get("where", "")
    entries = [one.entry for one in desk.store.entries(AuditQuery(act=Act.FORBID))]
    assert [(one.who, one.object, one.outcome) for one in entries] == [
        ("anna", "operation:thing.act", "refused")
    ]


def test_too_many_requests_are_told_when_to_go_on(desk: Desk) -> None:
    answer = call(desk, "GET", "/things/7", times=4, rate=3.0)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_a_body_that_is_too_large_is_not_read(desk: Desk) -> None:
    assert call(desk, "POST", "/things/7/act", content=b" " * (5 * 1024 * 1024)).status_code == 413


def test_what_is_not_there_says_where_to_look(desk: Desk) -> None:
    answer = call(desk, "GET", "/nothing")
    assert (answer.status_code, answer.json()["next"]) == (404, "See /api/v1/openapi.json.")


def test_the_description_is_openapi_and_names_every_operation(desk: Desk) -> None:
    given_ = call(desk, "GET", "/openapi.json", operations=OPERATIONS).json()
    OpenAPIV31SpecValidator(given_).validate()
    named = {told["operationId"] for path in given_["paths"].values() for told in path.values()}
    assert named == {one.name for one in OPERATIONS}


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.name)
def test_every_operation_is_told_of_in_full(one: Operation[Any, Any]) -> None:
    told = DESCRIBED["paths"][f"/api/v1{one.path}"][one.method.lower()]
    in_path = {name["name"] for name in told.get("parameters", ()) if name["in"] == "path"}
    assert in_path == {part[1:-1] for part in one.path.split("/") if part.startswith("{")}
    assert one.text.endswith(".")
    assert told["summary"] == one.text
    assert one.reasoned <= ("why" in json.dumps(told))


def test_no_two_operations_have_the_same_name_or_place() -> None:
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("one", OPERATIONS, ids=lambda one: one.name)
def test_t26_each_operation_for_each_role(shared: Desk, one: Operation[Any, Any]) -> None:
    path = "/".join("1" if part.startswith("{") else part for part in one.path.split("/"))
    for role in Role:
        answer = call(shared, one.method, path, role=role, operations=OPERATIONS)
        assert (answer.status_code != 403) == (one.needs in MATRIX[role]), role
        assert answer.status_code < 500 or answer.status_code == 503, role


@given(st.binary(max_size=200))
def test_no_body_makes_it_stumble(body: bytes) -> None:
    try:
        asked = asked_by_body(ACT, {"id": "7"}, "application/json", body)
    except Misconfigured:
        return
    assert asked.id == 7


@given(
    st.lists(st.tuples(st.sampled_from(["names", "deep", "why", "other"]), st.text(max_size=5)), max_size=5)
)
def test_no_query_makes_it_stumble(query: list[tuple[str, str]]) -> None:
    try:
        asked = asked_by_query(LOOK, {"id": "7"}, query)
    except Misconfigured:
        return
    assert asked.names == tuple(value for name, value in query if name == "names")


# -- the audit


def _filled(desk: Desk) -> None:
    desk.store.record(
        [
            Entry(at=NOW + n, who="wanda", role="operator", act=Act.LOOK, object=f"message:{n}")
            for n in range(7)
        ]
    )


def test_the_audit_is_read_newest_first_page_by_page(desk: Desk) -> None:
    _filled(desk)
    pages, before = [], 0
    while True:
        page = call(
            desk,
            "GET",
            f"/audit?limit=3&before={before}",
            role=Role.PRIVACY_OFFICER,
            operations=audit.OPERATIONS,
        ).json()
        pages.append([one["id"] for one in page["entries"]])
        before = page["next"]
        if not before:
            break
    assert pages == [[7, 6, 5], [4, 3, 2], [1]]


def test_the_audit_is_proved(desk: Desk, tmp_path: Path) -> None:
    _filled(desk)
    officer: dict[str, Any] = {"role": Role.PRIVACY_OFFICER, "operations": audit.OPERATIONS}
    held = call(desk, "POST", "/audit/verify", **officer).json()
    assert held == {"holds": True, "findings": [], "witnessed": False, "upto": 7}
    with sqlite3.connect(tmp_path / "wardline.db") as database:
        database.execute("DROP TRIGGER IF EXISTS audit_stays")
        database.execute("UPDATE audit SET who = 'nobody' WHERE id = 3")
    broken = call(desk, "POST", "/audit/verify", **officer).json()
    assert not broken["holds"]
    assert any("entry 3" in line for line in broken["findings"])


def test_an_export_is_a_file_and_an_entry(desk: Desk) -> None:
    _filled(desk)
    answer = call(
        desk, "POST", "/audit/export", role=Role.PRIVACY_OFFICER, operations=audit.OPERATIONS,
        json={"form": "csv", "why": "monthly review", "act": "look"},
    )  # fmt: skip
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    assert len(answer.text.splitlines()) == 8
    newest = desk.store.entries(AuditQuery(newest=True, limit=1))[0].entry
    assert (newest.act, newest.who, newest.why, newest.detail["format"]) == (
        "export",
        "anna",
        "monthly review",
        "csv",
    )


def test_an_entry_that_is_not_there_is_not_there(desk: Desk) -> None:
    answer = call(desk, "GET", "/audit/5", role=Role.PRIVACY_OFFICER, operations=audit.OPERATIONS)
    assert answer.status_code == 404
