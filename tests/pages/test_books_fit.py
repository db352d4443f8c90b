"""The pages of the books before a real browser: fit for everybody; somebody else approves a repair."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from console.console_kit import Console, running_console
from console.test_books_page import checked, proposed
from pages.window import Window, chromium, window
from playwright.sync_api import Browser

from engine.accounts.words import Role

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("books")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def fit(seen: Window, *paths: str) -> None:
    for path in paths:
        page = seen.goto(path)
        assert page.locator("h1").count() == 1, path
        assert seen.faults() == [], path
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, path
    assert seen.complaints == []


def test_every_page_of_the_books_is_fit_for_everybody(console: Console, browser: Browser) -> None:
    check, repair = checked(console), proposed(console, "ann")
    with window(browser, console, Role.OPERATOR) as seen:
        fit(seen, "/books", f"/books/checks/{check}", f"/books/repairs/{repair}")
    with window(browser, console, Role.OPERATOR, scheme="dark") as seen:
        seen.page.set_viewport_size({"width": 400, "height": 800})
        fit(seen, f"/books/checks/{check}")


def test_a_check_is_asked_for_and_a_repair_approved_by_hand(console: Console, browser: Browser) -> None:
    repair = proposed(console, "ann")
    with window(browser, console, Role.OPERATOR) as seen:
        page = seen.goto("/books")
        page.locator("summary", has_text="Check now").click()
        page.get_by_role("button", name="Check now").click()
        page.get_by_text("The engine holds the books against Odoo now.").wait_for()
        page = seen.goto(f"/books/repairs/{repair}")
        assert page.locator("summary", has_text="Approve").count() == 0
    with window(browser, console, Role.APPROVER) as seen:
        page = seen.goto(f"/books/repairs/{repair}")
        page.locator("summary", has_text="Approve").click()
        page.get_by_label("Reason, for the audit").first.fill("seen with finance")
        page.get_by_role("button", name="Approve").click()
        page.get_by_text("Approved: the engine carries it out").wait_for()
        assert seen.complaints == []
    assert [row.number for row in console.store.repairs(state="approved")] == [repair]
