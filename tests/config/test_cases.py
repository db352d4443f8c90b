"""The cases beside a channel: how messages are made, what is compared, and where a failure is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.cases.running import junit, run_cases
from engine.config.loading import LoadedChannel, load_channel

CHANNEL = """\
channel: charges
description: Charges for a test of the test runner.
owner: {business: a@hospital.example, technical: b@hospital.example}
source: {mllp: {listen: "tcp:2600", message_types: [DFT^P03]ACK}}
sequence_by: PV1-19
tables: {items: items.csv}
filters:
  - {name: no-money, when: {FT1-6.1: [PY, AJ]}}
effects:
  - for_each: FT1
    charge:
      key: "{FT1-2}"
      encounter: PV1-19
      item: FT1-7.1 | lookup(items, item)
      quantity: FT1-10 | number
destinations: [{ledger: {path: out.ndjson}}]
"""
MESSAGE = r"""
messages:
  one: |
    MSH|^~\&|A|B|C|D|20261121080000||DFT^P03|CTRL-1|P|2.5.1
    PID|1||50001^^^B^MR||TESTMANN^TESSA
    PV1|1|I|ICU||||||||||||||||V-1
    FT1|1|T-1|||||100|||2
cases:
"""
CHARGE = "charge: {key: 'charges/txn:T-1', encounter: 'visit:V-1', item: {code: GLV-M, quantity: 2}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "charges.yaml").write_text(CHANNEL.replace("ACK", ""))
    (tmp_path / "items.csv").write_text("code,item\n100,GLV-M\n")
    return tmp_path


def _load(folder: Path) -> LoadedChannel:
    return load_channel(folder / "charges.yaml")


def _failures(folder: Path, case: str, head: str = MESSAGE) -> list[str]:
    """What the one case `case` (indented lines) fails with, without the file's name."""
    path = folder / "charges.test.yaml"
    path.write_text(head + case)
    (result,) = run_cases(_load(folder))
    return [str(failure).removeprefix(f"{path}:") for failure in result.failures]


def _case(expect: str, extra: str = "") -> str:
    return f"  - name: a\n    message: one\n{extra}    expect: {{{expect}}}\n"


def test_a_case_that_holds_passes(folder: Path) -> None:
    said = f"acknowledgement: AA, sequence_key: 'visit:V-1', state: effects, effects: [{{{CHARGE}}}]"
    said += ", never_contains: [TESTMANN]"
    assert _failures(folder, _case(said)) == []


def _at(folder: Path, failure: str) -> str:
    """What stands in the test file where the failure points."""
    line, column = map(int, failure.split(":")[:2])
    return (folder / "charges.test.yaml").read_text().splitlines()[line - 1][column - 1 :]


def _effects(*changes: str) -> str:
    """An expectation of the charge, with one text of it replaced by another."""
    return "effects: [{" + (CHARGE.replace(*changes) if changes else CHARGE) + "}]"


@pytest.mark.parametrize(
    ("expect", "failure", "at"),
    [
        ("acknowledgement: AE", "acknowledgement: expected AE, got AA", "AE"),
        ("state: filtered", "state: expected filtered, got effects", "filtered"),
        ("step: x", "step: expected x, got none", "x"),
        ("sequence_key: 'visit:V-2'", "sequence_key: expected visit:V-2, got visit:V-1", "'visit"),
        ("reason: {code: quantity}", "reason: expected quantity, got none", "quantity"),
        ("effects: []", "one more effect than expected: charge (key: charges/txn:T-1, ", "[]"),
        (f"effects: [{{{CHARGE}}}, {{consume: {{}}}}]", "consume: there is no such effect", "{consume"),
        ("effects: [{consume: {key: a}}]", "expected consume, got charge (key: charges/", "{consume"),
        ("effects: [{charge: {kye: a}}]", "charge has no field kye (did you mean key?)", "kye"),
        (_effects("quantity: 2", "quantity: 3"), "quantity: expected 3, got 2", "3"),
        (_effects("V-1", "V-9"), "encounter: expected visit:V-9, got visit:V-1", "'visit"),
        (_effects(", quantity: 2", ""), "item: got quantity 2, which the case does not expect", "{code"),
        (_effects("quantity: 2", "quantity: 2, unit: Box"), "item: expected unit Box, got none", "Box"),
        ("never_contains: [glv-m]", "glv-m goes out", "glv-m"),
    ],
)
def test_what_differs_is_named_where_the_case_says_it(
    folder: Path, expect: str, failure: str, at: str
) -> None:
    (found, *_) = _failures(folder, _case(expect))
    assert failure in found
    assert _at(folder, found).startswith(at)


@pytest.mark.parametrize("number", ["2", "2.0", "'02'", "'2.00'"])
def test_numbers_compare_as_numbers(folder: Path, number: str) -> None:
    assert _failures(folder, _case(_effects("quantity: 2", f"quantity: {number}"))) == []


def test_a_message_that_was_refused_fails_a_case_that_does_not_say_so(folder: Path) -> None:
    (failure, *_) = _failures(folder, _case("acknowledgement: AA", "    with: {FT1-10: x}\n"))
    assert failure == "12:13: the message was refused: bad-value (FT1[1]-10: not a number)"


def test_refusals_name_code_and_place(folder: Path) -> None:
    changed = "    with: {FT1-10: '0'}\n"
    assert (
        _failures(folder, _case("state: dead, reason: {code: quantity, place: 'FT1[1]-10'}", changed)) == []
    )
    assert _failures(folder, _case("state: dead, reason: {code: quantity, place: PID-3}", changed)) == [
        "12:59: place: expected PID-3, got FT1[1]-10"
    ]
    assert _failures(folder, _case("state: dead, reason: {code: bad-value}", changed)) == [
        "12:42: reason: expected bad-value, got quantity at FT1[1]-10"
    ]


def test_warnings_are_looked_at_where_a_case_names_them(folder: Path) -> None:
    odd = "    with: {MSH-18: utf8}\n"
    expected = "warnings: [the character set is not spelled as in table 0211 at MSH-18]"
    assert _failures(folder, _case(expected, odd)) == []
    assert _failures(folder, _case("state: effects", odd)) == []
    (failure,) = _failures(folder, _case("warnings: []", odd))
    assert "warnings: expected 0, got the character set is not spelled" in failure
    (failure,) = _failures(folder, _case(expected))
    assert "warnings: expected 1, got none" in failure


def test_a_filter_names_its_step(folder: Path) -> None:
    assert _failures(folder, _case("state: filtered, step: no-money", "    with: {FT1-6: PY}\n")) == []


def test_an_answer_that_waits_for_the_outcome_is_an_error_with_its_place(folder: Path) -> None:
    (folder / "charges.yaml").write_text(CHANNEL.replace("ACK", ", acknowledge: transform"))
    changed = "    with: {FT1-7: '999'}\n"
    said = "acknowledgement: AE, state: dead, reason: {code: unmapped-code}, never_contains: ['999']"
    assert _failures(folder, _case(said, changed)) == []


@pytest.mark.parametrize(
    ("case", "failure"),
    [
        ("  - {name: a, message: two, expect: {}}\n", "9:24: no message is called two (one of: one)"),
        ("  - {name: a, expect: {}}\n", "9:5: a case has one message (give message: or file:)"),
        ("  - {name: a, file: x.hl7, message: one, expect: {}}\n", "9:5: a case has one message"),
        ("  - {name: a, file: x.hl7, expect: {}}\n", "9:21: the file cannot be read"),
        ("  - {name: a, message: one, with: {ZZZ-1: a}, expect: {}}\n", "9:36: the message has no ZZZ"),
        ("  - {name: a, message: one, with: {PID3: a}, expect: {}}\n", "9:36: not a field path such as"),
        ("  - {name: a, message: one, without: [ZZZ], expect: {}}\n", "9:39: the message has no ZZZ"),
        (
            "  - {name: a, message: one, wiht: {}, expect: {}}\n",
            "9:29: unknown key wiht (did you mean with?)",
        ),
        ("  - {name: a, message: one}\n", "9:5: expect is missing"),
        ("  - {name: a, message: one, expect: {reason: {code: nope}}}\n", "9:53: code cannot be"),
    ],
)
def test_a_test_file_that_cannot_be_meant_is_named(folder: Path, case: str, failure: str) -> None:
    (found, *_) = _failures(folder, case)
    assert found.startswith(failure)


def test_a_channel_without_cases_fails(folder: Path) -> None:
    (result,) = run_cases(_load(folder))
    assert not result.passed
    assert "has no cases" in str(result.failures[0])


def test_a_message_may_stand_in_the_case_or_in_a_file(folder: Path) -> None:
    message = "MSH|^~\\&|A|B|C|D|1||DFT^P03|2|P|2.5\rPV1||||||||||||||||||||V-1\rFT1||T-1|||||100|||2\r"
    (folder / "m.hl7").write_bytes(message.replace("PV1|", "PV1", 1).encode())
    assert _failures(folder, f"  - {{name: a, file: m.hl7, expect: {{effects: [{{{CHARGE}}}]}}}}\n") == []
    lines = "\n".join(f"      {line}" for line in message.replace("PV1|", "PV1", 1).split("\r"))
    assert _failures(folder, f"  - name: a\n    message: |\n{lines}\n    expect: {{state: effects}}\n") == []


def test_junit_shows_failures_and_escapes(folder: Path) -> None:
    (folder / "charges.test.yaml").write_text(
        MESSAGE
        + "  - {name: 'a <b>', message: one, expect: {acknowledgement: AE}}\n"
        + _case("state: effects")
    )
    text = junit(run_cases(_load(folder)))
    assert 'tests="2" failures="1"' in text
    assert 'name="a &lt;b&gt;"' in text
    assert "charges.test.yaml:9:61: acknowledgement: expected AE, got AA" in text


def _results(folder: Path, cases: str, head: str = MESSAGE) -> dict[str, list[str]]:
    """Every case by name, with what it fails with."""
    path = folder / "charges.test.yaml"
    path.write_text(head + cases)
    results = run_cases(_load(folder))
    return {one.case: [str(each).removeprefix(f"{path}:") for each in one.failures] for one in results}


ROWS = """\
  - name: "{code} with {count} is {item}"
    message: one
    with: {FT1-7: "{code}", FT1-10: "{count}"}
    rows: |
      # the second one is wrong
      code, count, item
      100,  2,     GLV-M
      100,  3,     GLV-L
    expect: {effects_include: [{charge: {item: {code: "{item}", quantity: "{count}"}}}]}
"""


def test_a_table_is_a_case_for_each_row(folder: Path) -> None:
    assert _results(folder, ROWS) == {
        "100 with 2 is GLV-M": [],
        "100 with 3 is GLV-L": ["17:55: code: expected GLV-L, got GLV-M"],
    }


def test_the_rows_of_a_table_have_lines_of_their_own(folder: Path) -> None:
    (folder / "charges.test.yaml").write_text(MESSAGE + ROWS)
    assert [result.line for result in run_cases(_load(folder))] == [15, 16]


def test_a_table_may_be_a_file_or_a_list(folder: Path) -> None:
    (folder / "rows.csv").write_text("code,count,item\n100,2,GLV-M\n")
    start, end = ROWS.index("    rows"), ROWS.index("    expect")
    for rows in ("rows.csv", "[{code: '100', count: '2', item: GLV-M}]"):
        cases = f"{ROWS[:start]}    rows: {rows}\n{ROWS[end:]}"
        assert _results(folder, cases) == {"100 with 2 is GLV-M": []}


@pytest.mark.parametrize(
    ("rows", "failure"),
    [
        ("none.csv", "11:11: the rows cannot be read"),
        ("|\n      code\n      1,2", "11:11: row 2 has 2 cells, the table 1 columns"),
        ('|\n      code\n      "1', "11:11: row 2 cannot be read as CSV"),
        ("a.csv\n    each: []", "12:5: each does not go with rows"),
        ("[a]", "11:11: not rows of a table"),
        ("{a: b}", "11:11: not rows of a table"),
        ("[]", "11:11: the table has no rows"),
        ("|\n      code, count\n", "11:11: the table has no rows"),
        ("[{of: x, count: '2'}]", "11:11: no part of the case uses the column count"),
        ("[{FT1-10: '2'}]", "11:11: no part of the case uses the column FT1-10"),
    ],
)
def test_rows_that_are_no_table_are_named(folder: Path, rows: str, failure: str) -> None:
    cases = f"  - name: a\n    message: one\n    rows: {rows}\n    expect: {{}}\n"
    (found,) = (each for every in _results(folder, cases).values() for each in every)
    assert found.startswith(failure)


def test_variants_change_what_the_case_says(folder: Path) -> None:
    cases = """\
  - name: a charge
    message: one
    with: {FT1-2: T-2}
    expect: {acknowledgement: AA}
    each:
      - {name: is taken, expect: {state: effects}}
      - {name: of money is not, with: {FT1-6: PY}, expect: {step: no-money}}
      - {name: fails, expect: {sequence_key: nobody}}
"""
    assert _results(folder, cases) == {
        "a charge: is taken": [],
        "a charge: of money is not": [],
        "a charge: fails": ["16:46: sequence_key: expected nobody, got visit:V-1"],
    }


def test_each_case_says_what_it_expects_and_has_a_name_of_its_own(folder: Path) -> None:
    assert _results(folder, "  - {name: a, message: one, each: [{name: b}]}\n") == {
        "cases": ["9:36: expect is missing (say what becomes of the message)"]
    }
    twice = "  - {name: a, message: one, expect: {}}\n" * 2
    assert _results(folder, twice) == {"cases": ["10:12: another case has this name"]}


def test_variants_that_are_none_are_named(folder: Path) -> None:
    cases = "  - {name: a, message: one, each: [b], expect: {}}\n"
    assert _results(folder, cases) == {"cases": ["9:35: not a list of cases (each: [{name: …, with: {…}}])"]}
    found = _results(folder, cases.replace("[b]", "[{name: b, wiht: {}}]"))
    assert found == {"cases": ["9:46: unknown key wiht (did you mean with?)"]}


def test_effects_that_are_among_them(folder: Path) -> None:
    said = "effects_include: [{charge: {item: {code: GLV-M}}}]"
    assert _failures(folder, _case(said)) == []
    assert _failures(folder, _case(said.replace("GLV-M", "X"))) == ["11:55: code: expected X, got GLV-M"]
    assert _failures(folder, _case("effects_include: [{consume: {}}]")) == [
        "11:32: consume: there is no such effect, but charge"
    ]


def test_no_effects(folder: Path) -> None:
    assert _failures(folder, _case("no_effects: yes", "    with: {FT1-6: PY}\n")) == []
    assert _failures(folder, _case("no_effects: yes")) == ["11:26: no effects expected, got 1"]


def test_places_of_the_answer(folder: Path) -> None:
    refused = "    with: {MSH-9: ADT^A01}\n"
    said = "answer: {MSA-1: AR, MSA-2: CTRL-1, ERR-3.1: '200', ERR-7: ''}, state: quarantined"
    reason = ", reason: {code: unknown-type}"
    assert _failures(folder, _case(said + reason, refused)) == []
    (failure,) = _failures(folder, _case(said.replace("AR", "AA") + reason, refused))
    assert failure.endswith("answer MSA-1: expected AA, got AR")
    (failure,) = _failures(folder, _case("answer: {MSA: AA}"))
    assert failure.startswith("11:23: not a field path")


def test_segments_come_after_others_or_are_repeated(folder: Path) -> None:
    extra = "    add: {FT1: ['NTE|1||TESTMANN'], NTE: [FT1]}\n    with: {'FT1[2]-2': T-9}\n"
    both = f"effects: [{{{CHARGE}}}, {{{CHARGE.replace('T-1', 'T-9')}}}]"
    assert _failures(folder, _case(both, extra)) == []
    assert _failures(folder, _case(both, "    add: [FT1]\n    with: {'FT1[2]-2': T-9}\n")) == []
    (failure,) = _failures(folder, _case("", "    add: {OBX: [FT1]}\n"))
    assert failure.endswith("the message has no OBX")


def test_a_case_may_have_rows_of_its_own(folder: Path) -> None:
    said = "effects_include: [{charge: {item: {code: MASK}}}]"
    for code in ("100", "new"):
        extra = f"    with: {{FT1-7: '{code}'}}\n    tables: {{items: {{'{code}': {{item: MASK}}}}}}\n"
        assert _failures(folder, _case(said, extra)) == []
    (failure,) = _failures(folder, _case(said, "    tables: {item: {a: {item: MASK}}}\n"))
    assert failure.startswith("11:14: there is no table item (did you mean items?)")
    (failure,) = _failures(folder, _case(said, "    tables: {items: {a: {itme: MASK}}}\n"))
    assert failure.startswith("11:26: no column itme (did you mean item?)")
