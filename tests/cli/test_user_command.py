"""`wardline user`: accounts from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Misconfigured


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_CONSOLE_URL", "https://wardline.hospital.example")
    monkeypatch.setenv("WARDLINE_USER", "rootine")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["user", *words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def listed() -> dict[str, tuple[str, list[str]]]:
    return {one["name"]: (one["state"], one["roles"]) for one in json.loads(run("list", "--json"))}


def test_accounts_are_made_changed_and_told_of() -> None:
    link = run("add", "ann", "--who", "Ann Onym", "--role", "administrator", "--why", "starts")
    assert link.startswith("https://wardline.hospital.example/invitation?key=")
    run("add", "bob", "--who", "Bob Onym", "--role", "operator", "--role", "viewer", "--why", "starts")
    assert listed() == {"ann": ("invited", ["administrator"]), "bob": ("invited", ["operator", "viewer"])}
    run("roles", "bob", "--role", "analyst", "--why", "moves")
    run("disable", "ann", "--why", "leaves")
    assert listed() == {"ann": ("disabled", ["administrator"]), "bob": ("invited", ["analyst"])}
    run("enable", "ann", "--why", "stays")
    assert run("reset", "ann", "--why", "forgot") != link
    assert json.loads(run("show", "bob", "--json"))["account"]["who"] == "Bob Onym"
    assert run("sessions", "--json").strip() == run("tokens", "--json").strip() == "[]"
    told = CliRunner().invoke(app, ["audit", "export"]).stdout
    acts = [json.loads(line) for line in told.splitlines() if '"act":"account"' in line.replace(": ", ":")]
    assert [one["why"] for one in acts] == ["starts", "starts", "moves", "leaves", "stays", "forgot"]
    assert {(one["role"], one["who"].partition("@")[0]) for one in acts} == {("operator", "rootine")}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "Ann", "--who", "Ann Onym", "--role", "viewer", "--why", "starts"), "small letters"),
        (("add", "ann", "--who", "x", "--role", "viewer", "--why", "starts"), "which human being"),
        (
            ("add", "ann", "--who", "Ann O", "--role", "approver", "--role", "analyst", "--why", "starts"),
            "nobody is both analyst and approver",
        ),
        (("disable", "nobody", "--why", "leaves"), "no such account"),
        (("end", "0123456789abcdef", "--why", "leaves"), "no such session"),
        (("revoke", "0123", "--why", "leaves"), "no such token"),
    ],
    ids=str,
)
def test_what_will_not_do_is_said(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(Misconfigured, match=says):
        CliRunner().invoke(app, ["user", *words], catch_exceptions=False)


def test_a_reason_is_due() -> None:
    result = CliRunner().invoke(app, ["user", "add", "ann", "--who", "Ann Onym", "--role", "viewer"])
    assert result.exit_code == 2
    assert listed() == {}
