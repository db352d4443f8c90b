"""Coming in with a real browser: the first account, an invitation, a password, single sign-on, links of
others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from console.console_kit import PASSWORD, Console, running_console
from console.sign_on_kit import Provider, trusting
from pages.window import Window, chromium
from playwright.sync_api import Browser, expect

from engine.accounts.words import Role


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as made:
        yield made


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    made = Provider(tmp_path_factory.mktemp("directory"))
    yield made
    made.end()


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[Console]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(provider.ca))
        extra = lambda _, door, clock: trusting(provider, door, clock)  # noqa: E731
        with running_console(tmp_path_factory.mktemp("console"), extra=extra) as made:
            yield made


@contextmanager
def somebody(browser: Browser, console: Console) -> Iterator[Window]:
    """A window of nobody yet, which takes the provider's certificate."""
    context = browser.new_context(
        ignore_https_errors=True, locale="en-GB", viewport={"width": 1200, "height": 800}
    )
    yield Window(context.new_page(), console)
    context.close()


def test_from_the_first_account_to_somebody_elses_password(browser: Browser, tmp_path: Path) -> None:
    with running_console(tmp_path) as console, somebody(browser, console) as first:
        page = first.goto(f"/setup?key={console.entrance.set_up_key()}")
        assert first.faults() == []
        page.get_by_label("Name", exact=True).fill("ann")
        page.get_by_label("Which human being this is").fill("Ann Onym, integration team")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_label("The same password again").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        first.goto("/people")
        page.get_by_text("Invite somebody").click()
        assert first.faults() == []
        page.get_by_label("Name", exact=True).fill("otto")
        page.get_by_label("Which human being this is").fill("Otto Weber, night shift")
        page.get_by_role("checkbox", name="operator").check()
        page.get_by_label("Reason, for the audit").fill("joins the team")
        page.get_by_role("button", name="Invite").click()
        link = page.locator("code.secret").inner_text()
        assert first.faults() == []
        first.goto("/people/otto")
        assert first.faults() == []
        with somebody(browser, console) as second:
            page = second.goto(link.removeprefix(console.url))
            assert second.faults() == []
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_label("The same password again").fill(PASSWORD)
            page.get_by_role("button", name="Set it, and come in").click()
            page.wait_for_url(lambda url: "/invitation" not in url)
            second.goto("/me")
            assert second.faults() == []
            page.get_by_text("Make a token").click()
            page.get_by_label("What it is for").fill("nightly report")
            page.get_by_role("button", name="Make it").click()
            expect(page.locator("code.secret")).to_contain_text("wrt1_")
            page.get_by_role("group").filter(has_text="otto").first.click()
            page.get_by_role("button", name="Log out").click()
            page.wait_for_url("**/login?out=1")
            assert second.faults() == []
            page.get_by_label("Name", exact=True).fill("otto")
            page.get_by_label("Password", exact=True).fill("not the password")
            page.get_by_role("button", name="Log in").click()
            expect(page.get_by_role("alert")).to_contain_text("not right")
            page.get_by_label("Password", exact=True).fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            page.wait_for_url(lambda url: "/login" not in url)
            assert [one for one in second.complaints if "403" not in one] == []
        assert first.complaints == []


def test_single_sign_on_and_a_link_of_another_site(
    browser: Browser, console: Console, provider: Provider
) -> None:
    """The session's cookie is SameSite=Strict: neither coming back from the directory nor a link in a mail
    may end at the log-in."""
    with somebody(browser, console) as window:
        page = window.goto("/me")
        page.get_by_role("link", name="Log in with single sign-on").click()
        page.wait_for_url("**/me")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
        page.goto(f"{provider.issuer}/mail?to={console.url}/manual/README")
        page.click("#link")
        page.wait_for_url("**/manual/README")
        expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
        window.goto("/me")
        page.get_by_role("group").filter(has_text="maria").first.click()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("link", name="log out there too")).to_be_visible()
        assert window.faults() == []
        page.goto(f"{provider.issuer}/mail?to={console.url}/manual/README")
        page.click("#link")
        page.wait_for_url("**/login?next=*")
        assert not any("Content Security Policy" in one for one in window.complaints)


def test_a_form_of_another_site_does_nothing(browser: Browser, console: Console, provider: Provider) -> None:
    with somebody(browser, console) as window:
        console.user("vic", Role.VIEWER)
        entered = console.enter(console.browser(), console.store.user("vic"))  # type: ignore[arg-type]
        name = console.door.cookie()
        window.page.context.add_cookies(
            [{"name": name, "value": entered.cookies[name], "url": console.url, "sameSite": "Strict"}]
        )
        page = window.page
        page.goto(f"{provider.issuer}/mail?to={console.url}/")
        page.evaluate(
            f"""() => {{ const form = document.createElement('form'); form.method = 'post';
            form.action = '{console.url}/logout'; document.body.append(form); form.submit(); }}"""
        )
        page.wait_for_url("**/login")
        assert len(console.store.sessions("vic")) == 1
        window.goto("/me")
        expect(page.get_by_role("heading", name="Your account")).to_be_visible()
