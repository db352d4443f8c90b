"""`wardline backup` and `wardline restore`: one after the other, as somebody on duty does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from conformance.store_contract import arrival
from typer.testing import CliRunner

from engine.auditing import Act, AuditQuery
from engine.cli import app
from engine.errors import Misconfigured
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path}/live/wardline.db"
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


def test_a_store_that_is_lost_comes_back(url: str, tmp_path: Path) -> None:
    place, kept = str(tmp_path / "backups"), tmp_path / "elsewhere" / "cabinet"
    kept.parent.mkdir()
    made = json.loads(run("backup", "make", place, "--cabinet", str(kept), "--json").stdout)
    assert made["manifest"]["mark"]["message"] == 20
    assert "up to message 20" in run("backup", "verify", place).stdout
    assert "20 messages, the newest 20, 20 contents opened" in run("backup", "drill", place).stdout
    assert "20" in run("backup", "list", place).stdout
    live = tmp_path / "live"
    with open_store(url, KeyRing({"one": bytes(32)}))._database.read():  # type: ignore[attr-defined]
        pass
    refused = run("restore", place, code=1)
    assert isinstance(refused.exception, Misconfigured)
    for one in live.iterdir():
        one.unlink()
    assert "up to message 20" in run("restore", place, "--cabinet", str(kept), "--why", "disk lost").stdout
    store = open_store(url, KeyRing({"one": bytes(32)}))
    assert store.content(20) == arrival(19).raw
    assert store.gaps() == store.verify_audit() == []
    (told,) = [one.entry for one in store.entries(AuditQuery(act=Act.BACKUP))]
    assert (told.why, told.detail["message"]) == ("disk lost", "20")
    store.close()


def test_a_backup_is_told_in_the_audit_and_by_a_gauge_and_the_oldest_goes(url: str, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    first = json.loads(run("backup", "make", str(place), "--json").stdout)["folder"]
    (place / Path(first).name).rename(place / "20000101T000000Z")
    said = run("backup", "make", str(place), "--keep", "1").stdout
    store = open_store(url, KeyRing({"one": bytes(32)}))
    assert [one.entry.object for one in store.entries(AuditQuery(act=Act.BACKUP))] == ["store"] * 2
    assert store.last_values(["wardline_backup_at"])["wardline_backup_at"].value > 1.7e9
    store.close()
    assert "removed" in said
    assert len(list(place.iterdir())) == 1


def test_a_damaged_backup_is_exit_code_1(url: str, tmp_path: Path) -> None:
    made = json.loads(run("backup", "make", str(tmp_path / "backups"), "--json").stdout)
    (Path(made["folder"]) / "store.db").write_bytes(b"x")
    assert "bytes where" in run("backup", "verify", made["folder"], code=1).stdout


def test_a_cabinet_in_place_is_not_replaced_by_an_older_one(url: str, tmp_path: Path) -> None:
    place, kept = str(tmp_path / "backups"), tmp_path / "cabinet"
    run("backup", "make", place, "--cabinet", str(kept))
    (tmp_path / "live/wardline.db").unlink()
    refused = run("restore", place, "--cabinet", str(kept), code=1)
    assert isinstance(refused.exception, Misconfigured)
    assert "newer than any copy" in str(refused.exception)
