"""`wardline alerts` over a real store."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alerting.receivers import hooks
from typer.testing import CliRunner

from engine.cli import app
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store
from engine.telemetry import series
from engine.watching import Found, Kind, Opening

KEY = base64.b64encode(b"\x07" * 32).decode()
RING = KeyRing({"first": b"\x07" * 32})


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path}/wardline.db"
    monkeypatch.setenv("WARDLINE_STORE", url)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("WARDLINE_KEY", f"first:{KEY}")
    store = open_store(url, RING)
    yield store
    store.close()


def raised(store: Store, kind: Kind = Kind.SILENT) -> int:
    found = Found(
        kind=kind, subject="channel:charges", value=1000.0, limit=900.0, channel="charges", to=("chat",),
        said={"expected": "every 15m"},
    )  # fmt: skip
    (alert,) = store.change_alerts([Opening(found)], [], [], now=time.time())
    return alert.id


def said(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["alerts", *words])
    assert result.exit_code == code, result.output
    return result.output


def test_alerts_are_listed_and_told(store: Store) -> None:
    number = raised(store)
    assert "charges: nothing heard" in said("list")
    (one,) = json.loads(said("list", "--json"))["alerts"]
    assert (one["id"], one["state"], one["critical"]) == (number, "open", True)
    told = said("show", str(number))
    assert "what to do: runbooks/alert-silent" in told
    assert "chat" in told


def test_one_is_taken_on_and_made_quiet(store: Store) -> None:
    number = raised(store)
    assert f"looks after alert {number}" in said("take", str(number), "--why", "on my way")
    assert "quiet until" in said("quiet", str(number), "--for", "4h", "--why", "maintenance")
    assert "no longer quiet" in said("quiet", str(number), "--for", "0", "--why", "done early")
    assert "is no span of time" in said("quiet", str(number), "--for", "soon", "--why", "x", code=2)


def test_check_speaks_the_language_of_watches(store: Store) -> None:
    assert said("check", code=2) == "CRITICAL - no engine works on the store | open=0 critical=0\n"
    store.measure({}, {series("wardline_process", process="n/0", version="1"): 1.0}, at=time.time())
    assert said("check") == "OK - nothing is open | open=0 critical=0\n"
    raised(store, Kind.QUEUE_AGE)
    assert said("check", code=1) == "WARNING - queue-age channel:charges | open=1 critical=0\n"
    raised(store)
    assert said("check", code=2).startswith("CRITICAL - queue-age channel:charges, silent channel:charges |")


def test_check_of_what_cannot_be_opened_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDLINE_STORE", "postgresql://nobody@127.0.0.1:9/nothing")
    monkeypatch.setenv("WARDLINE_KEY", f"first:{KEY}")
    assert said("check", code=3).startswith("UNKNOWN - ")


def test_a_route_is_tried(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDLINE_NOTIFY", "chat")
    with hooks() as server:
        monkeypatch.setenv("WARDLINE_NOTIFY_CHAT_URL", server.url)
        assert "chat took a test" in said("test", "chat")
        assert "the node" in said("routes")
        server.status = 500
        assert "it answered 500" in said("test", "chat", code=1)
