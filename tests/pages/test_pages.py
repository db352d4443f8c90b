"""Every page before a real browser, on real traffic: no serious fault for those who cannot see or use a
mouse, nothing asked of another host, no complaint of scripts or policy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages.hospital import Hospital, hospital
from pages.window import Window, chromium, window
from playwright.sync_api import Browser

from engine.accounts.words import Role
from engine.console.site import places
from engine.store.contracts.overview import Sought

pytestmark = pytest.mark.timeout(240)

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
        *(f"/messages/{number}{more}" for number in ids for more in ("", "/content")),
        "/messages?since=all&code=unmapped-code", "/channels/dft-charges", "/channels/dft-charges/shadow",
        "/editions/1",
        *(f"/fixes/{what}?ids={ids[1]}" for what in ("redeliver", "skip", "replay")),
        f"/messages/{ids[1]}/edit",
    ]  # fmt: skip
    for path in paths:
        officer.goto(path)
        assert officer.page.locator("h1").count() == 1, path
        assert officer.faults() == [], path
    officer.goto("/worklist").get_by_role("link", name="Resolve").first.click()
    assert officer.page.get_by_role("button", name="Show the row").count() == 1
    assert officer.faults() == []
    assert officer.complaints == []
