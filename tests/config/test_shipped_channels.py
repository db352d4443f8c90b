"""The channels a hospital starts from: no finding, every case passes, and the fixtures go through."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from engine.config.cases.rehearsal import Trial
from engine.config.cases.running import CaseResult, run_cases
from engine.config.loading import LoadedChannel, lint_files, load_channel, load_channels
from engine.config.schema import published

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests/fixtures/hl7"
CHANNELS = {
    path.stem: load_channel(path)
    for path in sorted((ROOT / "channels").glob("*[a-z].yaml"))
    if ".test" not in path.name
}
RESULTS = {name: run_cases(channel) for name, channel in CHANNELS.items()}
CHANGES = {"adt-a08": "filtered", "adt-a11": "effects", "adt-a12": "filtered"}
"""Fixtures that change a visit that is open already, and whether anything is different then."""
BY_PREFIX = {"adt": "adt-encounters", "dft": "dft-charges", "siu": "theatre-schedule"}


def test_they_are_the_ones_that_are_promised() -> None:
    loaded = {channel.spec.channel: channel for channel in load_channels(ROOT / "channels")}
    assert {name: channel.spec.source.door.listen for name, channel in loaded.items()} == {
        "adt-encounters": "tcp:2575",
        "dft-charges": "tcp:2576",
        "charge-items": "tcp:8480",
        "charge-master": "tcp:2586",
        "item-master": "tcp:2585",
        "lab-charges": "tcp:2583",
        "supply-requests": "tcp:8480",
        "theatre-schedule": "tcp:2577",
        "ward-orders": "tcp:2580",
        "pharmacy-dispense": "tcp:2581",
    }
    assert all(channel.program.destinations == ("odoo:hospital-odoo",) for channel in loaded.values())


@pytest.mark.parametrize(
    ("file", "doors"),
    [("Dockerfile", r"EXPOSE (\d+)-(\d+) (\d+)"), ("compose.yaml", r":(\d+)-(\d+)\", \"[\d.]+:\d+:(\d+)\"")],
)
def test_the_image_opens_the_door_of_each(file: str, doors: str) -> None:
    found = re.search(doors, (ROOT / file).read_text())
    assert found is not None
    open_doors = [*range(int(found[1]), int(found[2]) + 1), int(found[3])]
    for channel in CHANNELS.values():
        assert int(channel.spec.source.door.listen.rpartition(":")[2]) in open_doors  # type: ignore[attr-defined]


def test_they_have_no_finding_at_all() -> None:
    assert lint_files([channel.path for channel in CHANNELS.values()]) == []


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_has_a_dozen_cases_with_refusals(name: str) -> None:
    text = (ROOT / f"channels/{name}.test.yaml").read_text()
    assert len(RESULTS[name]) >= 12
    assert text.count("state: dead") >= 3
    assert "never_contains" in text


@pytest.mark.parametrize(
    "result", [one for each in RESULTS.values() for one in each], ids=lambda one: f"{one.channel}: {one.case}"
)
def test_case(result: CaseResult) -> None:
    assert result.passed, "\n".join(map(str, result.failures))


@pytest.mark.parametrize("name", CHANNELS)
def test_every_accepted_event_and_resource_has_a_case(name: str) -> None:
    text = (ROOT / f"channels/{name}.test.yaml").read_text()
    source = CHANNELS[name].spec.source
    served = (*source.mllp.message_types,) if source.mllp else (*source.fhir.resources,)
    for wanted in served:
        assert wanted in text


@pytest.mark.parametrize("fixture", sorted(path.stem for path in FIXTURES.glob("*.hl7")))
def test_fixture_is_acknowledged_and_has_an_effect(fixture: str) -> None:
    prefix = fixture.partition("-")[0]
    if prefix not in BY_PREFIX:
        pytest.skip("not a message of a shipped channel")
    trial = Trial(CHANNELS[BY_PREFIX[prefix]])
    if fixture in CHANGES:
        trial.say((FIXTURES / "adt-a01.hl7").read_bytes())
    tried = trial.say((FIXTURES / f"{fixture}.hl7").read_bytes())
    assert (tried.code, tried.state) == ("AA", CHANGES.get(fixture, "effects")), tried.reason
    assert "TEST" not in tried.outgoing


@pytest.mark.parametrize("channel", CHANNELS.values(), ids=list(CHANNELS))
def test_it_fits_the_schema_that_editors_use(channel: LoadedChannel) -> None:
    schema = json.loads((ROOT / "channels/channel.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(channel.path.read_text()), schema)


def test_a_misspelt_key_does_not_fit_the_schema() -> None:
    schema = json.loads((ROOT / "channels/channel.schema.json").read_text())
    data = yaml.safe_load(CHANNELS["dft-charges"].path.read_text())
    data["sequence"] = "PID-3"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(data, schema)


@pytest.mark.parametrize("path", published())
def test_published_schema_is_current(path: str) -> None:
    assert (ROOT / path).read_text() == published()[path], "run `wardline schema --write .`"
