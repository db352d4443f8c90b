"""`wardline store`: what people see of its size, and writing it anew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from conformance.store_contract import arrival
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Misconfigured
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/wardline.db"
    if request.param == "postgres":
        url = str(request.getfixturevalue("postgres_url"))
    monkeypatch.setenv("WARDLINE_STORE", url)
    monkeypatch.setenv("WARDLINE_KEY", "one:" + "A" * 43 + "=")
    store = open_store(url, KeyRing({"one": bytes(32)}))
    store.accept([arrival(number) for number in range(20)])
    store.close()
    return url


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == code, (done.output, done.exception)
    return done


def test_status(url: str) -> None:
    told = json.loads(run("store", "status", "--json").stdout)
    assert told["messages"] == 20
    assert told["bytes"] > 100_000
    assert told["oldest_key"] == "1970-01-01/charges"
    assert told["days_left"] is None
    assert told["disk"]["free"] > 0
    assert bool(told["tables"]) == url.startswith("postgresql")
    said = run("store", "status").stdout
    assert "known after some hours" in said
    assert "messages" in said


def test_vacuum(url: str) -> None:
    assert "given back" in run("store", "vacuum", "--yes").stdout


def test_a_file_is_not_written_anew_under_an_engine(url: str) -> None:
    store = open_store(url, KeyRing({"one": bytes(32)}))
    assert store.own()
    try:
        if url.startswith("sqlite"):
            refused = run("store", "vacuum", "--yes", code=1)
            assert isinstance(refused.exception, Misconfigured)
        else:
            run("store", "vacuum")
    finally:
        store.close()
