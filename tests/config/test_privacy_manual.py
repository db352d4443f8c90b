"""The page on privacy names what there is, and its examples can be read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command

from engine.cli.policy import policy
from engine.config.flows import flows
from engine.config.loading import examine
from engine.config.reading import read_yaml
from engine.config.spec import PrivacySpec, WidenSpec
from engine.config.spec.privacy import FlagName, Obeys
from engine.privacy.rules import PARTIAL
from engine.privacy.table import fhir_rows, v2_rows

MANUAL = Path(__file__).parents[2] / "docs" / "manual"
PAGE = (MANUAL / "privacy.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_its_examples_can_be_read(number: int) -> None:
    assert read_yaml(EXAMPLES[number].encode(), "example").findings == []


@pytest.mark.parametrize("word", [*get_args(FlagName), *get_args(Obeys), *sorted(PARTIAL)])
def test_every_flag_and_treatment_is_explained(word: str) -> None:
    assert f"`{word}`" in PAGE


def test_every_key_and_command_is_named() -> None:
    for name in (*PrivacySpec.model_fields, *WidenSpec.model_fields):
        assert re.search(rf"\b{name}\b", PAGE), name
    for name in get_command(policy).commands:  # type: ignore[attr-defined]
        assert f"wardline policy {name}" in PAGE


def test_the_number_of_rows_is_the_tables() -> None:
    assert f"{len(v2_rows()) + len(fhir_rows()):,} rows" in PAGE


def test_what_is_passed_on_is_among_the_flows(tmp_path: Path) -> None:
    """What `forward:` lets through, with the channel's own changes; nothing that is dropped."""
    path = tmp_path / "one.yaml"
    path.write_text(
        "channel: one\ndescription: d\nowner: {business: a@x.example, technical: b@x.example}\n"
        "source: {mllp: {listen: tcp:1, message_types: [ADT]}}\nsequence_by: PID-3\n"
        "widen: [{path: PID-7, to: year, reason: needed by the registry, reviewer: Officer}]\n"
        "privacy: {narrow: [PV1-3.4]}\n"
        "effects: [{forward: {segments: [PID, PV1], dates: shift}}]\ndestinations: [{folder: {path: out}}]\n"
    )
    examined = examine(path)
    assert examined.findings == []
    passed = {flow.path: flow.treatment for flow in flows(examined) if flow.goes == "passed on"}
    assert passed["PID-7.1"] == "year"
    assert passed["PID-3.1"] == "token"
    assert not {"PID-5.1", "PID-7.2", "PV1-3.2", "PV1-3.4", "PID-11.1"} & passed.keys()
    assert {flow.line for flow in flows(examined) if flow.goes == "passed on"} == {8}
