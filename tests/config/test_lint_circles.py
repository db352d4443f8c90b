"""Circles of channels over MLLP, whose addresses live in the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config.lint.circles import circles
from engine.config.loading import examine

CHANNEL = """\
channel: {name}
description: Admissions for another system.
owner: {{business: a@hospital.example, technical: b@hospital.example}}
source:
  mllp:
    listen: {listen}
    message_types: [ADT^A01]
sequence_by: PID-3
effects:
  - forward: {{segments: [PID, PV1]}}
destinations:
  - mllp: {{connection: {to}}}
"""


def _said(folder: Path, env: dict[str, str], *channels: tuple[str, str, str]) -> list[str]:
    beside = []
    for name, listen, to in channels:
        path = folder / f"{name}.yaml"
        path.write_text(CHANNEL.format(name=name, listen=listen, to=to))
        examined = examine(path)
        assert examined.spec is not None, examined.findings
        beside.append((path, examined.positions, examined.spec))
    return [str(finding).removeprefix(f"{folder}/") for finding in circles(beside, env)]


A, B = ("ward-a", "tcp:2600", "to-b"), ("ward-b", "tcp:2601", "to-a")


def test_a_circle_over_two_doors(tmp_path: Path) -> None:
    env = {
        "WARDLINE_MLLP_TO_B_URL": "mllp://127.0.0.1:2601",
        "WARDLINE_MLLP_TO_A_URL": "mllp://localhost:2600",
    }
    hint = "(leave one of the links of the circle out)"
    assert _said(tmp_path, env, A, B) == [
        f"ward-a.yaml:12:5: what leaves here comes to ward-b, which passes it back {hint}",
        f"ward-b.yaml:12:5: what leaves here comes to ward-a, which passes it back {hint}",
    ]


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"WARDLINE_MLLP_TO_B_URL": "mllp://127.0.0.1:2601"},
        {"WARDLINE_MLLP_TO_B_URL": "mllp://127.0.0.1:2601", "WARDLINE_MLLP_TO_A_URL": "mllp://10.1.2.3:2600"},
        {"WARDLINE_MLLP_TO_B_URL": "mllp://127.0.0.1:2601", "WARDLINE_MLLP_TO_A_URL": "mllp://[::1:2600"},
    ],
)
def test_a_way_without_return_is_no_circle(tmp_path: Path, env: dict[str, str]) -> None:
    assert _said(tmp_path, env, A, B) == []


def test_a_door_that_names_its_address_is_known_by_it(tmp_path: Path) -> None:
    env = {"WARDLINE_MLLP_TO_B_URL": "mllp://127.0.0.2:2600"}
    alone = ("ward-a", "tcp:127.0.0.2:2600", "to-b")
    assert _said(tmp_path, env, alone) == [
        "ward-a.yaml:12:5: what leaves here comes to ward-a again (leave one of the links of the circle out)"
    ]
