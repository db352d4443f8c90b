"""Coverage: what no case comes by, with its line; what is come by is not told."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engine.cli import testing
from engine.config.loading import load_channel
from engine.workbench.coverage import coverage_of
from engine.workbench.coverage_page import page

CHANNEL = """\
channel: charges
description: Charges for a test of coverage.
owner: {business: a@hospital.example, technical: b@hospital.example}
source: {mllp: {listen: "tcp:2600", message_types: [DFT^P03]}}
sequence_by: visit
tables: {items: items.csv}
values:
  visit: PV1-19 or PID-18
filters:
  - {name: no-money, for_each: FT1, when: {FT1-6.1: PY}}
warnings:
  - {name: odd, for_each: FT1, when: {FT1-13: present}}
effects:
  - name: charge
    for_each: FT1
    when:
      "FT1-6.1 | default(CG) | map(CG: charge, CD: credit, else: none)": charge
    charge:
      key: "{FT1-2}"
      encounter: visit
      item: FT1-7.1 | lookup(items, item)
      quantity: FT1-10 | number
destinations: [{ledger: {path: out.ndjson}}]
"""
TEST = "FT1-6.1 | default(CG) | map(CG: charge, CD: credit, else: none)"
HEAD = r"""
messages:
  one: |
    MSH|^~\&|A|B|C|D|20261121080000||DFT^P03|CTRL-1|P|2.5.1
    PID|1||50001^^^B^MR
    PV1|1|I|ICU||||||||||||||||V-1
    FT1|1|T-1||||CG|100|||2
cases:
  - {name: a charge, message: one, expect: {makes: [charge]}}
"""
REST = """\
  - {name: money, message: one, with: {FT1-6: PY}, expect: {step: no-money}}
  - {name: nothing, message: one, with: {FT1-6: XX}, expect: {no_effects: yes}}
  - {name: a credit, message: one, with: {FT1-6: CD}, expect: {no_effects: yes}}
  - {name: no type, message: one, with: {FT1-6: ''}, expect: {makes: [charge]}}
  - {name: odd, message: one, with: {FT1-13: X}, expect: {makes: [charge]}}
  - {name: account, message: one, with: {PV1-19: '', PID-18: A-1, FT1-7: '200'}, expect: {makes: [charge]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "charges.yaml").write_text(CHANNEL)
    (tmp_path / "charges.test.yaml").write_text(HEAD)
    (tmp_path / "items.csv").write_text("code,item\n100,GLV-M\n200,BED\n")
    return tmp_path


def _missed(folder: Path) -> list[str]:
    coverage = coverage_of([load_channel(folder / "charges.yaml")])
    return [str(finding).removeprefix(f"{folder}/") for one in coverage.files for finding in one.missed]


def test_what_no_case_comes_by_is_told_with_its_line(folder: Path) -> None:
    assert _missed(folder) == [
        "charges.yaml:8:10: no case reads PID-18",
        "charges.yaml:10:5: no case is ended by no-money",
        "charges.yaml:10:44: in no case holds FT1-6.1",
        "charges.yaml:12:5: no case is warned of odd",
        "charges.yaml:12:39: in no case holds FT1-13",
        f"charges.yaml:17:7: in every case holds {TEST}",
        "charges.yaml:17:7: no case is mapped by CD",
        "charges.yaml:17:7: no case is mapped by else",
        "charges.yaml:17:7: no case needs the default CG",
        "items.csv:3:1: no case looks 200 up",
    ]


def test_cases_that_come_by_everything_leave_nothing(folder: Path) -> None:
    (folder / "charges.test.yaml").write_text(HEAD + REST)
    assert _missed(folder) == []
    assert coverage_of([load_channel(folder / "charges.yaml")]).percent == 100


def test_a_row_is_looked_up_by_whichever_channel(folder: Path) -> None:
    (folder / "others.yaml").write_text(CHANNEL.replace("channel: charges", "channel: others"))
    (folder / "others.test.yaml").write_text(HEAD + REST)
    channels = [load_channel(folder / f"{name}.yaml") for name in ("charges", "others")]
    missed = {one.file: len(one.missed) for one in coverage_of(channels).files}
    assert missed == {
        str(folder / "charges.yaml"): 9,
        str(folder / "items.csv"): 0,
        str(folder / "others.yaml"): 0,
    }


def test_a_resource_is_read_with_what_it_refers_to() -> None:
    path = Path(__file__).parents[2] / "channels/supply-requests.yaml"
    coverage = coverage_of([load_channel(path)])
    channel = next(one for one in coverage.files if one.file == str(path))
    told = {finding.text for finding in channel.missed}
    assert "no case reads SupplyRequest.deliverTo->Location.identifier" not in told
    assert channel.percent > 60


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.missed: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if ("class", "why") in attrs:
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        self._depth = 0

    def handle_data(self, data: str) -> None:
        if self._depth:
            self.missed.append(data)


def test_the_page_marks_the_lines(folder: Path) -> None:
    reader = _Text()
    reader.feed(page(coverage_of([load_channel(folder / "charges.yaml")])))
    assert "no case reads PID-18" in reader.missed
    assert "no case looks 200 up" in reader.missed


def test_rows_of_units_are_come_by_where_a_quantity_is_converted(folder: Path) -> None:
    quantity = "FT1-10 | convert(FT1-11 + FT1-7.1 or FT1-11, unit, units)"
    text = CHANNEL.replace("FT1-10 | number", quantity).replace("items.csv}", "items.csv, units: units.csv}")
    text = text.replace("values:", "values:\n  unit: literal(Units)")
    (folder / "charges.yaml").write_text(text)
    (folder / "units.csv").write_text(
        "code,unit,factor\nBX,Units,10\nCS,BX,5\nCS/200,BX,4\nCS/100,CS,3\nEA,Units,\n"
    )
    (folder / "charges.test.yaml").write_text(HEAD.replace("||2\n", "||2|CS\n"))
    [units] = [
        one
        for one in coverage_of([load_channel(folder / "charges.yaml")]).files
        if one.file.endswith("units.csv")
    ]
    assert [one.text for one in units.missed] == ["no case looks CS/200 up", "no case looks EA up"]


app = typer.Typer(pretty_exceptions_enable=False)
app.command("test")(testing.test)
app.command("other")(testing.test)


def test_the_command_fails_below_what_is_wanted(folder: Path) -> None:
    done = CliRunner().invoke(app, ["test", str(folder), "--coverage"])
    assert done.exit_code == 0
    assert "charges.yaml:8:10: no case reads PID-18" in done.stdout
    assert "1 case, 0 failed" in done.stderr
    assert CliRunner().invoke(app, ["test", str(folder), "--min-coverage", "90"]).exit_code == 1
    (folder / "charges.test.yaml").write_text(HEAD + REST)
    into = folder / "page.html"
    given = ["test", str(folder), "--min-coverage", "100", "--json", "--coverage-page", str(into)]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 0
    assert json.loads(done.stdout)["percent"] == 100
    assert "100.0 %" in into.read_text()
