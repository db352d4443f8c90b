"""Mutants: what is changed, who notices, what is listed as making no difference."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from engine.cli import testing
from engine.config.reading import read_yaml
from engine.config.tables import Table, parse_table
from engine.transforms.expression import parse, parse_key
from engine.workbench.changing import Sought, changes_of_key, changes_of_text
from engine.workbench.mutants import mutants_of
from engine.workbench.mutation import Tried, try_mutants
from engine.workbench.table_mutants import table_mutants, table_with
from engine.workbench.writing import written, written_key

COLUMNS = {"items": ("unit", "item")}


def _said(text: str, wanted: tuple[str, ...] = ()) -> dict[str, str]:
    return {change.said: change.text for change in changes_of_text(text, Sought(COLUMNS, wanted))}


@pytest.mark.parametrize(
    ("text", "said", "changed"),
    [
        ("PV1-19 or PID-18", "PV1-19 dropped", "PID-18"),
        ("PV1-3.1 + FT1-7", "+ FT1-7 dropped", "PV1-3.1"),
        ("PV1-3.1", "PV1-3.1 becomes PV1-3.2", "PV1-3.2"),
        ("FT1-10", "FT1-10 becomes FT1-11", "FT1-11"),
        ("ChargeItem.code[cdm]", "ChargeItem.code[cdm] becomes ChargeItem.code", "ChargeItem.code"),
        ("FT1-10 | number | absolute", "absolute dropped", "FT1-10 | number"),
        ("FT1-7 | lookup(items, item)", "item becomes unit", "FT1-7 | lookup(items, unit)"),
        ("FT1-7 | lookup(items, item, '')", "'' dropped", "FT1-7 | lookup(items, item)"),
        ("FT1-7 | code(CDM, L)", "L dropped", "FT1-7 | code(CDM)"),
        ("FT1-6 | map(CG: yes, else: no)", "CG dropped", "FT1-6 | map(else: no)"),
        ("FT1-10 | default(1)", "1 becomes 2", "FT1-10 | default(2)"),
        ("FT1-8 | per(FT1-10)", "FT1-10 becomes FT1-11", "FT1-8 | per(FT1-11)"),
        ("literal(WH/Stock)", "WH/Stock becomes WH/Stock~", "literal(WH/Stock~)"),
    ],
)  # fmt: skip
def test_an_expression_is_changed_in_one_thing(text: str, said: str, changed: str) -> None:
    assert _said(text)[said] == changed


def test_what_is_there_anyway_is_not_dropped() -> None:
    assert not {"number dropped", "date dropped"} & _said("FT1-10 | number").keys()


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        ("FT1-6 | map(CG: charge, CD: credit)", "charge", "CD: credit becomes charge"),
        ("FT1-6 | map(CG: charge, CD: credit)", "charge", "CG: charge becomes charge~"),
        ("FT1-6 | default(none) | map(CG: charge)", "charge", "none becomes CG"),
        ("FT1-10 | sign | default(positive)", "positive", "positive becomes positive~"),
    ],
)
def test_a_test_is_turned_around(text: str, wanted: str, said: str) -> None:
    assert said in _said(text, (wanted,))


def test_a_part_of_a_key_is_dropped() -> None:
    found = {one.said: one.text for one in changes_of_key("{FT1-2}/{FT1-7}/credit", Sought(COLUMNS))}
    assert found["{FT1-2} dropped"] == "{FT1-7}/credit"
    assert found["credit dropped"] == "{FT1-2}/{FT1-7}"
    assert found["FT1-7 becomes FT1-8"] == "{FT1-2}/{FT1-8}/credit"


_WORDS = st.text("abc ,:()|{}'~", max_size=6).map(lambda text: text.strip())


@given(st.lists(_WORDS, min_size=1, max_size=4))
def test_what_is_written_reads_as_it_was(words: list[str]) -> None:
    arguments = ", ".join("'" + word.replace("'", "''") + "'" for word in words)
    for text in (f"PV1-19 or literal('a') + FT1-7 | default({arguments})", f"anywhere({arguments}) | upper"):
        expression = parse(text)
        again = parse(written(expression))
        assert written(again) == written(expression)
        assert [[one.text for one in call.arguments] for call in again.verbs] == [
            [one.text for one in call.arguments] for call in expression.verbs
        ]


def test_a_key_is_written_as_it_reads() -> None:
    assert written_key(parse_key("a{{b}}/{FT1-2 or FT1-3}/*")) == "a{{b}}/{FT1-2 or FT1-3}/*"


def _table() -> Table:
    table, findings = parse_table("code,item,unit\n1,A,\n2,B,Box\n2,B,\n", "t.csv")
    assert table is not None
    assert not findings
    return table


def test_a_table_lacks_a_row_or_says_what_another_says() -> None:
    found = {(one.line, one.said): table_with(_table(), one) for one in table_mutants(_table(), {"item"})}
    assert [len(table) for table in found.values()] == [2, 3, 2, 3, 2, 3]
    assert found[2, "item: A becomes B"].rows("1") == [{"code": "1", "item": "B", "unit": ""}]
    assert found[3, "row dropped"].lines == {"1": [2], "2": [4]}


CHANNEL = """\
channel: charges
description: Charges for a test of mutants.
owner: {business: a@hospital.example, technical: b@hospital.example}
source: {mllp: {listen: "tcp:2600", message_types: [DFT^P03], acknowledge: transform, timezone: UTC}}
sequence_by: PV1-19
tables: {items: items.csv}
filters:
  - {name: no-money, when: {FT1-6.1: [PY, AJ]}}
effects:
  - for_each: FT1
    charge:
      key: "{FT1-2}/{FT1-7}"
      encounter: PV1-19
      item: FT1-7.1 | lookup(items, item)
      quantity: FT1-10 | number
destinations: [{ledger: {path: out.ndjson}}]
"""
CASES = r"""
messages:
  one: |
    MSH|^~\&|A|B|C|D|20261121080000||DFT^P03|CTRL-1|P|2.5.1
    PV1|1|I|ICU||||||||||||||||V-1
    FT1|1|T-1|||||100|||2
    FT1|2|T-2|||||200|||1
cases:
  - name: charges
    message: one
    expect:
      sequence_key: visit:V-1
      effects:
        - charge: {key: 'charges/txn:T-1/100', encounter: 'visit:V-1', item: {code: GLV-M, quantity: 2}}
        - charge: {key: 'charges/txn:T-2/200', encounter: 'visit:V-1', item: {code: BED, quantity: 1}}
  - name: money
    message: one
    rows: [{code: PY}, {code: AJ}]
    with: {FT1-6: "{code}"}
    expect: {step: no-money}
  - name: a code that nobody knows
    message: one
    with: {FT1-7: '300'}
    expect: {acknowledgement: AE, reason: {code: unmapped-code}}
"""
ZONE = """
equivalent:
  - line: "source: {mllp:"
    change: another time zone
    reason: nothing that this channel reads is a time
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "charges.yaml").write_text(CHANNEL)
    (tmp_path / "charges.test.yaml").write_text(ZONE + CASES)
    (tmp_path / "items.csv").write_text("code,item\n100,GLV-M\n200,BED\n")
    return tmp_path


def _tried(folder: Path, jobs: int = 1) -> Tried:
    return try_mutants([folder / "charges.yaml"], jobs=jobs)


def test_cases_that_say_it_all_leave_no_survivor(folder: Path) -> None:
    tried = _tried(folder)
    assert [str(one) for one in tried.survivors] == []
    assert [one.said for one in tried.equivalents] == ["another time zone"]
    assert tried.passed
    channel, table = tried.tallies
    assert channel.mutants == channel.killed + 1 > 10
    assert (table.mutants, table.killed) == (4, 4)


def test_what_no_case_notices_is_named_with_its_line(folder: Path) -> None:
    path = folder / "charges.test.yaml"
    path.write_text(path.read_text().replace("{code: PY}, ", ""))
    tried = _tried(folder)
    assert not tried.passed
    assert [str(one) for one in tried.survivors] == [
        f"{folder}/charges.yaml:8:39: no case notices: PY dropped"
    ]


def test_several_processes_come_to_the_same(folder: Path) -> None:
    assert _tried(folder, jobs=2) == _tried(folder)


def test_an_entry_that_is_of_no_survivor_is_stale(folder: Path) -> None:
    path = folder / "charges.test.yaml"
    path.write_text(path.read_text().replace("another time zone", "UTC dropped"))
    tried = _tried(folder)
    (stale,) = tried.stale
    assert str(stale).startswith(f"{path}:3:5: no mutant that survives is this one")
    assert [one.said for one in tried.survivors] == ["another time zone"]


def test_a_sample_is_the_same_for_the_same_seed(folder: Path) -> None:
    one, same, other = (
        try_mutants([folder / "charges.yaml"], sample=5, seed=seed).tallies for seed in (1, 1, 2)
    )
    assert one == same
    assert sum(tally.mutants for tally in one) <= 5
    assert other


def test_no_mutant_is_the_file_itself() -> None:
    path = Path(__file__).parents[2] / "channels/dft-charges.yaml"
    data = read_yaml(path.read_bytes(), "").data
    assert data is not None
    found = list(mutants_of(data, {}))
    assert len(found) > 200
    assert not [mutant for mutant in found if mutant.data == data]


app = typer.Typer(pretty_exceptions_enable=False)
app.command("test")(testing.test)
app.command("other")(testing.test)


def test_the_command_shows_survivors_and_a_table(folder: Path) -> None:
    done = CliRunner().invoke(app, ["test", str(folder), "--mutate", "--jobs", "1"])
    assert done.exit_code == 0
    assert "0 survived" in done.stderr
    path = folder / "charges.test.yaml"
    path.write_text(path.read_text().replace("{code: PY}, ", ""))
    done = CliRunner().invoke(app, ["test", str(folder), "--mutate", "--jobs", "1", "--json"])
    assert done.exit_code == 1
    assert [one["said"] for one in json.loads(done.stdout)["survivors"]] == ["PY dropped"]


def test_cases_that_fail_are_not_tried_with_mutants(folder: Path) -> None:
    path = folder / "charges.test.yaml"
    path.write_text(path.read_text().replace("quantity: 2", "quantity: 3"))
    done = CliRunner().invoke(app, ["test", str(folder), "--mutate"])
    assert done.exit_code == 1
    assert "mutants" not in done.stderr
