"""`wardline workbench` before a real browser: the link, the form by keyboard, the trial, light and dark."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from chromium import chromium

ROOT = Path(__file__).parents[2]
CHARGE = ROOT / "tests/fixtures/hl7/dft-p03-charge.hl7"
TAB, ENTER = ("Tab", 9), ("Enter", 13)

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def link() -> Iterator[str]:
    """The command, running; the link that it prints."""
    command = [sys.executable, "-m", "engine.cli", "workbench", str(ROOT / "channels")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(chromium(), tmp_path / "profile") as found:
        yield found


def test_a_message_is_tried_by_keyboard_alone(link: str, browser: Browser) -> None:
    browser.open(link)
    assert browser.look("location.pathname + location.search") == "/try"
    assert browser.look("document.activeElement.id") == "message"  # where one begins
    browser.look("document.getElementById('channel').value = 'dft-charges'")
    browser.call("Input.insertText", text=CHARGE.read_text().replace("\r", "\n"))
    browser.key(*TAB)
    assert browser.look("document.activeElement.innerText") == "Try"
    browser.goes(lambda: browser.key(*ENTER, text="\r"))

    shown = browser.look("document.body.innerText")
    for words in ("makes a charge", "CHG-GLV-M", "POST /json/2/sale.order.line/load", "MSA|AA|FIX-P03-1"):
        assert words in shown
    assert "TESTMANN" not in browser.look("document.getElementById('outcome').parentElement.innerText")
    sides = "[...document.querySelectorAll('.sides > section')].map(one => one.getBoundingClientRect()"
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=1600, height=900, deviceScaleFactor=1, mobile=False
    )
    assert len(set(browser.look(f"{sides}.top)"))) == 1  # side by side
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=420, height=900, deviceScaleFactor=1, mobile=False
    )
    assert browser.look("document.documentElement.scrollWidth") <= 420  # a narrow one does not overflow
    browser.look("document.querySelector('details:not([open]) summary').focus()")
    browser.key(*ENTER, text="\r")
    assert browser.look("document.activeElement.parentElement.open") is True

    assert browser.complaints() == []
    assert len({host for host in browser.asked() if host}) == 1  # nothing from elsewhere


def test_it_is_light_and_dark_and_can_be_read_in_both(link: str, browser: Browser) -> None:
    browser.open(link)
    for scheme, dark in (("light", False), ("dark", True)):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", features=features)
        paper, ink, quiet, button, label = (
            browser.look(f"getComputedStyle(document.querySelector('{one}')).{what}")
            for one, what in (
                ("body", "backgroundColor"),
                ("body", "color"),
                (".lead", "color"),
                ("button", "backgroundColor"),
                ("button", "color"),
            )
        )
        assert (_light(paper) < 0.5) is dark
        assert contrast(paper, ink) >= 7
        assert contrast(paper, quiet) >= 4.5  # WCAG 2.2, 1.4.3
        assert contrast(button, label) >= 4.5


def test_a_used_link_lets_nobody_in(link: str, browser: Browser) -> None:
    browser.open(link)
    browser.call("Network.clearBrowserCookies")
    browser.open(link)
    assert "was used" in browser.look("document.body.innerText")


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours, `rgb(1, 2, 3)`."""
    light, dark = sorted((_light(one), _light(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _light(colour: str) -> float:
    parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
