"""`wardline messages --correlation`: from what logs and traces call a message to its story."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conformance.schedule_contract import taken
from typer.testing import CliRunner

from engine.app.opening import open_settings
from engine.cli import app
from engine.settings import Settings
from engine.store.contracts.views import Query


def test_a_message_is_found_by_its_correlation_and_no_other_store_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path}/wardline.db"
    monkeypatch.setenv("WARDLINE_STORE", url)
    store = open_settings(Settings(store=url))
    try:
        number = taken(store, 1)
        (view,) = store.messages(Query(ids=(number,)))
    finally:
        store.close()

    def run(text: str, *more: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["messages", "--correlation", text, *more])
        return result.exit_code, result.output

    code, said = run(view.correlation.upper())
    assert code == 0
    assert f"message {number} ({view.correlation})" in said
    assert json.loads(run(view.correlation, "--json")[1])["correlation"] == view.correlation
    for other in (f"{view.correlation}0", "w99-abc", "nonsense"):
        code, said = run(other)
        assert code == 2
        assert "there is no message" in said
