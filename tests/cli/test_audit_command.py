"""`wardline audit`, and the commands that leave an entry: what they record, and nothing done without."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import pty
import pwd
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from fhir.resources.R4B.auditevent import AuditEvent
from typer.testing import CliRunner

from engine.app.opening import open_settings
from engine.cli import app
from engine.cli.acting import operator
from engine.model import Arrival, Dead, Reason, ReasonCode, Routing
from engine.settings import Settings

RAW = (
    b"MSH|^~\\&|HIS|H|||20261122||DFT^P03|M1|P|2.5\r"
    b"PID|1||4711^^^H^MR||EVERYWOMAN^EVE\rFT1|1|||20261122||CG|X1\r"
)
MANUAL = Path(__file__).parents[2] / "docs" / "manual" / "audit.md"
ACCOUNT = pwd.getpwuid(os.getuid()).pw_name
HOST = socket.gethostname()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A store with one message, dead, and who works with it."""
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_USER", "wanda")
    monkeypatch.delenv("SUDO_USER", raising=False)
    store = open_settings(Settings.from_environment())
    raw = RAW
    store.accept([Arrival("charges", raw, b"1" * 16, b"2" * 16, 100.0, type="DFT^P03")])
    reason = Reason(ReasonCode.UNMAPPED_CODE, "no row has this code", "FT1-7")
    store.route([Routing(1, Dead(reason))], [], 101.0)
    store.close()
    return tmp_path


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner(env={"COLUMNS": "250"}).invoke(app, arguments)
    assert result.exit_code == code, result.output
    return result


def entries(*arguments: str) -> list[dict[str, Any]]:
    found = json.loads(run("audit", "list", "--json", *arguments).stdout)
    return [one["entry"] for one in found]


def test_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert operator({}) == (f"{ACCOUNT}@{HOST}", {})
    assert operator({"SUDO_USER": "otto"}) == (f"otto@{HOST}", {"account": ACCOUNT})
    assert operator({"SUDO_USER": "otto", "WARDLINE_USER": "wanda"})[0] == f"wanda@{HOST}"


def test_a_look_at_a_stored_message_is_recorded(home: Path) -> None:
    run("view", "--message", "1", "--ticket", "CASE-7")
    run("view", "--message", "1", "--paths")
    run("view", "--message", "1", "--show-phi", "--why", "the ward says it is another patient")
    looks = entries("--act", "look")
    assert [look["detail"]["told"] for look in looks] == ["masked", "paths", "identifying"]
    assert {(look["who"], look["role"], look["object"]) for look in looks} == {
        (f"wanda@{HOST}", "operator", "message:1")
    }
    assert looks[0]["ticket"] == "CASE-7"
    assert looks[2]["why"] == "the ward says it is another patient"
    assert looks[0]["detail"]["account"] == ACCOUNT


def test_who_a_message_is_about_is_not_shown_without_a_reason(home: Path) -> None:
    said = run("view", "--message", "1", "--show-phi", code=2)
    assert "--why" in said.output
    assert "EVERYWOMAN" not in said.output
    assert entries() == []


def test_what_is_not_there_is_no_look(home: Path) -> None:
    assert CliRunner().invoke(app, ["view", "--message", "9"]).exit_code != 0
    assert entries() == []


@pytest.mark.parametrize("spoil", ["locked", "read-only", "reason"])
def test_a_look_that_cannot_be_recorded_shows_nothing(
    home: Path, spoil: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    why, holder = "a case", None
    if spoil == "locked":
        monkeypatch.setattr("engine.store.sqlite.BUSY_SECONDS", 0.1)
        holder = sqlite3.connect(home / "wardline.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
    elif spoil == "read-only":
        monkeypatch.setenv("WARDLINE_AUDIT_CHECKPOINTS", str(home / "no folder" / "checkpoints"))
    else:
        why = "two\nlines"
    result = CliRunner().invoke(app, ["view", "--message", "1", "--show-phi", "--why", why])
    if holder is not None:
        holder.close()
    assert result.exit_code != 0
    assert "EVERYWOMAN" not in result.output
    assert "PID-5" not in result.output


def test_redelivery_is_recorded_with_what_was_redelivered(home: Path) -> None:
    run("redeliver", "--all", "--why", "the table was completed")
    run("redeliver", "--channel", "charges", "--why", "once more")
    told = entries("--act", "redeliver")
    assert [(one["object"], one["detail"]["redelivered"], one["detail"]["count"]) for one in told] == [
        ("messages", "1", "1"),
        ("channel:charges", "", "0"),
    ]
    assert told[0]["why"] == "the table was completed"
    assert [one["act"] for one in entries("--message", "1")] == ["redeliver"]


def test_of_many_messages_each_is_found_in_the_audit(home: Path) -> None:
    """One detail has no room for all of them: then there are several entries."""
    store = open_settings(Settings.from_environment())
    names = [number.to_bytes(16, "big") for number in range(2, 1002)]
    store.accept([Arrival("charges", RAW, name, name, 100.0, type="DFT^P03") for name in names])
    reason = Reason(ReasonCode.UNMAPPED_CODE, "no row has this code", "FT1-7")
    store.route([Routing(number, Dead(reason)) for number in range(2, 1002)], [], 101.0)
    store.close()
    run("redeliver", "--all", "--why", "mended")
    told = [one["detail"]["redelivered"].split() for one in entries("--act", "redeliver")]
    assert [int(one) for part in told for one in part] == list(range(1, 1002))
    assert [one["act"] for one in entries("--message", "1001")] == ["redeliver"]
    assert {one["detail"]["count"] for one in entries("--act", "redeliver")} == {
        "500",
        "1",
    }  # of a commit each


def test_an_export_is_whole_after_the_clock_was_set_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as ahead:
        ahead.setattr("engine.cli.acting.time.time", lambda now=time.time: now() + 86_400)
        run("view", "--message", "1")
    lines = [json.loads(line) for line in run("audit", "export").stdout.splitlines()]
    assert [one["act"] for one in lines] == ["look", "configure", "export"]


@pytest.mark.parametrize("why", [(), ("--why", " ")])
def test_a_redelivery_takes_a_reason(home: Path, why: tuple[str, ...]) -> None:
    assert "say the reason" in run("redeliver", "--all", *why, code=2).output
    assert entries("--act", "redeliver") == []
    store = open_settings(Settings.from_environment())
    assert [(row.state.value, row.messages) for row in store.account()] == [("dead", 1)]
    store.close()


def test_at_a_terminal_the_reason_is_asked_for(home: Path) -> None:
    screen, theirs = pty.openpty()
    command = [sys.executable, "-m", "engine.cli", "redeliver", "--all"]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        os.write(screen, b"the table was completed\n")
        said, asked = process.communicate(timeout=60)
    os.close(theirs)
    os.close(screen)
    assert (process.returncode, b"The reason, for the audit" in asked) == (0, True)
    assert b"1 dead letters are on their way again" in said
    assert [one["why"] for one in entries("--act", "redeliver")] == ["the table was completed"]


def test_a_redelivery_that_cannot_be_recorded_does_not_happen(home: Path) -> None:
    result = CliRunner().invoke(app, ["redeliver", "--all", "--why", "x" * 501])
    assert result.exit_code != 0
    store = open_settings(Settings.from_environment())
    assert [(row.state.value, row.messages) for row in store.account()] == [("dead", 1)]
    store.close()


def test_the_list_shows_and_filters(home: Path) -> None:
    run("view", "--message", "1", "--why", "a [bold] case", "--ticket", "T-1")
    run("redeliver", "--all", "--why", "mended")
    shown = run("audit", "list").stdout
    assert f"wanda@{HOST}" in shown
    assert "a [bold] case [T-1]" in shown
    assert len(entries("--limit", "1")) == 1
    assert [one["act"] for one in entries("--who", f"wanda@{HOST}")] == ["look", "redeliver"]
    assert entries("--object", "message:2") == []
    assert len(entries("--since", "1h")) == 3
    assert "an act is one of" in run("audit", "list", "--act", "peek", code=2).output


def test_verify_says_what_it_can_tell_and_what_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("view", "--message", "1")
    alone = run("audit", "verify")
    assert "as far as the store itself can tell" in alone.stdout
    assert "rolled back" in alone.stderr
    monkeypatch.setenv("WARDLINE_AUDIT_CHECKPOINTS", str(home / "checkpoints"))
    run("view", "--message", "1")
    assert run("audit", "verify").stdout == "the audit holds\n"
    with sqlite3.connect(home / "wardline.db") as database:
        database.execute("DELETE FROM audit WHERE id > 1")
    found = json.loads(run("audit", "verify", "--json", code=1).stdout)
    assert "the audit: entries were cut off" in found


def test_a_store_in_which_nothing_was_recorded_proves_nothing(home: Path) -> None:
    """Whoever mistypes its address is told; one that is new has nothing to prove."""
    url = f"sqlite:///{home}/wardlin.db"
    assert "there is no store here" in str(
        CliRunner().invoke(app, ["audit", "verify", "--store", url]).exception
    )
    open_settings(Settings(store=url)).close()
    found = run("audit", "verify", "--store", url, code=1)
    assert found.stdout == "the audit is empty: is this the right store?\n"


def test_a_missing_file_of_checkpoints_is_a_plain_line(home: Path) -> None:
    result = CliRunner().invoke(app, ["audit", "verify", "--checkpoints", str(home / "none")])
    assert "cannot be read" in str(result.exception)


# As others read it


def test_anybody_can_follow_the_chain_of_an_export(home: Path) -> None:
    """As docs/manual/audit.md tells it: with the standard library alone, and no key."""
    run("view", "--message", "1", "--why", 'a "quoted" ü — reason \\ with all')
    run("redeliver", "--all", "--why", "mended")
    file = home / "audit.ndjson"
    run("audit", "export", "--output", str(file), "--why", "yearly review", "--ticket", "R-1")
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert [line["act"] for line in lines] == ["look", "configure", "redeliver", "export"]
    assert lines[-1]["ticket"] == "R-1"
    script = MANUAL.read_text().partition("```python\n")[2].partition("```")[0]
    follow = [sys.executable, "-c", script, str(file)]
    assert subprocess.run(follow, check=False).returncode == 0
    file.write_bytes(file.read_bytes().replace(b"wanda@", b"otto@", 1))
    assert subprocess.run(follow, check=False, capture_output=True).returncode == 1
    assert CliRunner().invoke(app, ["audit", "export", "--output", str(file)]).exit_code != 0


def test_anybody_can_check_a_checkpoint(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDLINE_AUDIT_CHECKPOINTS", str(home / "checkpoints"))
    run("view", "--message", "1")
    key_id, public = run("audit", "key").stdout.split()
    assert json.loads(run("audit", "key", "--json").stdout) == {key_id: public}
    (line,) = (home / "checkpoints").read_bytes().splitlines()
    one = json.loads(line)
    chains = [base64.b64decode(one[name]).hex() for name in ("chain", "versions_chain")]
    said = ["wardline audit checkpoint", one["number"], one["upto"], one["at"], chains[0],
            one["versions_upto"], chains[1], one["key_id"]]  # fmt: skip
    text = json.dumps(said, separators=(",", ":")).encode()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
    key.verify(base64.b64decode(one["signature"]), text)


def test_a_spreadsheet_calculates_nothing(home: Path) -> None:
    for why in ("=1+1", "+1", "-1", "@x", "plain, with comma"):
        run("view", "--message", "1", "--why", why)
    rows = list(csv.DictReader(io.StringIO(run("audit", "export", "--format", "csv").stdout)))
    assert [row["why"] for row in rows if row["act"] == "look"] == [
        "'=1+1", "'+1", "'-1", "'@x", "plain, with comma",
    ]  # fmt: skip


def test_entries_as_audit_events_of_fhir(home: Path) -> None:
    run("view", "--message", "1", "--show-phi", "--why", "a case", "--ticket", "T-1")
    run("redeliver", "--all", "--why", "mended")
    events = [json.loads(line) for line in run("audit", "export", "--format", "fhir").stdout.splitlines()]
    assert [event["type"]["code"] for event in events] == ["110110", "110113", "110100", "110106"]
    for event in events:
        AuditEvent.model_validate(event)
    look = events[0]
    assert look["agent"][0]["who"]["identifier"]["value"] == f"wanda@{HOST}"
    assert [why["text"] for why in look["agent"][0]["purposeOfUse"]] == ["a case", "T-1"]
    assert look["entity"][0]["what"]["identifier"]["value"] == "message:1"


def test_formats_that_are_none_are_named(home: Path) -> None:
    assert "ndjson, csv or fhir" in run("audit", "export", "--format", "pdf", code=2).output
