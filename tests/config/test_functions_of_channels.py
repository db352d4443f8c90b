"""Functions of channels: what goes in, what comes out, what lint finds, and what a reason may say."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from engine.config.cases.all_cases import all_results
from engine.config.cases.functions import function_results
from engine.config.cases.rehearsal import Rehearsal, trial_of
from engine.config.configured import channel_configuration
from engine.config.flows import flows
from engine.config.loading import channel_files, examine, lint_files, load_channel

EXAMPLE = Path(__file__).parents[2] / "docs/examples/functions"
LANGUAGE = Path(__file__).parents[2] / "docs/examples/language"
CHANNEL = """\
channel: charges
description: Charges go on the quotation.
owner: {business: billing@hospital.example, technical: interfaces@hospital.example}
source:
  mllp: {listen: tcp:2600, message_types: [DFT^P03]}
sequence_by: PV1-19
values:
  counted: FT1-10 | number
  packs:
    call: packs_of
    with: [counted, FT1-7.1]
effects:
  - name: charge
    for_each: FT1
    charge: {key: "{FT1-2}", encounter: PV1-19, item: FT1-7.1, quantity: packs}
destinations:
  - odoo: {connection: hospital-odoo}
"""
SOURCE = '''\
"""Whole packs."""

from decimal import Decimal


def packs_of(quantity: Decimal, code: str) -> Decimal:
    """Packs of a hundred for gloves."""
    if code == "BAD":
        raise ValueError(f"{quantity} of {code}")
    return quantity * 100 if code == "GLV" else quantity
'''
TEST = """\
from decimal import Decimal

from packs_of import packs_of


def test_gloves():
    assert packs_of(Decimal(2), "GLV") == 200
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A channel with one function and its test."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "charges.yaml").write_text(CHANNEL)
    (tmp_path / "functions/packs_of.py").write_text(SOURCE)
    (tmp_path / "functions/test_packs_of.py").write_text(TEST)
    return tmp_path


def sent(folder: Path, code: str = "GLV", quantity: str = "2") -> Rehearsal:
    raw = (
        "MSH|^~\\&|HIS|GENERAL|||20261121101500||DFT^P03|1|P|2.5.1\rPID|1||50001||TESTMANN^TESSA\r"
        f"PV1|1|I|||||||||||||||||V-1\rFT1|1|T-1||20261121||CG|{code}|||{quantity}\r"
    )
    return trial_of(load_channel(folder / "charges.yaml")).say(raw.encode())


def made(tried: Rehearsal) -> object:
    assert tried.reason is None, tried.reason
    (effect,) = tried.effects
    return effect["charge"]["item"]["quantity"]


def rewrite(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def function(folder: Path, old: str, new: str) -> None:
    rewrite(folder / "functions/packs_of.py", old, new)


def found(folder: Path) -> list[str]:
    return [str(one).replace(f"{folder}/", "") for one in lint_files([folder / "charges.yaml"])]


def test_a_function_makes_a_value_of_others(folder: Path) -> None:
    assert found(folder) == []
    assert made(sent(folder)) == "200"
    assert made(sent(folder, "SYR")) == "2"


def test_what_it_raises_names_function_line_and_place_and_no_text(folder: Path) -> None:
    tried = sent(folder, "BAD", "77")
    assert tried.reason is not None
    assert tried.reason.code == "bad-value"
    assert tried.reason.place == "FT1[1]-10"
    assert tried.reason.text == "the function packs_of raised ValueError on line 9"
    assert "BAD" not in tried.outgoing


def test_an_error_that_it_made_up_has_no_name(folder: Path) -> None:
    function(folder, 'ValueError(f"{quantity} of {code}")', "type(code, (ValueError,), {})")
    reason = sent(folder, "BAD").reason
    assert reason is not None
    assert reason.text == "the function packs_of raised an error on line 9"


@pytest.mark.parametrize("raised", ["SystemExit", "RecursionError", "MemoryError"])
def test_no_error_of_a_function_ends_the_engine(folder: Path, raised: str) -> None:
    function(folder, 'ValueError(f"{quantity} of {code}")', f"{raised}()")
    reason = sent(folder, "BAD").reason
    assert reason is not None
    assert reason.text == f"the function packs_of raised {raised} on line 9"


@pytest.mark.parametrize(
    "given", ["float(quantity)", "str(quantity)", "Decimal('NaN')", "True", "code", "[]"]
)
def test_what_is_not_of_its_type_is_refused(folder: Path, given: str) -> None:
    function(folder, "quantity * 100", given)
    reason = sent(folder).reason
    assert reason is not None
    assert reason.text == "the function packs_of gave something that it must not"
    assert reason.place == "FT1[1]-10"


def test_empty_passes_through_untouched_unless_the_function_wants_to_know(folder: Path) -> None:
    reason = sent(folder, quantity="").reason
    assert reason is not None
    assert (reason.code, reason.place) == ("missing-field", "FT1[1]-10")
    function(folder, "quantity: Decimal,", "quantity: Decimal | None,")
    function(folder, "    if code", "    if quantity is None:\n        return Decimal(1)\n    if code")
    assert made(sent(folder, quantity="")) == "1"
    function(folder, "return Decimal(1)", "return None")
    function(folder, "-> Decimal:", "-> Decimal | None:")
    reason = sent(folder, quantity="").reason
    assert reason is not None
    assert reason.code == "missing-field"


def test_the_guard_holds_what_it_gives_against_the_message(folder: Path) -> None:
    """A text of a function's file is no word of the channel."""
    function(folder, "-> Decimal:", "-> str:")
    function(folder, 'return quantity * 100 if code == "GLV" else quantity', 'return "TESTMANN"')
    rewrite(folder / "charges.yaml", "item: FT1-7.1, quantity: packs", "item: packs, quantity: FT1-10")
    reason = sent(folder).reason
    assert reason is not None
    assert reason.code == "privacy"
    function(folder, '"TESTMANN"', '"GLV-M"')
    assert sent(folder).reason is None


EVERY_KIND = """\
from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from engine.effects import Item, Money


def packs_of(at: datetime, on: date, price: Money, number: Decimal, code: str) -> tuple[Item, ...]:
    assert at.tzinfo is not None
    assert at.date() - on == timedelta(0)
    return (Item(code, number), Item(price.currency, price.amount))
"""


def test_types_of_every_kind(folder: Path) -> None:
    (folder / "functions/packs_of.py").write_text(EVERY_KIND)
    given = "[FT1-4, FT1-4, FT1-12 | money(EUR), counted, FT1-7.1]"
    rewrite(folder / "charges.yaml", "[counted, FT1-7.1]", given)
    rewrite(
        folder / "charges.yaml",
        'charge: {key: "{FT1-2}", encounter: PV1-19, item: FT1-7.1, quantity: packs}',
        'consume: {key: "{FT1-2}", items: packs, location: literal(WH/Stock)}',
    )
    raw = (
        b"MSH|^~\\&|HIS|GENERAL|||20261121101500||DFT^P03|1|P|2.5.1\rPID|1||50001\r"
        b"PV1|1|I|||||||||||||||||V-1\rFT1|1|T-1||20261121||CG|GLV|||2||7.5\r"
    )
    tried = trial_of(load_channel(folder / "charges.yaml")).say(raw)
    assert tried.reason is None, tried.reason
    assert tried.effects[0]["consume"]["items"] == [
        {"code": "GLV", "quantity": "2"}, {"code": "EUR", "quantity": "7.5"},
    ]  # fmt: skip


GIVEN = "[counted, FT1-7.1]"
CHANNEL_FLAWS = [
    ("packs_of\n", "pack_of\n", "10:11: there is no file functions/pack_of.py (did you mean packs_of?)"),
    (GIVEN, "[counted]", "10:11: packs_of takes 2 values, and this gives 1, used on line 15 (it takes quan"),
    (GIVEN, "[counted, PID-3]", "11:21: PID-3: is replaced by a token (ID_NUMBER, class H/G/I/K), and a "
     "token does not go into a function, used on line 15 (give it a code, a number or a date)"),
    (GIVEN, "[counted, PID-5]", "11:21: PID-5: is dropped (PATIENT_NAME, class A), used on line 15 (use PID"),
    (GIVEN, "[FT1-12 | money, FT1-7.1]", "11:12: a number is wanted here, and this is"),
    (GIVEN, "[countd, FT1-7.1]", "11:12: there is no value countd, used on line 15 (did you mean counted?)"),
    (GIVEN, "[counted, 'FT1-7.1 | lookup(items, x)']", "11:39: there is no table items, used on line 15"),
    ("quantity: packs", "quantity: packs or FT1-10", "15:74: the value packs is a function's, so nothing "
     "stands beside it (name what stands before its verbs, and put them after the whole)"),
    ("quantity: packs", "quantity: packs, unit: packs", "15:87: text is wanted here, and this is a number"),
    ("    with: [counted, FT1-7.1]\n", "", "10:5: with is missing"),
    ("    call: packs_of\n", "", "10:5: call is missing"),
    ("call: packs_of", "call: packs-of", "10:11: call has characters it cannot have"),
    ("with: [counted, FT1-7.1]", "with: []", "11:11: with is empty"),
    ("with: [", "args: [", "11:5: unknown key args"),
    ("    with: [counted, FT1-7.1]", "    with: counted", "11:11: with must be a list"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "said"), CHANNEL_FLAWS)
def test_lint_of_what_calls(folder: Path, old: str, new: str, said: str) -> None:
    rewrite(folder / "charges.yaml", old, new)
    assert any(one.startswith(f"charges.yaml:{said}") for one in found(folder)), found(folder)


FUNCTION_FLAWS = [
    ("def packs_of", "def pack_of", "1:1: the file has no function packs_of (did you mean pack_of?)"),
    ("code: str)", "code)", "6:33: code has no type (one of: str"),
    ("code: str)", "code: int)", "6:33: code has a type that no value has"),
    ("code: str)", "code: Strng)", "6:1: loading it raised NameError"),
    (") -> Decimal", ")", "6:1: what packs_of gives has no type"),
    ("code: str)", "*code: str)", "6:1: packs_of takes more than named parameters (write each out)"),
    ("quantity: Decimal, code", "quantity: Decimal; code", "6:31: this is not Python"),
    ("from decimal import Decimal", "import os", "3:1: os is not for functions (collections, "),
    ("from decimal import Decimal", "from urllib.request import urlopen", "3:1: urllib.request is not for"),
    ("from decimal import Decimal", "from . import other", "3:1: . is not for functions"),
    ("    if code", "    open(code)\n    if code", "8:5: open: a function reads and writes nothing"),
    ("    if code", "    eval(code)\n    if code", "8:5: eval: a function runs no text"),
    ("    if code", "    ().__class__\n    if code", "8:5: __class__: what Python keeps to itself"),
    ("    if code", "    global known\n    if code", "8:5: a function remembers nothing"),
    ("    if code", "    datetime.now()\n    if code", "8:5: now: a function has no clock"),
    ('"""Whole packs."""', "for x in y: pass", "1:1: this has no place outside of a function"),
    ('"""Whole packs."""', "X = 1 / 0", "6:1: loading it raised ZeroDivisionError"),
    ('"""Whole packs."""', "X = " + "a." * 20_000 + "b", "1:1: this is nested too deep (write it in steps)"),
    ("def packs_of", "async def packs_of", "6:1: a function waits for nothing"),
]


@pytest.mark.parametrize(("old", "new", "said"), FUNCTION_FLAWS)
def test_lint_of_a_function(folder: Path, old: str, new: str, said: str) -> None:
    function(folder, old, new)
    said = said.replace("(one of: str", "(one of str")
    assert any(one.startswith(f"functions/packs_of.py:{said}") for one in found(folder)), found(folder)


def test_a_function_needs_a_test(folder: Path) -> None:
    (folder / "functions/test_packs_of.py").unlink()
    (said,) = found(folder)
    assert said.startswith("functions/packs_of.py:1:1: the function packs_of has no test (functions/test_")


@pytest.mark.parametrize(
    "body", ["assert True", "packs_of(1, '')", "packs_of(1, '')\n    assert 1", "assert [] == []"]
)
def test_a_test_that_cannot_fail_is_none(folder: Path, body: str) -> None:
    (folder / "functions/test_packs_of.py").write_text(
        f"from packs_of import packs_of\n\n\ndef test_it():\n    {body}\n"
    )
    (said,) = found(folder)
    assert said.startswith(
        "functions/test_packs_of.py:1:1: these tests assert nothing of packs_of (assert packs_of("
    )


def test_a_file_that_everyone_may_change_and_one_that_is_too_large(folder: Path) -> None:
    path = folder / "functions/packs_of.py"
    path.chmod(0o666)
    assert any("warning: everyone on this machine" in one for one in found(folder))
    path.chmod(0o644)
    path.write_bytes(b"#" * 70_000)
    assert any("larger than 64 KiB" in one for one in found(folder))
    path.write_bytes(b"x = '\x00'")
    assert any("this is not Python" in one for one in found(folder))


def test_nothing_of_a_file_runs_that_lint_refuses(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    function(folder, '"""Whole packs."""', f"import pathlib\npathlib.Path({str(mark)!r}).touch()")
    assert found(folder)
    assert not mark.exists()


def test_a_changed_function_is_another_one_at_the_next_load(folder: Path) -> None:
    assert made(sent(folder)) == "200"
    running = load_channel(folder / "charges.yaml")
    function(folder, "* 100", "* 10")
    assert made(sent(folder)) == "20"
    assert running.functions["packs_of"](Decimal(2), "GLV") == 200


def test_the_audit_tells_of_a_changed_function(folder: Path) -> None:
    def configured() -> object:
        return channel_configuration(load_channel(folder / "charges.yaml"), bytes.upper)

    before = configured()
    function(folder, "* 100", "* 10")
    assert configured() != before


def test_the_static_proof_shows_what_goes_in(folder: Path) -> None:
    shown = {
        (one.path, one.through, one.line, one.column)
        for one in flows(examine(folder / "charges.yaml"))
        if "call packs_of" in one.through
    }
    assert shown == {
        ("FT1-10", ("number", "call packs_of"), 8, 12),
        ("FT1-7.1", ("call packs_of",), 11, 21),
    }


def test_its_tests_are_run_with_the_cases(folder: Path) -> None:
    results = all_results([folder / "charges.yaml"])
    assert [(one.channel, one.case, one.passed) for one in results if one.channel == "functions"] == [
        ("functions", "packs_of: test_gloves", True)
    ]
    assert {one.channel for one in all_results([folder / "charges.yaml"], only="charges")} == {"charges"}


def test_a_test_that_fails_names_its_line(folder: Path) -> None:
    function(folder, "* 100", "* 10")
    (result,) = function_results(folder)
    at = f"{folder}/functions/test_packs_of.py"
    assert [str(one) for one in result.failures] == [
        f'{at}:7:5: does not hold: assert packs_of(Decimal(2), "GLV") == 200'
    ]
    assert (result.file, result.line) == (at, 6)
    rewrite(folder / "functions/test_packs_of.py", '"GLV"', '"BAD"')
    (result,) = function_results(folder)
    assert str(result.failures[0]).startswith(f"{at}:7:5: raised ValueError: assert packs_of")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("def test_gloves", "def gloves", "there is no test in this file"),
        ("from decimal import Decimal", "import pytest", "pytest is not for functions"),
        ("from packs_of import packs_of", "from packs_of import pack", "loading it raised ImportError"),
        ("def test_gloves():", "def test_gloves(", "this is not Python"),
    ],
)
def test_a_test_file_of_no_use_is_a_failed_result(folder: Path, old: str, new: str, said: str) -> None:
    rewrite(folder / "functions/test_packs_of.py", old, new)
    (result,) = function_results(folder)
    assert not result.passed
    assert said in str(result.failures[0])


def test_a_test_of_nothing(folder: Path) -> None:
    (folder / "functions/packs_of.py").rename(folder / "functions/packs.py")
    (result,) = function_results(folder)
    assert "there is no packs_of.py beside this test" in str(result.failures[0])


def test_the_example_of_the_manual_is_in_order() -> None:
    files = channel_files([EXAMPLE])
    assert lint_files(files) == []
    assert [str(failure) for result in all_results(files) for failure in result.failures] == []
    assert [one.passed for one in function_results(LANGUAGE)] == [True] * 2
    page = (Path(__file__).parents[2] / "docs/manual/functions.md").read_text()
    for name in ("functions/ndc11.py", "functions/test_ndc11.py"):
        assert (EXAMPLE / name).read_text().strip() in page, name


def test_the_example_is_also_run_by_pytest() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    done = subprocess.run(
        [*command, "--rootdir", str(EXAMPLE), str(EXAMPLE / "functions")],
        capture_output=True, text=True, timeout=60, env={"PYTHONDONTWRITEBYTECODE": "1"}, cwd=EXAMPLE,
    )  # fmt: skip
    assert "3 passed" in done.stdout, done.stdout
