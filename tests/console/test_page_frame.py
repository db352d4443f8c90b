"""What is around a page: who looks, where one may go, what is said once, which colours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.accounts.words import Caller, Permission, Role
from engine.console.frame import Frame, Place, Standing
from engine.console.framing import Framed, remembering, told
from engine.console.pages.rendering import page
from engine.console.pages.words import age, amount, duration, points
from engine.console.site import _theme

UNKNOWN = Standing()
PLACES = [
    Place("Watch", "/traffic", "Traffic", Permission.SEE),
    Place("Administer", "/people", "People", Permission.MANAGE),
]


def served(*roles: Role, standing: Standing = UNKNOWN, environment: str = "", name: str = "anna") -> ASGIApp:
    async def show(_: Request) -> Response:
        return page("refused.html", why="a page")

    async def act(_: Request) -> Response:
        return told("/traffic", "Sent <again>.")

    app = Starlette(
        routes=[
            Route("/traffic", show),
            Route("/act", act, methods=["POST"]),
            Route("/theme", _theme, methods=["POST"]),
        ]
    )
    framed = Framed(app, places=PLACES, standing=lambda: standing, environment=environment)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        if roles:
            state["caller"], state["token"] = Caller(name=name, roles=frozenset(roles)), "t0ken"
        await framed(scope, receive, send)

    return guard


def visit(app: ASGIApp, *steps: Callable[[httpx.AsyncClient], object]) -> list[httpx.Response]:
    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return [await step(client) for step in steps]  # type: ignore[misc]

    return asyncio.run(run())


def test_the_navigation_offers_what_the_caller_may_see() -> None:
    viewer, administrator = (
        visit(served(role), lambda browser: browser.get("/traffic"))[0].text
        for role in (Role.VIEWER, Role.ADMINISTRATOR)
    )
    assert 'href="/traffic" aria-current="page"' in viewer
    assert "/people" not in viewer
    assert 'href="/people"' in administrator
    assert 'value="t0ken"' in viewer


def test_whoever_is_nobody_yet_sees_neither_the_navigation_nor_how_the_engine_stands() -> None:
    text = visit(served(standing=Standing("Engine running", "good", 3)), lambda b: b.get("/traffic"))[0].text
    assert "Engine running" not in text
    assert "/traffic" not in text
    assert "<script" not in text


def test_a_test_is_not_taken_for_the_hospital() -> None:
    text = visit(served(Role.VIEWER, environment="north <test>"), lambda b: b.get("/traffic"))[0].text
    assert "north &lt;test&gt;" in text
    assert 'class="framed unproductive"' in text


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        (Standing("Engine down", "bad", 1, 2), "1 alert<"),
        (Standing("Engine running", "good", 0, 0), "No alerts"),
    ],
)
def test_every_page_says_how_the_engine_stands(standing: Standing, said: str) -> None:
    text = visit(served(Role.VIEWER, standing=standing), lambda b: b.get("/traffic"))[0].text
    assert standing.engine in text
    assert said in text


def test_what_an_act_came_to_is_said_once_and_escaped() -> None:
    answers = visit(
        served(Role.VIEWER),
        lambda b: b.post("/act"),
        lambda b: b.get("/traffic"),
        lambda b: b.get("/traffic"),
    )
    assert answers[0].status_code == 303
    assert "Sent &lt;again&gt;." in answers[1].text
    assert "again" not in answers[2].text


@pytest.mark.parametrize("forged", ["x", "e30", "bnVsbA==", "////"])
def test_a_forged_word_is_no_word(forged: str) -> None:
    answer = visit(
        served(Role.VIEWER), lambda b: b.get("/traffic", headers={"cookie": f"wardline_said={forged}"})
    )[0]
    assert answer.status_code == 200
    assert 'class="said' not in answer.text


def test_colours_are_chosen_and_kept_in_this_browser_only() -> None:
    choose = {"theme": "dark", "back": "/traffic"}
    answers = visit(served(Role.VIEWER), lambda b: b.post("/theme", data=choose), lambda b: b.get("/traffic"))
    assert answers[0].headers["location"] == "/traffic"
    assert 'data-theme="dark"' in answers[1].text
    away = visit(served(Role.VIEWER), lambda b: b.post("/theme", data={"back": "//elsewhere.example/"}))[0]
    assert away.headers["location"] == "/"


def test_the_store_is_asked_every_two_seconds_at_most() -> None:
    now, asked = [0.0], list[float]()

    def standing() -> Standing:
        asked.append(now[0])
        return Standing("Engine running", "good", len(asked))

    kept = remembering(standing, lambda: now[0])
    for moment in (0.0, 1.0, 1.9, 2.5, 3.0, 5.0):
        now[0] = moment
        kept()
    assert asked == [0.0, 2.5, 5.0]


def test_a_frame_offers_nothing_to_nobody() -> None:
    frame = Frame(path="/", places=tuple(PLACES))
    assert frame.grouped() == []
    assert not frame.may("see")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-1, "0 s"), (0, "0 ms"), (0.0404, "40 ms"), (1, "1 s"), (12.34, "12.3 s"), (60, "1 min"),
     (250, "4 min 10 s"), (3600, "1 h"), (7_260, "2 h 1 min"), (266_400, "3 d 2 h"), (3599.9, "1 h")],
)  # fmt: skip
def test_spans_are_said_in_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize("numbers", [[], [3], [0, 0], [1, None, 5, 2]])
def test_a_sparkline_stays_in_its_box(numbers: list[float | None]) -> None:
    corners = [tuple(map(float, corner.split(","))) for corner in points(numbers).split()]
    assert all(0 <= x <= 100 and 0 <= y <= 24 for x, y in corners)
    assert len(corners) == (max(2, len(numbers)) if numbers else 0)


@pytest.mark.parametrize(
    ("seconds", "said"), [(-5, "just now"), (0.4, "just now"), (44.2, "44 s ago"), (75, "1 min 15 s ago")]
)
def test_ages_are_whole(seconds: float, said: str) -> None:
    assert age(seconds) == said


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(None, "days", "–"), (0.059, "seconds", "59 ms"), (0.914, "share", "91.4 %"), (1.0, "share", "100.0 %"),
     (0.9997, "share", "99.97 %"), (3.21, "per-thousand", "3.2"), (310.3, "per-thousand", "310"),
     (1, "days", "1 day"), (1.5, "days", "1.5 days"), (18402, "count", "18,402")],
)  # fmt: skip
def test_figures_are_told_with_their_units(value: float | None, unit: str, said: str) -> None:
    assert amount(value, unit) == said
