"""The static proof against whoever tries to carry an identifier out: each attempt is one line of a channel
file, refused at its column with the row of the policy that forbids it and with what to use instead."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest
from fhir_channel import CHANNEL, CLIENTS

from engine.config.loading import examine
from engine.privacy.listing import listed
from engine.privacy.policy import Policy
from engine.privacy.readers import Readers
from engine.privacy.rules import Use
from engine.transforms.expression import Flaw, PathText
from engine.transforms.setting import Setting

ATTEMPTS = Path(__file__).parent / "adversarial.txt"

HL7 = """\
channel: adversary
description: Carries out what it can.
owner: {business: a@hospital.example, technical: b@hospital.example}
source: {mllp: {listen: tcp:2600, message_types: [DFT^P03, ADT^A40, SIU^S12]}}
sequence_by: PV1-19
tables: {items: items.csv}
values: {charged: FT1-7.1}
required: [PV1-19]
warnings: [{name: odd, when: {FT1-11: absent}}]
filters: [{name: payments, when: {FT1-6.1: PY}}]
effects:
  - name: charge
    for_each: FT1
    when: {FT1-6.1: CG}
    charge:
      key: "{FT1-2}/{charged}"
      encounter: PV1-19
      item: charged | lookup(items, item)
      quantity: FT1-10 | number
      unit: FT1-13.1
      date: FT1-4 | date
      subject: PID-3
  - name: use
    when: {MSH-9.1: DFT}
    consume:
      key: "{FT1-2}/kit"
      items: FT1-7 | code(CDM) | kit(items) | times(FT1-10)
      location: PV1-3.1
      lot-here: x
  - name: merge
    when: {MSH-9.2: A40}
    merge: {kind: person, gone: MRG-1, into: PID-3}
  - name: pass on
    forward: {segments: [EVN, PID, PV1]}
destinations: [{ledger: {path: out}}, {folder: {path: out}}]
""".replace("      lot-here: x\n", "")
ITEMS = "code,item,quantity\nG1,GLV-M,1\n"


def attempts() -> list[tuple[str, str, str, str]]:
    """Kind, what stands in the sample, what the attempt writes instead, what is said (its place first)."""
    kind, found = "", []
    for block in ATTEMPTS.read_text().strip().split("\n\n"):
        lines = [line.replace("⏎", "\n") for line in block.split("\n") if not line.startswith("#")]
        if len(lines) == 1:
            kind = lines[0]
        elif lines:
            before, after, said = lines
            found.append((kind, before, after, said))
    return found


def said_of(folder: Path, text: str) -> list[str]:
    path = folder / "adversary.yaml"
    path.write_text(text)
    (folder / "items.csv").write_text(ITEMS)
    (folder / "clients.yaml").write_text(CLIENTS)
    return [
        str(one).removeprefix(f"{path}:") for one in sorted(examine(path).findings) if one.severity == "error"
    ]


def test_there_are_enough_attempts_and_the_samples_are_sound(tmp_path: Path) -> None:
    assert len(attempts()) >= 60
    assert said_of(tmp_path, HL7) == []
    assert said_of(tmp_path, CHANNEL) == []


@pytest.mark.parametrize(("kind", "before", "after", "expected"), attempts())
def test_no_attempt_compiles(tmp_path: Path, kind: str, before: str, after: str, expected: str) -> None:
    sample = HL7 if kind == "HL7 v2" else CHANNEL
    assert sample.count(before) >= 1
    found = said_of(tmp_path, sample.replace(before, after, 1))
    assert [one for one in found if one.startswith(expected)], found
    assert all("(" in one for one in found), "each says what to use instead"


USES: tuple[Use, ...] = get_args(Use)
LETS: dict[Use, set[str]] = {
    "test": {"keep", "engine"},
    "value": {"keep", "token", "year"},
    "date": {"keep", "opdate"},
    "sequence": {"keep", "token"},
    "whether": {"keep", "token", "opdate", "engine", "year"},
}
"""What may be read for what: written down here once more, so that nobody widens it in passing."""


def compiles(setting: Setting, path: str, use: Use) -> bool:
    try:
        setting.field(PathText(path, 0), use)
    except Flaw:
        return False
    return True


def test_no_row_of_the_table_is_read_for_what_it_does_not_let() -> None:
    """Every field and component of the table, for every use."""
    policy = Policy()
    setting, looked_at = Setting(Readers(policy)), 0
    for one in listed("", policy):
        treatment = policy.treatment(*_place(one.path)).treatment
        for use in USES:
            told = use == "test" and treatment == "engine" and one.path.startswith("MSH-10")
            assert compiles(setting, one.path, use) == (treatment in LETS[use] and not told), (one.path, use)
            looked_at += 1
    assert looked_at > 100_000


def _place(path: str) -> tuple[str, int, int]:
    segment, _, numbers = path.partition("-")
    field, _, component = numbers.partition(".")
    return segment, int(field), int(component or 1)
