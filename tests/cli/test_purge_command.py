"""`wardline purge`: what goes, what would go, whose `retention:` counts."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest
from click.testing import Result
from conformance.purge_contract import DAY, NAMES, filtered, is_kept
from typer.testing import CliRunner

from engine.app.opening import ring_of
from engine.app.recorder import Recorder
from engine.auditing import Act, AuditQuery, Entry
from engine.cli import app
from engine.config.loading import load_channels
from engine.editions.loading import Loaded
from engine.errors import Misconfigured
from engine.model import Arrival
from engine.settings import Settings
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store

CHANNELS = Path(__file__).parents[2] / "channels"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A message ten days old and one forty days old, both filtered."""
    url = f"sqlite:///{tmp_path}/wardline.db"
    store = opened(url)
    now = time.time()
    store.accept([_old("adt-encounters", 1, now - 10 * DAY), _old("adt-encounters", 2, now - 40 * DAY)])
    filtered(store, 1, 2)
    store.close()
    return url


def _old(channel: str, number: int, at: float) -> Arrival:
    raw = f"MSH|{number}".encode()
    return Arrival(channel, raw, NAMES.of(channel, b"", b"", raw), NAMES.digest(raw), at, answered="accepted")


def opened(url: str) -> Store:
    return open_store(url, KeyRing.load({}, Path(url.removeprefix("sqlite:///")).with_suffix(".key")))


def run(url: str, *arguments: str) -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "WARDLINE_USER": "officer"})
    return runner.invoke(app, ["purge", "--store", url, *arguments])


def kept(url: str) -> list[bool]:
    store = opened(url)
    found = [is_kept(store, number) for number in (1, 2)]
    store.close()
    return found


def test_a_dry_run_shows_the_keys_and_leaves_everything(url: str) -> None:
    result = run(url, "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["contents"], [key.split("/")[1] for key in told["keys"]]) == (1, ["adt-encounters"])
    assert kept(url) == [True, True]
    assert "would go" in run(url, "--dry-run").stdout


def test_what_is_past_its_time_goes_and_the_audit_says_who(url: str) -> None:
    result = run(url, "--why", "yearly clean-up", "--ticket", "T-1")
    assert result.exit_code == 0, result.output
    assert kept(url) == [True, False]
    assert "nothing is past" in run(url).stdout
    store = opened(url)
    asked, done = (one.entry for one in store.entries(AuditQuery(act=Act.PURGE)))
    assert (asked.outcome, done.outcome, done.why, done.ticket) == ("asked", "done", "yearly clean-up", "T-1")
    assert done.who.startswith("officer@")
    store.close()


def test_a_channels_own_days_count(url: str, tmp_path: Path) -> None:
    shutil.copytree(CHANNELS, tmp_path / "channels")
    file = tmp_path / "channels/adt-encounters.yaml"
    text = file.read_text()
    file.write_text(text.replace("\nsequence_by:", "\nretention:\n  content: 3\nsequence_by:", 1))
    assert run(url, str(tmp_path / "channels")).exit_code == 0
    assert kept(url) == [False, False]


def started(url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """As an engine leaves the store that was started with these."""
    monkeypatch.setenv("WARDLINE_STORE", url)
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    store, known = opened(url), Settings.from_environment()
    Recorder(store, known, ring_of(known)).started(Loaded(1, tuple(load_channels(folder))), 1)
    store.close()
    for name in settings:
        monkeypatch.delenv(name)


def test_it_does_not_run_without_the_file_of_a_channel_that_keeps_otherwise(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(CHANNELS, tmp_path / "channels")
    file = tmp_path / "channels/adt-encounters.yaml"
    text = file.read_text()
    file.write_text(text.replace("\nsequence_by:", "\nretention:\n  content: 365\nsequence_by:", 1))
    started(url, tmp_path / "channels", monkeypatch)
    refused = run(url)
    assert isinstance(refused.exception, Misconfigured)
    assert "adt-encounters says itself" in str(refused.exception)
    assert run(url, str(tmp_path / "channels")).exit_code == 0
    assert kept(url) == [True, True]


def test_it_does_not_run_with_other_days_than_the_engine(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(url, CHANNELS, monkeypatch, WARDLINE_KEEP_CONTENT="365")
    refused = run(url)
    assert isinstance(refused.exception, Misconfigured)
    assert "WARDLINE_KEEP_CONTENT" in str(refused.exception)
    monkeypatch.setenv("WARDLINE_KEEP_CONTENT", "365")
    assert run(url).exit_code == 0
    assert kept(url) == [True, True]


def test_entries_of_the_audit_past_their_years_go_too(url: str) -> None:
    store = opened(url)
    store.record([Entry(at=1.0, who="me", role="operator", act=Act.SEARCH, object="past")])
    store.checkpoint(2.0)
    store.close()
    assert "entries of the audit are past their years" in run(url, "--dry-run").stderr
    assert "entries of the audit gone: 2" in run(url).stderr
    store = opened(url)
    assert [one.entry.object for one in store.entries(AuditQuery(act=Act.SEARCH))] == []
    assert store.verify_audit() == []
    store.close()
    assert "entries of the audit" not in run(url).stderr
