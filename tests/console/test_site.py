"""T26 for pages: every cell of role × area, and what every page has in common."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from console.console_kit import Console, running_console

from engine.accounts.matrix import MATRIX
from engine.accounts.words import Role
from engine.console.site import Area, areas


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("console")) as found:
        yield found


@pytest.fixture(scope="module")
def browsers(console: Console) -> dict[Role, httpx.Client]:
    return {role: console.client(role) for role in Role}


@pytest.fixture(scope="module")
def every(console: Console) -> list[Area]:
    return areas(console.desk)


@pytest.mark.parametrize("role", list(Role))
def test_t26_each_page_for_each_role(
    browsers: dict[Role, httpx.Client], every: list[Area], role: Role
) -> None:
    for area in every:
        if area.path not in {route.path for route in area.routes}:
            continue  # pages below those of another area, for fewer people
        answer = browsers[role].get(area.path)
        allowed = area.needs in MATRIX[role]
        assert (answer.status_code != 403) == allowed, (area.path, answer.status_code)
        assert answer.status_code < 500, area.path


@pytest.mark.parametrize("role", list(Role))
def test_t26_each_route_for_each_role(
    browsers: dict[Role, httpx.Client], every: list[Area], role: Role
) -> None:
    """Whoever may not see an area reaches none of its routes, with whatever method."""
    for area in every:
        for route in area.routes:
            if area.needs not in MATRIX[role]:
                path = route.path
                for name in route.param_convertors:
                    path = path.replace(f"{{{name}}}", "1").replace(f"{{{name}:int}}", "1")
                for method in (route.methods or set()) - {"HEAD"}:
                    answer = browsers[role].request(method, path)
                    assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize("role", list(Role))
def test_the_navigation_is_what_the_role_may_see(
    browsers: dict[Role, httpx.Client], every: list[Area], role: Role
) -> None:
    text = browsers[role].get("/", follow_redirects=True).text
    for area in every:
        if area.name:
            assert (f'<a href="{area.path}"' in text) == (area.needs in MATRIX[role]), area.path


def test_a_refusal_is_in_the_audit(console: Console, browsers: dict[Role, httpx.Client]) -> None:
    browsers[Role.VIEWER].get("/audit")
    told = [one.entry for one in console.audit(act="forbid")]
    assert ("user-viewer", "page:/audit", "refused") in [(one.who, one.object, one.outcome) for one in told]


def test_no_two_areas_have_the_same_place(every: list[Area]) -> None:
    paths = [(sorted(route.methods or ()), route.path) for area in every for route in area.routes]
    assert len({str(path) for path in paths}) == len(paths)
    named = [area.path for area in every if area.name]
    assert len(set(named)) == len(named)


def test_nobody_reaches_a_page_without_coming_in(console: Console, every: list[Area]) -> None:
    nobody = console.browser()
    for area in every:
        assert nobody.get(area.path).status_code in (303, 401, 403), area.path
    assert nobody.get("/api/v1/audit").status_code == 401


def test_the_fragment_that_is_polled_says_how_the_engine_stands(browsers: dict[Role, httpx.Client]) -> None:
    text = browsers[Role.VIEWER].get("/standing", headers={"hx-request": "true", "x-poll": "1"}).text
    assert text.lstrip().startswith('<div id="standing"')
    assert "No engine yet" in text


def test_the_audit_is_found_read_proved_and_exported_on_its_pages(browsers: dict[Role, httpx.Client]) -> None:
    officer = browsers[Role.PRIVACY_OFFICER]
    shown = officer.get("/audit", params={"act": "login", "since": "2020-01-01"}).text
    assert "user-privacy-officer" in shown
    assert officer.get("/audit/1").text.count("<h1>") == 1
    assert officer.get("/audit/99999").status_code == 404
    assert officer.get("/audit", params={"since": "soon"}).status_code == 422
    token = officer.headers["x-csrf-token"]
    assert "The audit holds" in officer.post("/audit/verify", data={"token": token}).text
    file = officer.post("/audit/export", data={"token": token, "form": "csv", "why": "monthly review"})
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.text.startswith("id,time,who")
    refused = officer.post("/audit/export", data={"token": token, "form": "csv", "why": ""})
    assert refused.status_code == 422


def test_figures_without_anything_to_count_are_told_as_such(browsers: dict[Role, httpx.Client]) -> None:
    text = browsers[Role.VIEWER].get("/executive?days=30").text
    assert text.count('class="kpi"') == 6
    assert "How it is made" in text
