"""Production: people with keys put editions forward and approve them, never their own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from editions.edition_kit import charges_in, told
from patience import PATIENCE, becomes
from typer.testing import CliRunner

from engine.auditing import AuditQuery, Entry
from engine.cli import app
from engine.editions.deploying import approve, propose
from engine.editions.packing import Packed, pack
from engine.errors import Misconfigured
from engine.people.file import add_person
from engine.people.words import Role
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store


class Hospital:
    """A store in production, a folder of channels, and people: ann writes, bob reviews, eve does both."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.url = folder, f"sqlite:///{folder}/wardline.db"
        self.channels = charges_in(folder / "channels")
        for name, roles in (("ann", [Role.AUTHOR]), ("bob", [Role.REVIEWER]), ("eve", list(Role))):
            key = add_person(folder / "people.yaml", name, f"{name} of the interface team", roles, [])
            self.key(name).touch(0o600)
            self.key(name).write_text(key)

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def run(self, who: str, *arguments: str, mode: str = "production") -> Result:
        env = {
            "COLUMNS": "200", "WARDLINE_USER": "terminal", "WARDLINE_STORE": self.url, "WARDLINE_MODE": mode,
            "WARDLINE_PEOPLE": str(self.folder / "people.yaml"),
            "WARDLINE_PERSON_KEY": str(self.key(who)) if who else "",
        }  # fmt: skip
        return CliRunner(env=env).invoke(app, [*arguments, "--why", "new ward"])

    def deploy(self, who: str, mode: str = "production") -> Result:
        return self.run(who, "deploy", str(self.channels), "--yes", mode=mode)

    def change(self) -> None:
        items = self.channels / "tables/items.csv"
        items.write_text(items.read_text() + "# more\n")

    def store(self) -> Store:
        return open_store(self.url, KeyRing.load({}, self.folder / "wardline.key"))

    def active(self) -> int:
        store = self.store()
        active = store.active()
        store.close()
        return active.edition if active else 0

    def runs(self) -> bool:
        store = self.store()
        running = store.running()
        store.close()
        return bool(running)

    def engine_environment(self) -> dict[str, str]:
        return {
            **os.environ, "WARDLINE_STORE": self.url, "WARDLINE_MODE": "production", "WARDLINE_HTTP": "off",
            "WARDLINE_KEY_FILE": str(self.folder / "wardline.key"),
        }  # fmt: skip

    def audited(self) -> list[Entry]:
        store = self.store()
        found = [one.entry for one in store.entries(AuditQuery(act="deploy"))]
        assert store.verify_audit() == []
        store.close()
        return found


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Slow hashes are made once."""
    return Hospital(tmp_path_factory.mktemp("people")).folder


@pytest.fixture
def hospital(people: Path) -> Hospital:
    made = Hospital.__new__(Hospital)
    made.folder, made.url = people, f"sqlite:///{people}/wardline.db"
    for old in people.glob("wardline.*"):
        old.unlink()
    made.channels = people / "channels"
    return made


def test_what_one_puts_forward_runs_when_another_approves(hospital: Hospital) -> None:
    result = hospital.deploy("ann")
    assert result.exit_code == 0, result.output
    assert "edition 1 waits for another person: wardline approve 1" in result.stdout
    assert hospital.active() == 0
    approved = hospital.run("bob", "approve", "1", "--yes")
    assert approved.exit_code == 0, approved.output
    assert "put forward by ann: new ward" in approved.stdout
    assert hospital.active() == 1
    told = [(one.who, one.role, one.detail["step"]) for one in hospital.audited()]
    assert told == [
        ("ann", "author", "proposed"), ("bob", "reviewer", "approved"), ("bob", "reviewer", "activated"),
    ]  # fmt: skip
    assert all(one.detail["account"].startswith("terminal@") for one in hospital.audited())


def test_nobody_approves_their_own_and_the_attempt_is_in_the_audit(hospital: Hospital) -> None:
    hospital.deploy("eve")
    result = hospital.run("eve", "approve", "1", "--yes")
    assert isinstance(result.exception, Misconfigured)
    assert "never one's own" in str(result.exception)
    assert hospital.active() == 0
    last = hospital.audited()[-1]
    assert (last.outcome, last.object, last.detail["person"]) == ("refused", "edition:1", "eve")


@pytest.mark.parametrize(
    ("who", "command", "said"),
    [
        ("bob", ("deploy", "CHANNELS", "--yes"), "bob is no author"),
        ("ann", ("approve", "1", "--yes"), "ann is no reviewer"),
        ("", ("approve", "1", "--yes"), "people prove themselves"),
        ("", ("rollback", "1"), "people prove themselves"),
    ],
)
def test_each_does_what_their_role_allows(
    hospital: Hospital, who: str, command: tuple[str, ...], said: str
) -> None:
    hospital.deploy("eve")
    if command[0] == "rollback":
        hospital.run("bob", "approve", "1", "--yes")
        hospital.change()
        hospital.deploy("ann")
        hospital.run("bob", "approve", "2", "--yes")
    before = len(hospital.audited())
    given = [str(hospital.channels) if one == "CHANNELS" else one for one in command]
    result = hospital.run(who, *given)
    assert isinstance(result.exception, Misconfigured), result.output
    assert said in str(result.exception)
    assert [one.outcome for one in hospital.audited()[before:]] == ["refused"]


def test_a_key_that_is_nobodys_is_refused_and_not_shown(hospital: Hospital, tmp_path: Path) -> None:
    stranger = tmp_path / "ann.key"
    stranger.touch(0o600)
    stranger.write_text("wrk1_ann_" + "A" * 43)
    result = hospital.run("ann", "deploy", str(hospital.channels), "--yes", "--key", str(stranger))
    assert "this key is nobody's" in str(result.exception)
    assert "A" * 43 not in str(result.exception) + result.output
    assert [one.outcome for one in hospital.audited()] == ["refused"]


def test_whoever_approves_hears_that_another_edition_came_between(hospital: Hospital) -> None:
    hospital.deploy("ann")
    hospital.change()
    hospital.deploy("ann")
    hospital.run("bob", "approve", "2", "--yes")
    late = hospital.run("bob", "approve", "1", "--yes")
    assert "edition 2 became active since: what it brought may go" in late.stdout
    assert "changed  tables/items.csv" in late.stdout


def test_what_was_withdrawn_waits_no_longer(hospital: Hospital) -> None:
    hospital.deploy("ann")
    assert "edition 1 is withdrawn" in hospital.run("ann", "withdraw", "1").stdout
    refused = hospital.run("bob", "approve", "1", "--yes")
    assert "not proposed any more" in str(refused.exception)
    assert "waits for another person" in hospital.deploy("ann").stdout
    assert hospital.run("bob", "approve", "1", "--yes").exit_code == 0


def test_going_back_takes_one_person(hospital: Hospital) -> None:
    hospital.deploy("ann")
    hospital.run("bob", "approve", "1", "--yes")
    hospital.change()
    hospital.deploy("ann")
    hospital.run("bob", "approve", "2", "--yes")
    result = hospital.run("ann", "rollback")
    assert result.exit_code == 0, result.output
    assert "GONE BACK to edition 1" in result.stderr
    assert hospital.active() == 1
    assert (hospital.audited()[-1].who, hospital.audited()[-1].detail["before"]) == ("ann", "2")
    again = hospital.deploy("ann")
    assert "approved before: wardline rollback 2" in again.stdout


def test_what_one_person_deployed_in_development_is_put_forward_again(hospital: Hospital) -> None:
    assert hospital.deploy("", mode="development").exit_code == 0
    assert hospital.active() == 1
    assert "edition 1 waits for another person" in hospital.deploy("ann").stdout
    assert hospital.run("bob", "approve", "1", "--yes").exit_code == 0
    assert hospital.active() == 1


def test_leaving_the_mode_out_approves_nothing(hospital: Hospital) -> None:
    hospital.deploy("ann")
    refused = hospital.run("ann", "approve", "1", "--yes", mode="development")
    assert "a reviewer approves it, by a key" in str(refused.exception)
    assert hospital.audited()[-1].outcome == "refused"
    assert hospital.deploy("ann", mode="development").exit_code == 0
    started = subprocess.run(
        [sys.executable, "-m", "engine.cli", "run"],
        env=hospital.engine_environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert started.returncode == 2
    assert "edition 1: no second person approved it" in started.stderr


def test_nothing_that_one_person_deployed_is_gone_back_to(hospital: Hospital) -> None:
    hospital.deploy("", mode="development")
    hospital.change()
    hospital.deploy("", mode="development")
    refused = hospital.run("bob", "rollback", "1").exception
    assert "no second person approved it" in str(refused)


def test_production_without_people_is_told(hospital: Hospital) -> None:
    env = {"WARDLINE_MODE": "production", "WARDLINE_STORE": hospital.url, "WARDLINE_PEOPLE": ""}
    arguments = ["deploy", str(hospital.channels), "--yes", "--why", "x"]
    result = CliRunner(env=env).invoke(app, arguments)
    assert "WARDLINE_PEOPLE" in str(result.exception)


def test_a_mode_that_is_none_is_told(hospital: Hospital) -> None:
    refused = hospital.deploy("ann", mode="prod").exception
    assert "WARDLINE_MODE: is none of development, production" in str(refused)


def said_by(what: Callable[[], bool], seconds: float = 30.0) -> bool:
    """Whether it becomes so."""
    return becomes(what, seconds, pause=0.1)


def test_a_running_engine_goes_on_with_what_two_persons_stand_behind(hospital: Hospital) -> None:
    channel = hospital.channels / "dft-charges.yaml"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    before = channel.read_text()
    channel.write_text(before.replace("tcp:2576", f"tcp:{port}"))
    hospital.deploy("ann")
    hospital.run("bob", "approve", "1", "--yes")
    engine = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "run", "--ledger", str(hospital.folder / "ledger.jsonl")],
        env=hospital.engine_environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert said_by(hospital.runs)
        hospital.change()
        refused = hospital.run("", "deploy", str(hospital.channels), "--yes", mode="development")
        assert refused.exit_code == 1
        assert "goes on with edition 1: edition 2: no second person approved it" in refused.stdout
        hospital.deploy("ann")
        approved = hospital.run("bob", "approve", "2", "--yes")
        assert approved.exit_code == 0, approved.output
        assert "runs edition 2" in approved.stdout
    finally:
        engine.terminate()
        engine.wait(30 * PATIENCE)
        channel.write_text(before)


def test_an_edition_that_became_active_while_a_reviewer_read_is_to_be_looked_at_first(
    hospital: Hospital, monkeypatch: pytest.MonkeyPatch
) -> None:
    hospital.deploy("ann")
    hospital.change()
    hospital.deploy("ann")

    def meanwhile(*_: object) -> None:
        other = hospital.store()
        assert approve(other, 2, told("eve", role="reviewer")).edition == 2
        other.close()

    monkeypatch.setattr("engine.cli.approving.agreed", meanwhile)
    result = hospital.run("bob", "approve", "1", "--yes")
    assert "another edition became active meanwhile" in str(result.exception)
    assert hospital.active() == 2
    assert hospital.audited()[-1].outcome == "refused"


def test_code_is_read_before_it_runs_on_the_machine_of_who_reviews_it(hospital: Hospital) -> None:
    hospital.deploy("ann")
    hospital.run("bob", "approve", "1", "--yes")
    store = hospital.store()
    code = {"functions/packs_of.py": b"def packs_of(number: str) -> str:\n    return number\n"}
    propose(store, Packed({**pack(hospital.channels).files, **code}), told("ann", role="author"))
    store.close()
    asked = hospital.run("bob", "approve", "2")
    assert "added functions/packs_of.py, code that runs:" in asked.stdout
    assert "+def packs_of(number: str) -> str:" in asked.stdout
    assert "against edition 1" not in asked.stdout
    assert hospital.active() == 1
    agreed = hospital.run("bob", "approve", "2", "--yes")
    assert "against edition 1" in agreed.stdout, agreed.output
    assert hospital.active() == 2


def test_a_channel_by_another_name_is_told_of(hospital: Hospital) -> None:
    hospital.deploy("ann")
    hospital.run("bob", "approve", "1", "--yes")
    file = hospital.channels / "dft-charges.yaml"
    text = file.read_text()
    files = {**pack(hospital.channels).files, file.name: text.replace("dft-charges", "charges").encode()}
    store = hospital.store()
    propose(store, Packed(files), told("ann", role="author"))
    store.close()
    said = hospital.run("bob", "approve", "2", "--yes").stderr
    assert "charges comes where dft-charges was: what dft-charges took is not known to it" in said
