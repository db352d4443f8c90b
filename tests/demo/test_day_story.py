"""The story agrees with itself, with the shipped channels and tables, and with what it says must stand."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from demo.after import AFTER
from demo.checks import Checks
from demo.hospital_catalogue import ITEMS, SERVICES
from demo.line import CHANNELS, Line, raw_of
from demo.messages import PEOPLE, secrets_of
from demo.play import expected_states
from demo.story import surgical_day
from engine.config.cases.rehearsal import Rehearsal, Trial
from engine.config.loading import load_channel
from engine.proof.values import Values

CHANNEL_FOLDER = Path(__file__).parents[2] / "channels"
DAY = date(2026, 11, 21)
LINES = [line for act in surgical_day() for line in act.lines]
LOADED = {name: load_channel(CHANNEL_FOLDER / f"{name}.yaml") for name in CHANNELS.values()}


def raw(line: Line) -> bytes:
    return raw_of(line, f"DAY-{LINES.index(line):03}", DAY)


@pytest.fixture(scope="module")
def day() -> list[Rehearsal]:
    """What the channels make of the day's messages, one after the other."""
    trials = {name: Trial(channel) for name, channel in LOADED.items()}
    return [trials[line.channel].say(raw(line)) for line in LINES]


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.at} {line.words}")
def test_the_shipped_channels_make_of_each_message_what_the_story_says(
    line: Line, day: list[Rehearsal]
) -> None:
    made = day[LINES.index(line)]
    assert made.code == line.answer
    assert Counter(kind for effect in made.effects for kind in effect) == Counter(line.effects.split())
    assert (made.reason.code if made.reason else "") == line.cause
    assert made.state == ("effects" if line.effects else line.state)
    assert not any(word in made.outgoing for word in secrets_of(PEOPLE))


def test_messages_are_as_many_as_promised_and_differ() -> None:
    assert 40 <= sum(line.sent for line in LINES) <= 60
    assert len({raw(line) for line in LINES}) == len(LINES)
    assert [line.at for line in LINES] == sorted(line.at for line in LINES)


def test_all_kinds_of_messages_occur() -> None:
    events = {line.event for line in LINES}
    assert {f"ADT^A{n}" for n in ("01", "02", "03", "04", "05", "08", "40")} <= events
    assert {f"SIU^S{n}" for n in (12, 13, 14, 15, 26)} <= events
    assert "DFT^P03" in events
    assert any(line.crash for line in LINES)
    assert {line.sent for line in LINES if line.parallel} == {3}


def test_lines_fit_a_terminal_of_80_columns() -> None:
    assert max(len(line.words) for line in LINES) <= 43


def test_the_quotations_of_the_end_are_the_charges_and_credits_of_the_story() -> None:
    codes = table("items.csv", "code", "charge_as")
    billed: Counter[tuple[str, str]] = Counter()
    for line in LINES:
        if (
            line.channel != CHANNELS["DFT"]
            or line.cause
            or line.refused[:1] == (("credit", "unknown-reference"),)
        ):
            continue
        for segment in line.body:
            if segment.startswith("FT1"):
                fields = segment.split("|")
                sign = "-" if fields[6] == "CD" else ""
                billed[codes[fields[7].partition("^")[0]], sign + fields[10]] += 1
    stands: Counter[tuple[str, str]] = Counter()
    for lines, count in AFTER.quotations.items():
        stands.update(dict.fromkeys(lines, 0))
        for one in lines:
            stands[one] += count
    assert stands == billed


def test_what_must_stand_is_known_to_the_hospital() -> None:
    known = {item.code for item in ITEMS} | {service.code for service in SERVICES}
    named = {code for lines in AFTER.quotations for code, _ in lines} | {item for _, item in AFTER.ordered}
    assert named | {item for _, item in AFTER.stock} <= known
    assert set(table("procedure-kits.csv", "item", "procedure")) <= known


def test_only_an_odoo_refuses() -> None:
    refused = sum(bool(line.refused) for line in LINES)
    odoo, ledger = (expected_states(surgical_day(), Counter(), refusing) for refusing in (True, False))
    assert odoo.total() == ledger.total() == sum(line.sent for line in LINES)
    dead = [sum(n for (_, state), n in states.items() if state == "dead") for states in (odoo, ledger)]
    assert dead == [dead[1] + refused, 2]


def test_people_are_made_up_and_nobody_s_word_is_short() -> None:
    words = secrets_of(PEOPLE)
    assert len(set(words)) == len(words) == 5 * len(PEOPLE)
    assert min(map(len, words)) >= 7


def test_a_trace_in_a_file_is_found_in_either_case(tmp_path: Path) -> None:
    (tmp_path / "clean").write_bytes(b"t1p_7gcwb0")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/spoiled").write_bytes(b"\x00\xffQuendelStahl\x00")
    words = Values(secrets_of(PEOPLE))
    assert [
        path.name for path in tmp_path.rglob("*") if path.is_file() and words.found_in(path.read_bytes())
    ] == ["spoiled"]


def test_a_check_that_fails_says_what_was_found() -> None:
    page = io.StringIO()
    checks = Checks(Console(file=page, width=200))
    checks.same("as many", Counter(a=2, b=1), Counter(a=1, c=1))
    checks.check("fine", True, "unsaid")
    assert (checks.made, checks.failed) == (2, ["as many"])
    assert "too much {'a': 1, 'b': 1}; missing {'c': 1}" in page.getvalue()
    assert "unsaid" not in page.getvalue()


def table(name: str, key: str, value: str) -> dict[str, str]:
    lines = (CHANNEL_FOLDER / "tables" / name).read_text().splitlines()
    return {
        row[key]: row[value] for row in csv.DictReader(line for line in lines if not line.startswith("#"))
    }
