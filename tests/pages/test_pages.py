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
