"""Windows of a real browser: somebody with roles in each, and a look at what the page does on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from chromium import chromium as obtained
from console.console_kit import Console
from npm_packages import packages
from playwright.sync_api import Browser, Page, sync_playwright

from engine.accounts.coming import Came
from engine.accounts.words import Role

__all__ = ["Scheme", "Window", "chromium", "window"]

NAMES = {Role.ADMINISTRATOR: "edgar.holm", Role.VIEWER: "vera.lindt", Role.APPROVER: "paul.anders"}
Scheme = Literal["light", "dark"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; skips where none is to be had."""
    found = obtained()
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=found.program, env={**found.environ}, args=["--lang=en-GB"]
        )
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """One window. `complaints` are errors of scripts and of the policy, `asked` the hosts that it asked."""

    def __init__(self, page: Page, console: Console) -> None:
        self.page, self._console = page, console
        self.complaints: list[str] = []
        self.asked: set[str] = set()
        page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.add(request.url.split("/")[2]))

    def goto(self, path: str) -> Page:
        """Open a page of the console and wait until its scripts have done what they do at first."""
        answer = self.page.goto(self._console.url + path)
        if answer is not None and answer.status >= 500:
            self.complaints.append(f"{path}: {answer.status}")
        self.page.wait_for_load_state("load")
        return self.page

    def faults(self) -> list[str]:
        """What axe finds on the page that is open: serious and critical faults, with where they are."""
        self.page.evaluate(_axe())
        found: dict[str, Any] = self.page.evaluate(
            "() => axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a',"
            " 'wcag21aa', 'wcag22aa', 'best-practice']})"
        )
        return [
            f"{fault['id']} ({fault['impact']}): {node['target']} {node['failureSummary']}"
            for fault in found["violations"]
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]


@contextmanager
def window(
    browser: Browser, console: Console, *roles: Role, scheme: Scheme = "light", width: int = 1200
) -> Iterator[Window]:
    """A window of somebody with these roles, logged in; of nobody without any."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
    )
    if roles:
        name = NAMES.get(roles[0], "wanda.brandt") if len(roles) == 1 else "wanda.brandt"
        user = console.store.user(name) or console.user(name, *roles)
        entered = console.entrance.enter(user, Came("127.0.0.1"), "password")
        context.add_cookies([{"name": console.door.cookie(), "value": entered.session, "url": console.url}])
    try:
        yield Window(context.new_page(), console)
    finally:
        context.close()


@cache
def _axe() -> str:
    """The checker, as one script: run by the tools of the browser, whatever the page's policy is."""
    return (packages(Path(__file__).parent) / "axe-core/axe.min.js").read_text("utf-8")
