"""`wardline deploy | rollback | editions` in development: what is checked, shown, kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from editions.edition_kit import charge, charges_in
from typer.testing import CliRunner

from engine.auditing import Act, AuditQuery, Entry
from engine.cli import app
from engine.errors import Misconfigured
from engine.model import Arrival
from engine.store.base import Store
from engine.store.contracts.editions import Running
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return charges_in(tmp_path / "channels")


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/wardline.db"


def opened(url: str) -> Store:
    return open_store(url, KeyRing.load({}, Path(url.removeprefix("sqlite:///")).with_suffix(".key")))


def run(url: str, *arguments: str) -> Result:
    env = {"COLUMNS": "200", "WARDLINE_USER": "ann", "WARDLINE_STORE": url}
    return CliRunner(env=env).invoke(app, list(arguments))


def deploy(url: str, folder: Path, *more: str) -> Result:
    return run(url, "deploy", str(folder), "--why", "new ward", "--yes", *more)


def changed(folder: Path, line: str = "# more\n") -> None:
    items = folder / "tables/items.csv"
    items.write_text(items.read_text() + line)


def test_green_channels_become_the_active_edition(url: str, folder: Path) -> None:
    result = deploy(url, folder, "--ticket", "CHG-7")
    assert result.exit_code == 0, result.output
    assert "1 channel" in result.stdout
    assert "all green" in result.stdout
    assert "edition 1 is the active one" in result.stdout
    assert "no engine has taken it up yet" in result.stderr
    again = deploy(url, folder)
    assert (again.exit_code, "this is edition 1" in again.stdout) == (0, True)
    store = opened(url)
    assert [one.entry.detail["step"] for one in store.entries(AuditQuery(object="edition:1"))] == [
        "proposed", "approved", "activated",
    ]  # fmt: skip
    assert {one.entry.ticket for one in store.entries(AuditQuery(object="edition:1"))} == {"CHG-7"}
    assert store.verify_audit() == []
    store.close()


def test_an_error_is_told_where_it_stands_and_nothing_is_deployed(url: str, folder: Path) -> None:
    file = folder / "dft-charges.yaml"
    file.write_text(file.read_text().replace("sequence_by:", "sequenced_by:"))
    result = deploy(url, folder)
    assert result.exit_code == 1
    assert f"{file}:" in result.stdout
    assert "not deployed: 1 error" in result.stderr
    assert json.loads(run(url, "editions", "--json").stdout)["editions"] == []


def test_a_failed_case_is_told_where_it_stands_and_nothing_is_deployed(url: str, folder: Path) -> None:
    file = folder / "dft-charges.test.yaml"
    file.write_text(file.read_text().replace("acknowledgement: AA", "acknowledgement: AR", 1))
    result = deploy(url, folder)
    assert result.exit_code == 1
    assert f"{file}:" in result.stdout
    assert "1 failed case" in result.stderr


def test_what_changes_is_shown_before_anybody_agrees(url: str, folder: Path) -> None:
    deploy(url, folder)
    file = folder / "dft-charges.yaml"
    file.write_text(file.read_text().replace("business: patient-accounts@", "business: accounts@"))
    changed(folder)
    result = run(url, "deploy", str(folder), "--why", "x")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert "against edition 1: 2 files changed" in result.stdout
    assert "dft-charges.yaml: owner.business" in result.stdout
    assert len(json.loads(run(url, "editions", "--json").stdout)["editions"]) == 1


def test_a_reason_is_needed(url: str, folder: Path) -> None:
    result = run(url, "deploy", str(folder), "--yes")
    assert (result.exit_code, "--why" in result.stderr) == (2, True)


def test_going_back_is_one_command(url: str, folder: Path) -> None:
    deploy(url, folder)
    changed(folder)
    deploy(url, folder)
    result = run(url, "rollback", "--why", "wrong item")
    assert result.exit_code == 0, result.output
    assert "edition 1 is the active one again" in result.stdout
    listed = json.loads(run(url, "editions", "--json").stdout)["editions"]
    assert [(one["number"], one["state"]) for one in listed] == [(2, "replaced"), (1, "active")]
    assert isinstance(run(url, "rollback", "--why", "further").exception, Misconfigured)
    assert run(url, "rollback", "2", "--why", "after all").exit_code == 0


def test_nothing_that_never_ran_is_gone_back_to(url: str, folder: Path) -> None:
    deploy(url, folder)
    refused = run(url, "rollback", "9", "--why", "x").exception
    assert isinstance(refused, Misconfigured)
    assert "it was never active" in str(refused)


def test_what_the_engine_did_with_it_is_told(url: str, folder: Path) -> None:
    store = opened(url)
    store.say_running(Running("n1/0", 1, 1, 5.0))
    store.say_running(Running("n1/1", 1, 0, 5.0, "port 2575 is taken"))
    store.close()
    result = deploy(url, folder, "--wait", "0")
    assert result.exit_code == 1
    assert "n1/0 runs edition 1" in result.stdout
    assert "n1/1 goes on with edition 0: port 2575 is taken" in result.stdout
    changed(folder)
    late = deploy(url, folder, "--wait", "0")
    assert (late.exit_code, "no engine has taken it up yet" in late.stderr) == (0, True)


def test_an_edition_is_shown_with_its_files_and_differences(url: str, folder: Path) -> None:
    deploy(url, folder)
    changed(folder, "# seen by bob\n")
    deploy(url, folder)
    shown = run(url, "editions", "show", "2").stdout
    assert "put forward by ann@" in shown
    assert "tables/items.csv" in shown
    assert json.loads(run(url, "editions", "show", "1", "--json").stdout)["state"] == "replaced"
    different = run(url, "editions", "diff", "1", "2")
    assert "changed tables/items.csv" in different.stdout
    assert "+# seen by bob" in different.stdout
    assert "+# seen" not in run(url, "editions", "diff", "1", "2", "--no-lines").stdout
    (change,) = json.loads(run(url, "editions", "diff", "1", "2", "--json").stdout)
    assert (change["file"], change["what"]) == ("tables/items.csv", "changed")
    assert "replaced" in run(url, "editions").stdout


def with_messages(url: str, count: int = 6) -> None:
    store = opened(url)
    store.accept(
        [
            Arrival(
                "dft-charges", charge(number), b"%d" % number, b"%d" % number, 1_795_000_000.0, "accepted"
            )
            for number in range(count)
        ]
    )
    store.close()


def moved_ward(folder: Path) -> None:
    places = folder / "tables/locations.csv"
    places.write_text(places.read_text().replace("ICU,WH/Wards/ICU,", "ICU,WH/Wards/IMC,"))
    cases = folder / "dft-charges.test.yaml"
    cases.write_text(cases.read_text().replace("WH/Wards/ICU", "WH/Wards/IMC"))


def test_the_impact_is_shown_before_anything_is_deployed_and_stands_in_the_audit(
    url: str, folder: Path
) -> None:
    deploy(url, folder)
    with_messages(url)
    moved_ward(folder)
    result = deploy(url, folder, "--ticket", "CHG-8")
    assert result.exit_code == 0, result.output
    assert "dft-charges (changed): 6 of 6 messages compared" in result.stdout
    assert "6 uses change location  [messages 2 3 4 5 6]" in result.stdout
    assert "WH/Wards/ICU → WH/Wards/IMC (6)" in result.stdout
    store = opened(url)
    (look,) = [one.entry for one in store.entries(AuditQuery(act="look"))]
    assert (look.object, look.ticket, look.detail["shown"]) == ("impact", "CHG-8", "1 2 3 4 5 6")
    assert look.detail["against"] == "edition:1"
    after = store.entries(AuditQuery(after=store.entries(AuditQuery(act="look"))[0].id))
    steps = [one.entry.detail.get("step", one.entry.act) for one in after]
    assert steps == ["proposed", "approved", "activated"]
    store.close()


def test_the_impact_alone_deploys_nothing(url: str, folder: Path, tmp_path: Path) -> None:
    refused = run(url, "impact", str(folder)).exception
    assert "there is no store here" in str(refused)
    deploy(url, folder)
    with_messages(url)
    same = run(url, "impact", str(folder))
    assert same.stdout.strip() == "as they were: dft-charges"
    moved_ward(folder)
    html = tmp_path / "impact.html"
    told = json.loads(run(url, "impact", str(folder), "--last", "4", "--html", str(html), "--json").stdout)
    (channel,) = told["channels"]
    assert (channel["name"], channel["compared"], channel["other"]) == ("dft-charges", 4, 4)
    assert "4 uses change location" in html.read_text()
    assert "://" not in html.read_text()
    assert len(json.loads(run(url, "editions", "--json").stdout)["editions"]) == 1
    deploy(url, folder)
    back = json.loads(run(url, "impact", "--edition", "1", "--json").stdout)
    assert back["channels"][0]["groups"][0]["pairs"] == [
        {"before": "WH/Wards/IMC", "after": "WH/Wards/ICU", "count": 6}
    ]
    assert run(url, "impact").exit_code == run(url, "impact", str(folder), "--edition", "1").exit_code == 2


def test_an_active_edition_that_cannot_be_read_keeps_nobody_from_deploying(url: str, folder: Path) -> None:
    store = opened(url)
    entry = Entry(at=5.0, who="old", role="operator", act=Act.DEPLOY, object="channels")
    store.propose(b"d" * 32, b"of an older version", [], at=5.0, why="", told=entry)
    store.decide(1, "approved", at=5.0, told=entry)
    store.activate(1, at=5.0, why="", told=entry)
    store.close()
    result = deploy(url, folder)
    assert result.exit_code == 0, result.output
    assert "edition 1, the active one, cannot be read here" in result.stderr
    assert "edition 2 is the active one" in result.stdout
