"""`wardline erase`: by token and by number, asked for, refused, told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from merging_hospital import Hospital
from typer.testing import CliRunner

from engine.auditing import Act, AuditQuery
from engine.cli import app
from engine.errors import Misconfigured
from engine.store.contracts.views import Query

PID = "PID|1||{}^^^GENERAL^MR||DOE^PERSON||19700101|F"
KEY = "first:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="  # conformance.store_contract.RING


@pytest.fixture
def url(tmp_path: Path) -> str:
    """Jane is admitted; what that means to Odoo waits still."""
    url = f"sqlite:///{tmp_path}/wardline.db"
    hospital = Hospital(url)
    for number, visit in (("4711", "V1"), ("4712", "V2")):
        hospital.say("ADT^A01", PID.format(number), "PV1|1|I|3A" + "|" * 16 + visit)
    hospital.close()
    return url


def run(url: str, *arguments: str, typed: str = "") -> Result:
    runner = CliRunner(env={"COLUMNS": "200", "WARDLINE_KEY": KEY, "WARDLINE_USER": "officer"})
    return runner.invoke(app, ["erase", "--store", url, "--why", "asked for it", *arguments], input=typed)


def jane(url: str) -> str:
    hospital = Hospital(url)
    token = hospital.person("4711")
    hospital.close()
    return token


def test_a_dry_run_tells_and_leaves(url: str) -> None:
    result = run(url, jane(url), "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert (told["messages"], told["open"], len(told["tokens"])) == ([1], [1], 2)
    assert jane(url)


def test_what_is_in_work_stops_it_unless_it_is_forced(url: str) -> None:
    token = jane(url)
    refused = run(url, token, "--yes")
    assert isinstance(refused.exception, Misconfigured)
    assert "in work" in str(refused.exception)
    assert jane(url) == token
    done = run(url, token, "--yes", "--force", "--ticket", "P-1")
    assert done.exit_code == 0, done.output
    assert "content is gone           1" in done.stdout
    hospital = Hospital(url)
    assert hospital.person("4711") == ""
    assert hospital.person("4712")
    asked, told = (one.entry for one in hospital.store.entries(AuditQuery(act=Act.ERASE)))
    assert (asked.outcome, told.outcome, told.object, told.ticket) == ("asked", "done", token, "P-1")
    assert len(hospital.store.deliveries(Query())) == 2
    hospital.close()


def test_by_number_that_is_typed_and_confirmed(url: str) -> None:
    given = ("-", "--kind", "mrn", "--force")
    assert run(url, *given, typed="4711\nn\n").exit_code == 1
    assert jane(url)
    result = run(url, *given, typed="4711\ny\n")
    assert result.exit_code == 0, result.output
    assert "4711" not in result.stdout
    assert jane(url) == ""


def test_a_number_is_looked_up_in_the_audit_first(url: str) -> None:
    run(url, "4711", "--kind", "mrn", "--dry-run")
    run(url, "9999", "--kind", "mrn", "--dry-run")
    token = jane(url)
    hospital = Hospital(url)
    looked = [one.entry for one in hospital.store.entries(AuditQuery(act=Act.SEARCH))]
    assert [(one.object, one.why, one.detail["shown"]) for one in looked] == [
        (token, "asked for it", "1"), ("unknown mrn", "asked for it", ""),
    ]  # fmt: skip
    hospital.close()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (("t1p_nonsense",), "no token"),
        (("9999", "--kind", "mrn"), "nobody is known"),
        (("t1v_00000000000000000000000000a4",), "no token"),
    ],
)
def test_what_is_no_person_is_refused(given: tuple[str, ...], word: str, url: str) -> None:
    result = run(url, *given, "--yes")
    assert isinstance(result.exception, Misconfigured)
    assert word in str(result.exception)
