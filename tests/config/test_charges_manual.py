"""The pages on charges and on the laboratory: their messages and rows are what the shipped channels do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from engine.config.cases.rehearsal import trial_of
from engine.config.loading import load_channel

ROOT = Path(__file__).parents[2]
MANUAL, CHANNELS = ROOT / "docs/manual", ROOT / "channels"
CHARGES, LABORATORY = (MANUAL / "charges.md").read_text(), (MANUAL / "laboratory.md").read_text()


def sample(page: str) -> bytes:
    """The page's message."""
    (found,) = re.findall(r"```\n(MSH.*?)```", page, re.DOTALL)
    return found.replace("\n", "\r").encode()


def test_the_charge_of_the_page_is_charged_and_used() -> None:
    tried = trial_of(load_channel(CHANNELS / "dft-charges.yaml")).say(sample(CHARGES))
    assert [(kind, fields["key"]) for effect in tried.effects for kind, fields in effect.items()] == [
        ("charge", "dft-charges/txn:T-1001/270001"),
        ("consume", "dft-charges/txn:T-1001/270001"),
    ]
    assert tried.warnings == ()


def test_the_result_of_the_page_uses_what_it_says() -> None:
    tried = trial_of(load_channel(CHANNELS / "lab-charges.yaml")).say(sample(LABORATORY))
    (consume,) = (effect["consume"] for effect in tried.effects)
    assert consume["location"] == "WH/Lab"
    assert consume["items"][0] == {"code": "RGT-CBC", "quantity": "25", "unit": "ml"}
    assert consume["items"][1] == {"code": "TUBE-EDTA", "quantity": "1"}


@pytest.mark.parametrize("row", re.search(r"```csv\n.*?\n(.*?)```", CHARGES, re.DOTALL)[1].splitlines())  # type: ignore[index]
def test_a_row_of_the_page_is_one_of_the_table(row: str) -> None:
    assert f"\n{row}" in (CHANNELS / "tables/items.csv").read_text()


@pytest.mark.parametrize("page", [CHARGES, LABORATORY])
def test_every_step_that_the_page_names_is_in_a_channel(page: str) -> None:
    files = [(CHANNELS / f"{name}.yaml").read_text() for name in ("dft-charges", "lab-charges")]
    steps = set(re.findall(r"filtered[^|\n]*?\(?:? ?`([a-z-]+)`", page)) | set(
        re.findall(r"`([a-z]+-[a-z]+-[a-z]+)`", page)
    )
    assert steps
    assert [
        step
        for step in steps
        if not any(f"name: {step}\n" in text or f"name: {step} " in text for text in files)
    ] == []


def test_the_rule_of_the_page_bills_each_procedure(tmp_path: Path) -> None:
    """Beside the others, which then leave such charges alone."""
    (rule,) = re.findall(r"```yaml\n(- name: each procedure.*?)```", CHARGES, re.DOTALL)
    shutil.copytree(CHANNELS, tmp_path / "channels")
    path = tmp_path / "channels/dft-charges.yaml"
    text = path.read_text().replace(" or PR1-3 | code(CDM, L)", " | code(CDM, L)")
    start = text.index("  # Which of them is billed is not said.")
    end = text.index("  # Accounts (BAR).")
    text = text[:start] + "".join(f"  {line}\n" for line in rule.splitlines()) + "\n" + text[end:]
    present = "      FT1-7 or FT1-34 or FT1-29 or FT1-25: present\n"
    for name in ("charge", "used from stock", "credit", "back into stock"):
        head = f"  - name: {name}\n    for_each: FT1\n    when:\n"
        assert head in text
        text = text.replace(head, head + present)
    path.write_text(text)
    channel = load_channel(path)
    message = (
        "MSH|^~\\&|EHR|GENERAL|WARDLINE|GENERAL|20261121101500||DFT^P03|M1|P|2.3\r"
        "PID|1||50001^^^GENERAL^MR\rPV1|1|O|ED||||||||||||||||V-7001\r"
        "FT1|1|T-1||20261121||CG||||1\rPR1|1||99214^Visit^C4\rPR1|2||99214^Visit^C4||20261120|||||||||||25\r"
        "FT1|2|T-2||20261121||CG|990001^Consultation^CDM|||1\rPR1|1||99214^Visit^C4\r"
    )
    tried = trial_of(channel).say(message.encode())
    assert tried.reason is None
    assert [(effect["charge"]["key"], effect["charge"]["date"]) for effect in tried.effects] == [
        ("dft-charges/txn:T-2/990001", "2026-11-21"),
        ("dft-charges/txn:T-1/99214^C4", "2026-11-21"),
        ("dft-charges/txn:T-1/99214-25^C4", "2026-11-20"),
    ]
    bare = trial_of(channel).say(re.sub("PR1[^\r]*\r", "", message).encode())
    assert bare.reason is not None
    assert (bare.reason.code, bare.reason.place) == ("bad-value", "FT1[1]-7")
