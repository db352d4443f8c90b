"""`wardline account`: the books, and the chain over versions of resources."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import Result
from conformance.resource_contract import one, write
from typer.testing import CliRunner

from engine.cli import app
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture
def url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/wardline.db"
    assert "there is no store here" in str(run(url).exception)
    assert list(tmp_path.iterdir()) == []  # looking makes none, and no key
    store = open_store(url, KeyRing.load({}, tmp_path / "wardline.key"))
    for version in (1, 2, 3):
        one(store, write("a", version))
    store.close()
    return url


def run(url: str, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(app, ["account", "--store", url, *arguments])


def test_a_key_that_is_gone_is_told_and_no_other_made(url: str, tmp_path: Path) -> None:
    key = tmp_path / "wardline.key"
    key.rename(tmp_path / "copy")
    assert "the store is there and its key is not" in str(run(url).exception)
    assert not key.exists()


def test_versions_that_are_as_they_were_written(url: str) -> None:
    result = run(url, "--versions")
    assert result.exit_code == 0
    assert "the books balance" in result.stdout


def test_a_version_that_was_changed_is_told_when_asked_for(url: str) -> None:
    with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
        file.execute("UPDATE versions SET client = 'somebody' WHERE version = 2")
    file.close()
    assert run(url).exit_code == 0
    result = run(url, "--versions", "--json")
    assert result.exit_code == 1
    assert [gap.split(":")[0] for gap in json.loads(result.stdout)["gaps"]] == [
        "R4 SupplyRequest/a, version 2"
    ]
