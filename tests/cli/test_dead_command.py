"""`wardline dead` and `wardline account`: letters with all that was refused of them, and effects counted."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from conformance.fix_contract import NO_ITEM, UNKNOWN, came, fee, route
from typer.testing import CliRunner

from engine.cli import app
from engine.model import Dead, Lane, Refused, Routing, Settlement
from engine.store.keys import KeyRing
from engine.store.sql import open_store

HOUR = 3600.0


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Of two hours ago an effect that was refused and one that is due; of now a message without a code."""
    url, now = f"sqlite:///{tmp_path}/wardline.db", time.time()
    store = open_store(url, KeyRing.load({}, tmp_path / "wardline.key"))
    route(store, came(store, 1, at=now - 2 * HOUR), fee("a"))
    route(store, came(store, 2, at=now - 2 * HOUR), fee("b"))
    for one in store.claim("odoo", Lane.NORMAL, 9, now=now, lease_until=now + 60, holder="h"):
        store.settle([Settlement(one.id, Refused(NO_ITEM))], now=now, holder="h")
    store.route([Routing(came(store, 3, at=now), Dead(UNKNOWN))], [], now)
    store.close()
    return url


def printed(url: str, *arguments: str) -> Any:
    result = CliRunner().invoke(app, [arguments[0], "--store", url, *arguments[1:], "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_each_letter_says_what_was_refused_of_it(url: str) -> None:
    found = {letter["id"]: letter["lines"] for letter in printed(url, "dead")}
    assert [line["effect"] for line in found[1]] == ["charge"]
    assert [line["code"] for line in found[3]] == ["unmapped-code"]
    assert sorted(found) == [1, 3]


def test_letters_of_late(url: str) -> None:
    assert [letter["id"] for letter in printed(url, "dead", "--since", "1h")] == [3]


def test_effects_are_counted_of_one_channel_or_all(url: str) -> None:
    said = [
        {"channel": "charges", "effect": "charge", "state": state, "count": 1} for state in ("dead", "due")
    ]
    assert printed(url, "account")["effects"] == said
    assert printed(url, "account", "--channel", "orders")["effects"] == []
