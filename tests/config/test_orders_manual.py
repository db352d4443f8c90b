"""The pages on ward orders and the pharmacy: their messages do what they say, their files and codes exist."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from engine.config.cases.rehearsal import Rehearsal, trial_of
from engine.config.loading import load_channel

ROOT = Path(__file__).parents[2]
PAGES = {"orders": "ward-orders", "pharmacy": "pharmacy-dispense"}
TEXTS = {page: (ROOT / f"docs/manual/{page}.md").read_text() for page in PAGES}


def sample(page: str) -> Rehearsal:
    """The page's own message through its channel."""
    text = re.findall(r"```\n(MSH.*?)```", TEXTS[page], re.DOTALL)[0]
    return trial_of(load_channel(ROOT / f"channels/{PAGES[page]}.yaml")).say(
        text.replace("\n", "\r").encode()
    )


def test_the_order_of_the_page_is_two_boxes_for_the_ward() -> None:
    (effect,) = sample("orders").effects
    assert effect["reserve"] == {
        "key": "ward-orders/order:P-500/1", "destination": "WH/Wards/ICU", "source": "WH/Stock",
        "items": [{"code": "GLV-M", "quantity": "2", "unit": "Box of 100"}],
        "needed_on": "2026-11-25", "priority": "stat",
    }  # fmt: skip


def test_the_dispense_of_the_page_leaves_the_pharmacy() -> None:
    (effect,) = sample("pharmacy").effects
    assert effect["consume"] == {
        "key": "pharmacy-dispense/order:RX-900/1", "location": "WH/Pharmacy", "used_on": "2026-11-21",
        "items": [{"code": "AMOX-500", "quantity": "30", "unit": "Units", "lot": "AMX-2701"}],
        "subject": "person:50001", "encounter": "visit:V-7001",
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_its_files_exist_and_its_steps_are_the_channel_s(page: str) -> None:
    channel = (ROOT / f"channels/{PAGES[page]}.yaml").read_text()
    for file in set(re.findall(r"`((?:tables/)?[a-z-]+\.csv)`", TEXTS[page])):
        assert (ROOT / "channels" / file).exists() or (ROOT / "channels/tables" / file).exists(), file
    for step in re.findall(r"filtered(?::| \()[^`|]*`([a-z-]+)`", TEXTS[page]):
        assert f"name: {step}\n" in channel or f"name: {step} " in channel, step


def test_what_the_page_says_of_order_control_is_what_the_table_says() -> None:
    lines = (ROOT / "channels/tables/order-control.csv").read_text().splitlines()
    table = {
        row["control"]: row for row in csv.DictReader(line for line in lines if not line.startswith("#"))
    }
    says = {"reserved": "order", "the same line": "order", "given back": "cancel", "billed": "charge"}
    rows = re.findall(r"^\| ((?:[A-Z]{2}(?:, )?)+) \| ([^|]+) \|$", TEXTS["orders"], re.MULTILINE)
    assert len(rows) >= 9
    for codes, text in rows:
        for code in codes.split(", "):
            wanted = next((does for start, does in says.items() if start in text[:22]), None)
            assert wanted is None or table[code]["does"] == wanted, code
    for code in ("CA", "OC", "CR"):
        assert table[code]["dispense"] == "back"
