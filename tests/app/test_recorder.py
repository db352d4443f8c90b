"""What an engine records of itself: what is loaded, and how it differs from the last time, never to what."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import structlog
from conformance.store_contract import RING
from msgspec.structs import replace

from engine.app.recorder import Recorder
from engine.auditing import AuditQuery, Entry
from engine.config.configured import differences, settings_configuration
from engine.config.loading import load_channels
from engine.editions.loading import Loaded
from engine.errors import Unavailable
from engine.keyed import keyed
from engine.settings import Settings
from engine.store.base import Store
from engine.store.sql import open_store
from engine.telemetry import PrivacyIncident

SHIPPED = Path(__file__).parents[2] / "channels"
NAMED = keyed(b"k" * 32, 8)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two of the shipped channels, with all that lies beside them."""
    made = tmp_path / "channels"
    made.mkdir()
    for name in ("dft-charges", "adt-encounters"):
        shutil.copy(SHIPPED / f"{name}.yaml", made)
    shutil.copytree(SHIPPED / "tables", made / "tables")
    return made


def start(store: Store, folder: Path, environ: Mapping[str, str] | None = None) -> dict[str, Entry]:
    """What a start records, by object."""
    before = len(store.entries(AuditQuery(limit=1000)))
    loaded = Loaded(1, tuple(load_channels(folder)))
    Recorder(store, Settings(node="n1"), RING, environ or {}).started(loaded, 1)
    return {one.entry.object: one.entry for one in store.entries(AuditQuery(after=before, limit=1000))}


def test_the_first_start_tells_all_and_the_next_nothing(store: Store, folder: Path) -> None:
    first = start(store, folder)
    names = sorted(channel.spec.channel for channel in load_channels(folder))
    assert set(first) == {"engine", "settings", "policy", *(f"channel:{name}" for name in names)}
    assert first["engine"].detail["channels"] == ", ".join(f"channel:{name}" for name in names)
    for name in names:
        told = first[f"channel:{name}"].detail
        raw = (folder / told["file"]).read_bytes()
        assert told["sha256"] == hashlib.sha256(raw).hexdigest()
        assert told["first"] == "yes"
    assert set(start(store, folder)) == {"engine"}


def test_a_place_a_table_a_channel_that_is_gone(store: Store, folder: Path) -> None:
    start(store, folder)
    first, second = sorted(folder.glob("*.yaml"))
    gone = next(one.spec.channel for one in load_channels(folder) if one.path == second)
    second.unlink()
    text = first.read_text()
    first.write_text(text.replace("description:", "description: SECRET-WORD", 1))
    told = start(store, folder)
    assert told[f"channel:{gone}"].detail == {"gone": "yes"}
    (changed,) = (one for name, one in told.items() if name not in ("engine", f"channel:{gone}"))
    assert changed.detail["changed"] == "description"
    assert "SECRET-WORD" not in str(store.configured())
    shutil.copy(SHIPPED / second.name, second)
    back = start(store, folder)[f"channel:{gone}"]
    assert back.detail["first"] == "yes"


def test_settings_are_told_by_name(store: Store, folder: Path) -> None:
    start(store, folder, {"WARDLINE_STORE": "postgresql://u:canary-password@h/d", "PATH": "/bin"})
    told = start(store, folder, {"WARDLINE_STORE": "postgresql://u:other@h/d", "WARDLINE_DRAIN": "7"})
    assert told["settings"].detail["changed"] == "WARDLINE_STORE"
    assert told["settings"].detail["added"] == "WARDLINE_DRAIN"
    everything = str((store.entries(AuditQuery(limit=1000)), store.configured()))
    assert "canary-password" not in everything
    assert "/bin" not in everything


def test_many_differences_are_counted_and_odd_names_made_printable(store: Store, folder: Path) -> None:
    before = settings_configuration({}, NAMED)
    now = settings_configuration({f"WARDLINE_{number:03}": "x" for number in range(100)}, NAMED)
    assert differences(before, now)["added"].endswith("WARDLINE_039, and 60 more")
    told = start(store, folder, {"WARDLINE_\x1b[2J": "x"})
    assert told["settings"].detail["first"] == "yes"
    again = start(store, folder, {"WARDLINE_\x1b[2J": "y"})
    assert again["settings"].detail["changed"] == "WARDLINE_?[2J"


def test_a_file_that_cannot_be_written_is_told_and_caught_up_with(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "later" / "checkpoints"
    recorder = Recorder(store, Settings(node="n1", audit_checkpoints=file), RING)
    with structlog.testing.capture_logs() as logs:
        recorder.stopped()
        file.parent.mkdir()
        recorder.turn()
    assert [log["event"][:16] for log in logs] == ["audit not signed"]
    assert len(file.read_bytes().splitlines()) == 1


def test_a_file_that_knows_more_is_told_once(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "checkpoints"
    settings = Settings(node="n1", audit_checkpoints=file)
    other = open_store(f"sqlite:///{tmp_path}/other.db", RING)
    for _ in range(3):
        Recorder(other, settings, RING).stopped()
    other.close()
    recorder = Recorder(store, settings, RING)
    with structlog.testing.capture_logs() as logs:
        recorder.stopped()
        recorder.turn()
        recorder.turn()
    told = [log["event"] for log in logs if log["log_level"] == "error"]
    assert len(told) == 1
    assert told[0].startswith("audit contradicted")
    incidents = store.entries(AuditQuery(act="incident"))
    assert [one.entry.detail["found"][:34] for one in incidents] == ["the file of checkpoints knew of en"]


WORDS = PrivacyIncident("charges", "answer", 0, "ERR", "PID-5")


def withheld(store: Store) -> list[tuple[str, str, str]]:
    found = [one.entry for one in store.entries(AuditQuery(act="incident"))]
    return [(one.object, one.detail["row"], one.detail["count"]) for one in found]


def test_answers_without_their_words_are_recorded_by_the_next_turn_and_by_the_end(store: Store) -> None:
    recorder = Recorder(store, Settings(node="n1"), RING)
    for one in (WORDS, WORDS, replace(WORDS, row="PID-3")):
        recorder.withheld(one)
    assert withheld(store) == []  # nobody waits for the store
    recorder.turn()
    assert withheld(store) == [("channel:charges", "PID-5", "2"), ("channel:charges", "PID-3", "1")]
    recorder.turn()
    recorder.withheld(WORDS)
    recorder.stopped()
    assert withheld(store)[2:] == [("channel:charges", "PID-5", "1")]
    assert [one.entry.act for one in store.entries(AuditQuery())][-1] == "stop"


def test_what_cannot_be_recorded_is_recorded_later(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: object) -> list[int]:
        raise Unavailable("away")

    recorder = Recorder(store, Settings(node="n1"), RING)
    recorder.withheld(WORDS)
    with monkeypatch.context() as patched:
        patched.setattr(store, "record", away)
        with pytest.raises(Unavailable):
            recorder.turn()
        recorder.withheld(WORDS)
    recorder.turn()
    assert withheld(store) == [("channel:charges", "PID-5", "2")]
