"""engine.listeners.folder on a real disk: kill -9 before every single step, and what must not leave it."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from functools import partial
from pathlib import Path

import pytest
from file_bench import KEY, in_child, listener, store_in, turns
from typer.testing import CliRunner

from engine.cli import app
from engine.listeners import file_run
from engine.listeners.filing import State, read_state
from engine.listeners.inbox import LONGEST_NAME, Inbox
from engine.store.contracts.views import Query

MESSAGE = b"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|%b|P|2.5\rPID|1||77\r"
BATCH = b"BHS|^~\\&|LAB|HOSP|||2026||||B1\r" + MESSAGE % b"C1" + MESSAGE % b"C2" + b"BTS|2\r"
REFUSED = b"MSH|^~\\&|LAB|HOSP|||2026||DFT^P03|T1|T|2.5\r"


def dropped(path: Path) -> None:
    (path / "good.hl7").write_bytes(BATCH)
    (path / "bad.hl7").write_bytes(REFUSED)


def counted(folder: Path) -> Counter[str]:
    with store_in(folder) as store:
        assert store.gaps() == []
        return Counter(view.state.value for view in store.messages(Query()))


def lying(path: Path) -> dict[str, list[str]]:
    places = ("work", "done", "failed", "answers")
    return {place: sorted(name for name in os.listdir(path / place) if name != ".lock") for place in places}


@pytest.mark.slow
def test_killed_before_every_step_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Each time with a folder and a store of its own; then it is started again, once killed in the same
    step of the recovery too."""
    step = 0
    while True:
        folder = tmp_path / str(step)
        path = folder / "inbox"
        path.mkdir(parents=True)
        dropped(path)
        work = partial(turns, folder, path)
        through = in_child(work, step)
        in_child(work, step)
        assert in_child(work)
        states = counted(folder)
        duplicates = states.pop("duplicate", 0)
        quarantined = states.pop("quarantined")
        assert states == {"received": 2, "filtered": 1}
        assert duplicates <= 6  # a group is handed over again, and known
        assert quarantined <= 3  # what was refused is no original: refused again
        assert lying(path) == {
            "work": [], "done": ["good.hl7"], "failed": ["bad.hl7", "bad.hl7.report"],
            "answers": ["bad.hl7.ack", "good.hl7.ack"],
        }  # fmt: skip
        said = (path / "answers/good.hl7.ack").read_bytes()
        assert said.count(b"MSA|AA|C1\r") == said.count(b"MSA|AA|C2\r") == 1
        assert said.endswith(b"BTS|2\r")
        if through:
            break
        step += 1
    assert step > 40


def test_killed_in_a_file_of_many_groups_it_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_run, "GROUP", 4)
    path = tmp_path / "inbox"
    path.mkdir()
    parts = [MESSAGE % b"C%d" % number for number in range(30)]
    whole = b"FHS|^~\\&|LAB|HOSP|||2026||||F1\r"
    for first in (0, 10, 20):
        whole += b"BHS|^~\\&|LAB|HOSP|||2026||||B%d\r" % first
        whole += b"".join(parts[first : first + 10]) + b"BTS|10\r"
    (path / "many.hl7").write_bytes(whole + b"FTS|3\r")
    work = partial(turns, tmp_path, path)
    lives = 0
    while not in_child(work, 25):
        lives += 1
        assert lives < 50
    states = counted(tmp_path)
    assert lives > 3
    assert (states["received"], states["filtered"]) == (30, 1)
    assert states["duplicate"] <= 4 * lives
    said = (path / "answers/many.hl7.ack").read_bytes()
    told = [line.split(b"|")[2] for line in said.split(b"\r") if line.startswith(b"MSA")]
    assert told == [b"C%d" % number for number in range(30)]
    assert said.count(b"BTS|10\r") == 3
    assert said.endswith(b"FTS|3\r")
    assert said.startswith(b"FHS|")


def test_a_taken_file_that_is_no_file_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    _made(path)
    (path / "work/link.hl7").symlink_to("/etc/hostname")
    (path / "work/folder.hl7").mkdir()
    os.mkfifo(path / "work/pipe.hl7")
    turns(tmp_path, path)
    assert lying(path)["work"] == []
    said = json.loads((path / "failed/link.hl7.report").read_bytes())
    assert [one["text"] for one in said["remarks"]] == ["this is no plain file"]
    assert counted(tmp_path) == {"quarantined": 3}
    assert lying(path)["answers"] == []


def test_a_file_that_may_not_be_read_is_left_alone_and_holds_back_no_other(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    path.chmod(0o755)
    dropped(path)
    (path / "good.hl7").chmod(0o644)
    (path / "bad.hl7").chmod(0)
    inbox, user = Inbox(str(path)), os.geteuid()
    try:
        if user == 0:  # who may read everything
            os.seteuid(65534)
        found, odd = inbox.arrived("*.hl7")
    finally:
        os.seteuid(user)
        inbox.close()
    assert ([one.name for one in found], odd) == (["good.hl7"], 1)


def _made(path: Path) -> None:
    path.mkdir()
    Inbox(str(path)).close()


def test_a_place_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "inbox", tmp_path / "elsewhere"
    path.mkdir()
    elsewhere.mkdir()
    (path / "done").symlink_to(elsewhere)
    (path / "a.hl7").write_bytes(BATCH)
    with store_in(tmp_path) as store:
        door = listener(store, path)
        assert door.turn() > 0
        assert not door.is_open
    assert list(elsewhere.iterdir()) == []
    assert (path / "a.hl7").exists()


@pytest.mark.parametrize(
    ("rights", "folder", "file"), [(0o700, 0o700, 0o600), (0o770, 0o770, 0o640), (0o2775, 0o2775, 0o644)]
)
def test_answers_are_for_whom_the_folder_is_for_and_the_rest_for_the_engine(
    tmp_path: Path, rights: int, folder: int, file: int
) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    path.chmod(rights)
    (path / "a.hl7").write_bytes(BATCH)
    turns(tmp_path, path)
    assert stat.S_IMODE((path / "answers").stat().st_mode) == folder
    assert stat.S_IMODE((path / "answers/a.hl7.ack").stat().st_mode) == file
    others = {(path / place).stat().st_mode & 0o777 for place in ("work", "done", "failed")}
    assert others == {0o700}


def test_hard_links_long_names_and_hidden_files_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    (tmp_path / "secret").write_bytes(BATCH)
    os.link(tmp_path / "secret", path / "linked.hl7")
    (path / ("n" * LONGEST_NAME + ".hl7")).write_bytes(BATCH)
    (path / ".hidden.hl7").write_bytes(BATCH)
    turns(tmp_path, path)
    assert counted(tmp_path) == {}
    assert len(list(path.glob("*.hl7"))) >= 2


def test_a_second_engine_waits(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    (path / "a.hl7").write_bytes(BATCH)
    first = Inbox(str(path))
    with store_in(tmp_path) as store:
        door = listener(store, path)
        assert door.turn() > 0
        assert not door.is_open
        first.close()
        assert door.turn() == 0
        assert door.is_open
    assert lying(path)["done"] == ["a.hl7"]


def test_names_that_are_no_text_and_names_that_come_again(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    name = os.fsdecode(b"\xff\xfe.hl7")
    for _ in range(3):
        (path / name).write_bytes(BATCH)
        turns(tmp_path, path)
    assert lying(path)["done"] == sorted([name, f"{name}.1", f"{name}.2"])
    assert lying(path)["answers"] == sorted([f"{name}.ack", f"{name}.ack.1", f"{name}.ack.2"])
    assert counted(tmp_path) == {"received": 2, "filtered": 1, "duplicate": 6}


def test_a_report_is_never_written_over_by_that_of_another_file(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    _made(path)
    (path / "failed/bad.hl7.report").write_bytes(b"of one that a person took away")
    (path / "failed/bad.hl7.1").write_bytes(b"")
    (path / "bad.hl7").write_bytes(REFUSED)
    turns(tmp_path, path)
    assert lying(path)["failed"] == ["bad.hl7.1", "bad.hl7.2", "bad.hl7.2.report", "bad.hl7.report"]
    assert (path / "failed/bad.hl7.report").read_bytes() == b"of one that a person took away"


def test_what_was_kept_long_enough_goes(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    dropped(path)
    turns(tmp_path, path, keep=0.0)
    assert lying(path)["done"] == []
    assert lying(path)["failed"] == ["bad.hl7", "bad.hl7.report"]


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "inbox"
    path.mkdir()
    (path / "a.hl7").write_bytes(BATCH * 10)
    turns(tmp_path, path, max_file=500)
    said = json.loads((path / "failed/a.hl7.report").read_bytes())
    assert [(one["message"], one["reason"]) for one in said["remarks"]] == [(0, "oversize")]
    assert counted(tmp_path) == {"quarantined": 1}


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"parts": "x"}', b"\xff"])
def test_a_note_that_is_none_of_ours_begins_the_file_again(note: bytes) -> None:
    assert read_state(note) == State()


CHANNEL = """\
channel: charges
description: Files.
owner: {{business: a@hospital.example, technical: b@hospital.example}}
source:
  folder: {{path: {path}, message_types: [ADT^A40]}}
sequence_by: PID-3
effects:
  - for_each: MRG
    merge: {{kind: person, gone: MRG-1, into: PID-3}}
destinations:
  - ledger: {{path: out.ndjson}}
"""


def test_status_shows_what_lies_in_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, channels = tmp_path / "inbox", tmp_path / "channels"
    channels.mkdir()
    (channels / "charges.yaml").write_text(CHANNEL.format(path=path))
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "400")
    run = CliRunner()
    with store_in(tmp_path):
        away = run.invoke(app, ["status", str(channels), "--json"])
    assert json.loads(away.stdout)["charges"] == {"folder": "ENOENT"}
    path.mkdir()
    dropped(path)
    turns(tmp_path, path)
    (path / "next.hl7").write_bytes(BATCH)
    (path / "other.txt").write_bytes(BATCH)
    shown = json.loads(run.invoke(app, ["status", str(channels), "--json"]).stdout)["charges"]
    oldest = shown.pop("oldest file")
    assert 0 <= oldest < 600
    lying = {what: shown[what] for what in ("files", "in work", "failed files", "received", "filtered")}
    assert lying == {"files": 1, "in work": 0, "failed files": 1, "received": 2, "filtered": 1}
    assert "failed files" in run.invoke(app, ["status", str(channels)]).stdout
