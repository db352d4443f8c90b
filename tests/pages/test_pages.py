"""Every page before a real browser, on real traffic: no serious fault for those who cannot see or use a
mouse, nothing asked of another host, no complaint of scripts or policy."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from pages.hospital import Hospital, hospital
from pages.window import Window, chromium, window
from playwright.sync_api import Browser

from engine.accounts.words import Role
from engine.console.site import places
from engine.store.contracts.overview import Sought

pytestmark = pytest.mark.timeout(240)

_LINK = re.compile(r'(?:href|src|hx-get)="([^"#]+)')
ALL = (Role.OPERATOR, Role.ANALYST, Role.PRIVACY_OFFICER)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with hospital(tmp_path_factory.mktemp("hospital"), environment="test") as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def officer(place: Hospital, browser: Browser) -> Iterator[Window]:
    with window(browser, place.console, *ALL) as found:
        yield found


def test_every_place_is_fit_for_everybody(place: Hospital, officer: Window) -> None:
    for where in places(place.console.desk):
        if where.path != "/people":
            officer.goto(where.path)
            assert officer.page.locator("h1").count() == 1, where.path
            assert officer.faults() == [], where.path
    assert officer.complaints == []
    assert officer.asked == {place.console.url.split("/")[2]}


def test_every_page_of_a_message_a_channel_and_an_edition_is_fit_for_everybody(
    place: Hospital, officer: Window
) -> None:
    store = place.console.store
    ids = [store.seek(Sought(state=state, limit=1))[0].id for state in ("delivered", "dead", "quarantined")]
    paths = [
        *(f"/messages/{number}" for number in ids), f"/messages/{ids[0]}/content", f"/messages/{ids[1]}/edit",
        "/channels/dft-charges", "/editions/1", f"/fixes/skip?ids={ids[1]}", f"/fixes/replay?ids={ids[1]}",
    ]  # fmt: skip
    for path in paths:
        officer.goto(path)
        assert officer.page.locator("h1").count() == 1, path
        assert officer.faults() == [], path
    officer.goto("/worklist").get_by_role("link", name="Resolve").first.click()
    assert officer.page.get_by_role("button", name="Show the row").count() == 1
    assert officer.faults() == []
    assert officer.complaints == []


def test_every_link_leads_somewhere(place: Hospital) -> None:
    """From page to page as people go, a few of those that differ by a number alone; and the whole manual."""
    client, host = place.console.client(*ALL), urlsplit(place.console.url).netloc
    due, seen, alike = [("/", "the start")], set[str](), Counter[str]()
    while due:
        path, came_from = due.pop()
        shape = re.sub(r"\d+", "N", path.partition("?")[0])
        if path in seen or alike[shape] == 3:
            continue
        seen.add(path)
        alike[shape] += 1
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, came_from)
        if "html" in answer.headers["content-type"] and (
            path == "/manual" or not path.startswith("/manual/")
        ):
            leads = (urljoin(str(answer.url), unescape(one)) for one in _LINK.findall(answer.text))
            due += [
                (one.removeprefix(place.console.url), path) for one in leads if urlsplit(one).netloc == host
            ]
    assert {"/manual/runbooks/unmapped-code", "/manual/docs/decisions/README"} <= seen
    assert {shape for shape in alike if shape.startswith(("/messages/", "/fixes/"))} >= {
        "/messages/N",
        "/fixes/skip",
    }


def test_every_place_is_fit_in_the_dark(place: Hospital, browser: Browser) -> None:
    """Contrast is the same promise in other colours; and what only an administrator sees."""
    with window(browser, place.console, *ALL, scheme="dark") as seen:
        for path in ("/traffic", "/worklist", "/executive", "/audit/1", "/me", "/manual/runbooks/refused"):
            seen.goto(path)
            assert seen.faults() == [], path
    with window(browser, place.console, Role.ADMINISTRATOR, scheme="dark") as seen:
        seen.goto("/people")
        assert seen.faults() == []
        seen.page.locator("details.card > summary").click()
        assert seen.faults() == []


def test_traffic_refreshes_itself_until_it_is_stopped(place: Hospital, browser: Browser) -> None:
    with window(browser, place.console, *ALL) as seen:
        seen.page.clock.install()
        page = seen.goto("/traffic")
        asked: list[str] = []
        page.on("request", lambda one: asked.append(one.url) if "x-poll" in one.headers else None)
        first = page.locator("main a[href^='/channels/']").first
        first.focus()
        with page.expect_response(lambda one: "/traffic" in one.url):
            page.clock.run_for(6_000)
        page.clock.run_for(500)
        assert page.evaluate("document.activeElement.getAttribute('href')") == first.get_attribute("href")
        page.get_by_role("button", name="Live").click()
        asked.clear()
        page.clock.run_for(9_000)
        assert [url for url in asked if "/traffic" in url] == []
        assert page.locator("[data-pause]").inner_text() == "Paused"
        assert seen.complaints == []
