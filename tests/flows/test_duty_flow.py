"""A night on duty, in a real browser, over a running engine and a real Odoo 19: a patient's messages are
found by their number, a dead letter is corrected and stands in Odoo, a feed that falls silent is one alert
that closes when it speaks again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from console.console_kit import Console, running_console
from hospital_messages import Used, admission, charges
from odoo_books import put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine
from pages.window import Window, chromium, window
from playwright.sync_api import Browser, expect
from running import wait_for

from engine.accounts.words import Role
from engine.app.opening import open_settings, ring_of
from engine.settings import Settings

pytestmark = [*NEEDS_ODOO, pytest.mark.slow, pytest.mark.timeout(600)]

PERSON, OTHER = "7788123", "5550001"
PATIENCE = (
    120_000  # milliseconds: a look of the engine comes every ten seconds, on a machine that may be slow
)


class Duty(NamedTuple):
    """What somebody on duty has before them."""

    engine: HospitalEngine
    console: Console
    browser: Browser
    odoo: Any


@pytest.fixture(scope="module")
def duty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Duty]:
    hospital = fresh_database("duty")
    with sign_in(hospital) as admin, chromium() as browser:
        put_in_stock(admin, hospital)
        expected = {"channel: dft-charges\n": "channel: dft-charges\nexpect: every 30s\n"}
        engine = HospitalEngine(tmp_path_factory.mktemp("duty"), hospital, changes=expected)
        engine.start()
        settings = Settings.from_environment(engine.environment)
        with (
            closing(open_settings(settings)) as store,
            running_console(
                engine.folder, store=store, settings=settings, ring=ring_of(settings),
                environ=engine.environment,
            ) as console,
        ):  # fmt: skip
            yield Duty(engine, console, browser, admin)
        engine.end()
    drop_database(hospital)


@pytest.fixture
def operator(duty: Duty) -> Iterator[Window]:
    with window(duty.browser, duty.console, Role.OPERATOR) as found:
        yield found
        assert found.complaints == []
        assert found.asked == {duty.console.url.split("/")[2]}


def test_a_patients_messages_are_found_by_the_number(duty: Duty, operator: Window) -> None:
    duty.engine.send("adt-encounters", admission("1-1", PERSON, "V-1"), admission("1-2", OTHER, "V-2"))
    duty.engine.send("dft-charges", charges("2-1", PERSON, "V-1", Used("T1", "850001")))
    duty.engine.all_settled()
    page = operator.goto("/messages")
    page.get_by_text("Find by a number").click()
    form = page.get_by_role("form", name="Find by a number")
    form.get_by_label("Number").fill(PERSON)
    form.get_by_label("What for").fill("complaint of the ward")
    form.get_by_role("button", name="Find").click()
    rows = page.locator("table tbody tr")
    expect(rows).to_have_count(2)
    assert {"ADT^A01", "DFT^P03"} <= set(rows.locator("td:nth-child(4)").all_inner_texts())
    assert PERSON not in page.url
    (told,) = duty.console.audit(act="search")
    assert told.entry.why == "complaint of the ward"
    assert PERSON not in str(told)


def test_a_dead_letter_is_corrected_replayed_and_stands_in_odoo_once(duty: Duty, operator: Window) -> None:
    duty.engine.send("dft-charges", charges("4-1", PERSON, "V-1", Used("T4", "850001", "two")))
    duty.engine.all_settled()
    before = quantities(duty)
    page = operator.goto("/worklist")
    cause = page.locator("tbody tr", has_text="FT1[1]-10")
    expect(cause).to_have_count(1)
    cause.get_by_role("link", name="newest").click()
    page.get_by_role("link", name="Edit", exact=True).click()
    assert page.get_by_label("Place").first.input_value() == "FT1[1]-10"
    page.get_by_label("Says").first.fill("2")
    page.get_by_role("button", name="Show what would come of it").click()
    expect(page.get_by_text("1 charge is made that was not before")).to_be_visible()
    page.get_by_label("Reason, for the audit").fill("the ward says two")
    page.get_by_role("button", name="Edit it").click()
    duty.engine.all_settled()
    assert sorted([*before, 2.0]) == quantities(duty)
    operator.goto("/worklist")
    expect(cause).to_have_count(0)
    (told,) = duty.console.audit(act="edit")
    assert (told.entry.role, told.entry.why) == ("user", "the ward says two")
    with duty.engine.store() as store:
        assert store.gaps() == []


def test_a_dead_letter_that_odoo_refused_is_sent_again_for_its_whole_cause(
    duty: Duty, operator: Window
) -> None:
    product = duty.odoo.call("product.product", "search", [("default_code", "=", "OR-MIN")])
    duty.odoo.call("product.product", "write", product, {"default_code": "OR-GONE"})
    before = quantities(duty)
    used = [charges(f"5-{n}", PERSON, "V-1", Used(f"T5{n}", "360001")) for n in range(2)]
    duty.engine.send("dft-charges", *used)
    duty.engine.all_settled()
    duty.odoo.call("product.product", "write", product, {"default_code": "OR-MIN"})
    page = operator.goto("/worklist")
    cause = page.locator("tbody tr", has_text="unknown-item")
    expect(cause).to_contain_text("2")
    cause.get_by_role("link", name="Redeliver").click()
    page.get_by_label("Reason, for the audit").fill("the item is back")
    page.locator("form[action='/fixes/redeliver'] button").click()
    duty.engine.all_settled()
    assert quantities(duty) == sorted([*before, 1.0, 1.0])
    operator.goto("/worklist")
    expect(cause).to_have_count(0)


def test_a_feed_that_falls_silent_is_one_alert_that_closes(duty: Duty, operator: Window) -> None:
    page = operator.goto("/alerts?channel=dft-charges")
    silent = page.locator("tbody tr", has_text="silent")
    wait_for(lambda: _shown(operator, silent) == 1, "the alert to open")
    duty.engine.send("dft-charges", charges("3-1", PERSON, "V-1", Used("T3", "850001")))
    wait_for(lambda: _shown(operator, silent) == 0, "the alert to close")
    operator.goto("/alerts?channel=dft-charges&state=all")
    expect(silent).to_have_count(1)
    expect(silent).to_contain_text("over")


def quantities(duty: Duty) -> list[float]:
    """Of every line that was charged."""
    return sorted(line.quantity for line in read_books(duty.odoo).lines.values())


def _shown(operator: Window, found: Any) -> int:
    operator.page.reload()
    return int(found.count())
