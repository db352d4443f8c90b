"""What lint says of `schedule:`."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.loading import examine

CHANNEL = """\
channel: postings
description: Charges once a day.
owner: {business: billing@hospital.example, technical: interfaces@hospital.example}
source: {mllp: {listen: tcp:2590, message_types: [DFT^P03], timezone: Europe/Berlin, acknowledge: {ack}}}
sequence_by: PV1-19
schedule: {schedule}
effects:
  - charge: {key: "{FT1-2}", encounter: PV1-19, item: FT1-7, quantity: FT1-10}
destinations:
  - odoo: {connection: hospital-odoo}
"""


def said(tmp_path: Path, schedule: str, ack: str = "storage") -> list[str]:
    path = tmp_path / "postings.yaml"
    path.write_text(CHANNEL.replace("{schedule}", schedule).replace("{ack}", ack))
    found = examine(path)
    return [f"{one.line}:{one.column} {one.text}" for one in found.findings if one.severity == "error"]


def test_a_schedule_is_compiled(tmp_path: Path) -> None:
    assert said(tmp_path, '{cron: "0 22 * * *", cut_off: "20:00"}') == []


@pytest.mark.parametrize(
    ("schedule", "ack", "finding"),
    [
        ('{cron: "0 25 * * *"}', "storage", "6:18 not a schedule of cron"),
        ('{cron: "0 22 30 2 *"}', "storage", "6:18 not a schedule of cron"),
        (
            '{cron: "*/5 * * * *", cut_off: "20:00"}',
            "storage",
            "6:42 a cut-off belongs to runs that are a day or more apart",
        ),
        ('{cron: "0 22 * * *"}', "delivery", "4:99 a sender would wait for the next run of the schedule"),
    ],
)
def test_what_cannot_be_meant_is_found_where_it_stands(
    tmp_path: Path, schedule: str, ack: str, finding: str
) -> None:
    assert said(tmp_path, schedule, ack) == [finding]
