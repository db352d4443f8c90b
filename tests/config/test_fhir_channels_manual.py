"""The page on FHIR channels: its channel and its cases are run, and every key is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fhir_channel import CLIENTS

from engine.config.cases.running import run_cases
from engine.config.loading import examine, load_channel
from engine.config.spec import FhirSource, Interaction
from engine.privacy.fhir_policy import FhirPolicy
from engine.privacy.fhir_readers import FhirReaders

PAGE = (Path(__file__).parents[2] / "docs/manual/fhir-channels.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
CHANNEL, CASES = EXAMPLES[0], EXAMPLES[-1]


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    path = tmp_path / "ward-requests.yaml"
    path.write_text(CHANNEL)
    (tmp_path / "clients.yaml").write_text(CLIENTS)
    (tmp_path / "ward-requests.test.yaml").write_text(CASES)
    return path


def test_the_channel_has_nothing_to_find(channel: Path) -> None:
    assert examine(channel).findings == []


def test_the_cases_hold(channel: Path) -> None:
    results = run_cases(load_channel(channel))
    assert [(one.case, list(map(str, one.failures))) for one in results if not one.passed] == []
    assert len(results) == 3


@pytest.mark.parametrize("name", sorted(FhirSource.model_fields))
def test_every_key_is_explained(name: str) -> None:
    assert re.search(rf"^\|[^|]*`{name}`", PAGE, re.MULTILINE)


def test_every_interaction_is_named() -> None:
    (line,) = re.findall(r"^\| `resources` .*$", PAGE, re.MULTILINE)
    assert set(Interaction.__args__) <= set(re.findall(r"`(\w+)`", line))  # type: ignore[attr-defined]


def test_every_path_of_the_table_can_be_read() -> None:
    readers = FhirReaders(FhirPolicy(), systems={"items": "urn:i"})
    table = PAGE.partition("## Field paths")[2].partition("### ")[0]
    cells = re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
    paths = [path for cell in cells for path in re.findall(r"`([A-Z][^`]*)`", cell)]
    assert len(paths) > 18
    for path in paths:
        use = "date" if "occurrence" in path else "value"
        readers.reader(path, use)  # type: ignore[arg-type]
