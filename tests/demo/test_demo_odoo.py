"""The command's choices and exit codes, where no Odoo is needed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from demo.local import Local, serving
from demo.odoo import main, up
from demo.process import Process, free_port
from demo.server import private, remembered
from demo.steps import Absent, Steps

ROOT = Path(__file__).parents[2]


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "demo.odoo", *arguments]
    return subprocess.run(call, capture_output=True, text=True, cwd=ROOT, env={**os.environ, **variables})


def test_without_odoo_it_is_one_line_and_exit_code_3() -> None:
    done = command("up", ODOO="none")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "no Odoo: ODOO=none\n")


def test_a_given_odoo_needs_its_database_and_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODOO", "http://127.0.0.1:1")
    monkeypatch.setenv("ODOO_DB", "hospital")
    with pytest.raises(Absent, match="ODOO_ADMIN and ODOO_ADMIN_PASSWORD not set"):
        up()


def test_a_given_odoo_must_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    for name, value in {"": url, "_DB": "x", "_ADMIN": "x", "_ADMIN_PASSWORD": "x"}.items():
        monkeypatch.setenv(f"ODOO{name}", value)
    with pytest.raises(Absent, match=f"nothing answers at {url}"):
        up()


def test_an_unknown_word_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sideways"]) == 2
    assert "up|down|status|env" in capsys.readouterr().err


def test_nothing_runs_in_an_empty_cache(tmp_path: Path) -> None:
    local = Local(Steps(), tmp_path)
    assert local.running() is None
    assert not local.down()


def test_down_ends_only_what_was_started(tmp_path: Path) -> None:
    recycled = {**Process.of(os.getpid()).record(), "began": "another-boot/1"}
    private(tmp_path / "run.json", json.dumps({"odoo": recycled, "postgres": recycled}))
    assert not Local(Steps(), tmp_path).down()
    assert not (tmp_path / "run.json").exists()


def test_a_server_needs_its_database(tmp_path: Path) -> None:
    alive = Process.of(os.getpid()).record()
    assert not serving({"odoo": alive, "url": "unused"})
    assert not serving({"odoo": alive, "postgres": {**alive, "began": "another-boot/1"}, "url": "unused"})


def test_secrets_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text("{}")
    path.chmod(0o644)
    private(path, '{"a": 1}')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert remembered(path) == {"a": 1}
    assert remembered(tmp_path / "absent.json") == {}
