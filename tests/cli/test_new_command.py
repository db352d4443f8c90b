"""`wardline new`: from a sample to a channel that holds together, by questions, a sheet or suggestions."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import typer
from click.testing import Result
from openpyxl import load_workbook
from typer.testing import CliRunner

from engine.cli import new as command
from engine.cli.profile import profile
from engine.config.cases.running import run_cases
from engine.config.loading import lint_files, load_channel
from engine.errors import Misconfigured

CHARGE = r"""MSH|^~\&|TILL|CLINIC|WARDLINE|GENERAL|20260310084748||DFT^P03|990-1|P|2.3
EVN|P03|20260310084748
PID|1||640||Orrinsdale^Quillon^D||19700101|F|||1212 Larkmead Drive^^Cary
PV1|1|R|FRONT|||||||||||||||||||||||||||||||||||||||||||||||8203
FT1|1|E8866||20260310110000|20260310110000|CG|X900^SPLINT FOR QUILLON^CDM|||1||12.50&EUR
"""
OWNERS = ("--business", "billing@clinic.example", "--technical", "interfaces@clinic.example")

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(command.new)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "sample.hl7"
    path.write_text(CHARGE)
    return path


def _run(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)


def _refused(*arguments: object) -> Misconfigured:
    done = _run(*arguments)
    assert isinstance(done.exception, Misconfigured), done.output
    return done.exception


def test_a_channel_with_tables_and_cases_that_holds_together(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "channels"
    done = _run("front-desk", "--from", sample, "--into", folder, "--yes", *OWNERS)
    assert done.exit_code == 0, done.output
    assert "sample.hl7: charge\n" in done.stdout
    assert "5 cases, all green" in done.stderr
    path = folder / "front-desk.yaml"
    assert lint_files([path]) == []
    results = run_cases(load_channel(path))
    assert len(results) >= 3
    assert all(result.passed for result in results)
    assert (folder / "channel.schema.json").is_file()
    assert load_channel(path).spec.about.sender.system == "TILL"  # type: ignore[union-attr]
    assert (folder / "tables/front-desk-items.csv").read_text().splitlines()[1:] == [
        "code,charge_as",
        "X900,X900",
    ]


def test_nothing_of_a_person_gets_into_a_file(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "channels"
    assert _run("front-desk", "--from", sample, "--into", folder, "--yes", *OWNERS).exit_code == 0
    written = "".join(path.read_text() for path in folder.rglob("*.*") if path.suffix in (".yaml", ".csv"))
    for word in (
        "Orrinsdale",
        "Quillon",
        "QUILLON",
        "Larkmead",
        "8203",
        "E8866",
        "19700101",
        "990-1",
        "|640|",
    ):
        assert word not in written


def test_questions_go_out_as_a_sheet_and_come_back_as_answers(tmp_path: Path, sample: Path) -> None:
    questions, folder = tmp_path / "questions.csv", tmp_path / "channels"
    assert _run("front-desk", "--from", sample, "--into", folder, "--ask", questions).exit_code == 0
    assert not folder.exists()
    rows = list(csv.DictReader(questions.read_text().splitlines()))
    assert [(row["table"], row["code"], row["column"]) for row in rows] == [
        ("items", "X900", "charge_as"),
        ("items", "X900", "stocked"),
        ("items", "X900", "item"),
        ("items", "X900", "unit"),
        ("places", "FRONT", "odoo_location"),
        ("places", "FRONT", "cost_centre"),
    ]
    answers = {"charge_as": "CHG-SPLINT", "stocked": "yes", "item": "SPLINT", "odoo_location": "WH/Front"}
    for row in rows:
        row["answer"] = answers.get(row["column"], "")
    with questions.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    done = _run("front-desk", "--from", sample, "--into", folder, "--answers", questions, *OWNERS)
    assert done.exit_code == 0, done.output
    assert "sample.hl7: charge, consume\n" in done.stdout
    assert "location: WH/Front" in (folder / "front-desk.test.yaml").read_text()
    assert "unit" not in (folder / "front-desk.yaml").read_text()
    assert all(result.passed for result in run_cases(load_channel(folder / "front-desk.yaml")))


def test_a_code_that_a_spreadsheet_would_run_is_kept_from_it_and_comes_back(tmp_path: Path) -> None:
    sample, questions, folder = tmp_path / "sample.hl7", tmp_path / "questions.csv", tmp_path / "channels"
    sample.write_text(CHARGE.replace("X900", "=HYPERLINK(1)"))
    assert _run("front-desk", "--from", sample, "--ask", questions).exit_code == 0
    rows = list(csv.reader(questions.read_text().splitlines()))
    assert {cell[:2] for row in rows for cell in row if "HYPERLINK" in cell} == {"'="}
    done = _run("front-desk", "--from", sample, "--into", folder, "--answers", questions, *OWNERS)
    assert done.exit_code == 0, done.output
    assert "\n=HYPERLINK(1),=HYPERLINK(1)\n" in (folder / "tables/front-desk-items.csv").read_text()


def test_a_sheet_may_be_a_workbook(tmp_path: Path, sample: Path) -> None:
    questions, folder = tmp_path / "questions.xlsx", tmp_path / "channels"
    assert _run("front-desk", "--from", sample, "--ask", questions).exit_code == 0
    book = load_workbook(questions)
    (cell,) = [row[3] for row in book.worksheets[0].iter_rows() if row[2].value == "charge_as"]
    cell.value = "CHG-SPLINT"
    book.save(questions)
    done = _run("front-desk", "--from", sample, "--into", folder, "--answers", questions, *OWNERS)
    assert done.exit_code == 0, done.output
    assert "X900,CHG-SPLINT" in (folder / "tables/front-desk-items.csv").read_text()
    questions.write_text("no workbook")
    assert "no workbook" in _refused("front-desk", "--from", sample, "--answers", questions, *OWNERS).text


def test_at_a_terminal_it_asks(tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "at_terminal", lambda: True)
    said = "billing@clinic.example\ninterfaces@clinic.example\nCHG-SPLINT\nno\n\n\n"
    done = _run("front-desk", "--from", sample, "--into", tmp_path / "channels", stdin=said)
    assert done.exit_code == 0, done.output
    assert "X900: what it is billed as" in done.stdout
    assert "item: {code: CHG-SPLINT, quantity: 1}" in (tmp_path / "channels/front-desk.test.yaml").read_text()


def test_without_a_terminal_open_questions_are_named(tmp_path: Path, sample: Path) -> None:
    error = _refused("front-desk", "--from", sample, "--into", tmp_path / "channels", *OWNERS)
    assert "items X900 charge_as" in error.text
    assert "--ask" in error.hint
    assert not (tmp_path / "channels").exists()
    assert _refused("front-desk", "--from", sample, "--into", tmp_path, "--yes").hint == "--business ADDRESS"


def test_nothing_is_overwritten(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "channels"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables/front-desk-items.csv").write_text("mine")
    error = _refused("front-desk", "--from", sample, "--into", folder, "--yes", *OWNERS)
    assert error.where == str(folder / "tables/front-desk-items.csv")
    assert [path.name for path in folder.rglob("*.*")] == ["front-desk-items.csv"]


def test_what_the_folder_knows_is_suggested(tmp_path: Path, sample: Path) -> None:
    folder = tmp_path / "channels"
    assert (
        _run("front-desk", "--from", sample, "--into", folder, "--yes", "--port", 2590, *OWNERS).exit_code
        == 0
    )
    (folder / "tables/front-desk-items.csv").write_text("code,charge_as\nX900,KNOWN\n")
    done = _run("second-desk", "--from", sample, "--into", folder, "--yes")
    assert done.exit_code == 0, done.output
    assert "X900,KNOWN" in (folder / "tables/second-desk-items.csv").read_text()
    second = (folder / "second-desk.yaml").read_text()
    assert "listen: tcp:2591\n" in second
    assert "billing@clinic.example" in second


def test_a_learned_profile_is_enough(tmp_path: Path, sample: Path) -> None:
    other = tmp_path / "other.hl7"
    other.write_text(CHARGE.replace("X900", "X901").replace("990-1", "990-2").replace("E8866", "E8867"))
    learned, folder = tmp_path / "till.yaml", tmp_path / "channels"
    teach = typer.Typer(pretty_exceptions_enable=False)
    teach.command()(profile)
    assert CliRunner().invoke(teach, [str(sample), str(other), "-o", str(learned)]).exit_code == 0
    done = _run("front-desk", "--profile", learned, "--into", folder, "--yes", *OWNERS)
    assert done.exit_code == 0, done.output
    assert "DFT^P03 of the profile, 2: charge\n" in done.stdout
    items = (folder / "tables/front-desk-items.csv").read_text()
    assert items.splitlines()[1:] == ["code,charge_as", "X900,X900", "X901,X901"]
    assert all(result.passed for result in run_cases(load_channel(folder / "front-desk.yaml")))


def test_json(tmp_path: Path, sample: Path) -> None:
    done = _run("front-desk", "--from", sample, "--into", tmp_path, "--yes", "--json", *OWNERS)
    said = json.loads(done.stdout)
    assert (said["family"], said["findings"], said["failed"]) == ("charges", [], [])
    assert said["samples"] == [{"sample": "sample.hl7", "state": "effects", "comes_to": "charge"}]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("no message", "no message could be read"),
        (CHARGE.replace("DFT^P03", "MDM^T02"), "MDM^T02: no channel is drafted from such messages"),
        (CHARGE.replace("DFT^P03", "ORM^O01"), "ORM^O01: their orders have neither a requisition line"),
    ],
)
def test_what_cannot_be_drafted_says_why(tmp_path: Path, sample: Path, content: str, text: str) -> None:
    sample.write_text(content)
    assert text in _refused("front-desk", "--from", sample, "--into", tmp_path, "--yes", *OWNERS).text


@pytest.mark.parametrize("flags", [("--timezone", "Mars/Olympus"), ("--connection", "Not A Name")])
def test_what_is_said_of_the_channel_must_be_possible(
    tmp_path: Path, sample: Path, flags: tuple[str, str]
) -> None:
    error = _refused(
        "front-desk", "--from", sample, "--into", tmp_path / "channels", "--yes", *flags, *OWNERS
    )
    assert error.hint == "what was said of the channel is not possible"
    assert "wardline-new" not in error.text
    assert not (tmp_path / "channels").exists()


def test_a_name_a_sample_and_a_sheet_that_are_none(tmp_path: Path, sample: Path) -> None:
    assert "a channel's name" in _refused("Front Desk", "--from", sample).text
    assert _refused("front-desk").text == "nothing to learn from"
    assert "cannot be read" in _refused("front-desk", "--from", tmp_path / "gone").text
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n1,2\n")
    assert _refused("front-desk", "--from", sample, "--answers", bad, *OWNERS).text == "no sheet of answers"
    bad.write_text("table,code,column,answer\nitems,X900,stocked,perhaps\n")
    refused = _refused("front-desk", "--from", sample, "--answers", bad, "--yes", *OWNERS)
    assert refused.text == "items X900 stocked: one of yes, no"


def test_a_sender_that_asks_for_no_answer_gets_one_unless_it_shall_not(tmp_path: Path, sample: Path) -> None:
    sample.write_text(CHARGE.replace("|P|2.3", "|P|2.3|||NE|NE"))
    first, second, no = tmp_path / "first", tmp_path / "second", tmp_path / "no.csv"
    assert _run("front-desk", "--from", sample, "--into", first, "--yes", *OWNERS).exit_code == 0
    assert "acknowledgement: AA\n" in (first / "front-desk.test.yaml").read_text()
    no.write_text("table,code,column,answer\nmessage,MSH-15,answer,no\n")
    assert (
        _run("front-desk", "--from", sample, "--into", second, "--yes", "--answers", no, *OWNERS).exit_code
        == 0
    )
    assert "acknowledgement: none\n" in (second / "front-desk.test.yaml").read_text()


def test_a_quantity_that_is_never_there_is_asked_for(tmp_path: Path, sample: Path) -> None:
    sample.write_text(CHARGE.replace("|||1||12.50&EUR", "|||||12.50&EUR"))
    first, second = tmp_path / "first", tmp_path / "second"
    done = _run("front-desk", "--from", sample, "--into", first, "--yes", *OWNERS)
    assert "refused: missing-field at FT1[1]-10" in done.stdout
    answers = tmp_path / "answers.csv"
    answers.write_text("table,code,column,answer\nmessage,FT1-10,means,1\n")
    done = _run("front-desk", "--from", sample, "--into", second, "--yes", "--answers", answers, *OWNERS)
    assert "sample.hl7: charge\n" in done.stdout
    assert "FT1-10 | default(1) | number" in (second / "front-desk.yaml").read_text()
