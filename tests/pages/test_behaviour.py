"""What pages do in a browser beyond HTML: by keyboard, in either colours, on a small screen, while they
refresh themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console.console_kit import Console, running_console
from pages.window import Window, chromium, window
from playwright.sync_api import Browser

from engine.accounts.words import Role
from engine.console.site import places

pytestmark = pytest.mark.timeout(120)

OFFICER = (Role.OPERATOR, Role.ANALYST, Role.PRIVACY_OFFICER)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("console")) as found:
        now = found.clock()
        counted = {'wardline_messages_accepted{channel="a",kind="new"}': 5.0}
        for back in range(5):
            found.store.measure(counted, {}, at=now - back * 86400)
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def officer(console: Console, browser: Browser) -> Iterator[Window]:
    with window(browser, console, *OFFICER) as found:
        yield found
        assert found.complaints == []


def test_the_first_key_leads_past_the_navigation(officer: Window) -> None:
    page = officer.goto("/executive")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_colours_follow_the_system_until_they_are_chosen(console: Console, browser: Browser) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    with window(browser, console, *OFFICER, scheme="dark") as seen:
        page = seen.goto("/audit")
        dark = page.evaluate(paper)
        page.locator(".menu > summary").click()
        page.get_by_role("button", name="Light").click()
        page.wait_for_load_state("load")
        assert page.url.endswith("/audit")
        assert page.evaluate(paper) != dark
        assert page.get_attribute("html", "data-theme") == "light"
        assert seen.goto("/executive").evaluate(paper) != dark
        assert seen.complaints == []


def test_a_menu_closes_with_escape_and_gives_the_focus_back(officer: Window) -> None:
    page = officer.goto("/audit")
    page.locator(".menu > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".menu").get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert page.locator(".menu").get_attribute("open") is None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_chart_is_drawn_from_its_table_and_the_table_stays(officer: Window) -> None:
    page = officer.goto("/executive")
    page.locator("#volume canvas").wait_for()
    page.locator("#volume details > summary").click()
    rows = page.locator("#volume details table tbody tr")
    assert rows.count() >= 5
    assert "5" in rows.last.inner_text()


def test_how_the_engine_stands_refreshes_itself_without_taking_the_focus(officer: Window) -> None:
    page = officer.goto("/audit")
    page.evaluate("document.querySelector('#standing').setAttribute('hx-trigger', 'every 300ms')")
    page.evaluate("htmx.process(document.querySelector('#standing'))")
    page.locator("#standing a").first.focus()
    with page.expect_response(lambda answer: answer.url.endswith("/standing")) as told:
        pass
    assert told.value.request.headers["x-poll"] == "1"
    page.wait_for_timeout(200)
    assert page.evaluate("document.activeElement.closest('#standing') !== null")


def test_a_session_that_ended_leads_to_the_log_in(console: Console, officer: Window) -> None:
    page = officer.goto("/audit")
    page.context.clear_cookies()
    page.goto(console.url + "/executive")
    assert "/login" in page.url
    officer.complaints.clear()


def test_no_page_is_wider_than_a_small_screen(console: Console, browser: Browser) -> None:
    with window(browser, console, *OFFICER, width=380) as seen:
        for where in places(console.desk):
            if where.path != "/people":
                page = seen.goto(where.path)
                wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
                assert wider <= 0, where.path


@pytest.mark.parametrize("path", ["/login", "/nothing-here"])
def test_pages_before_the_log_in_are_fit_for_everybody(console: Console, browser: Browser, path: str) -> None:
    with window(browser, console) as seen:
        seen.goto(path)
        assert seen.faults() == []
        assert seen.page.locator("h1").count() == 1
        assert seen.page.locator("script").count() == 0
