"""The language says what it means, and shows it: no construct without words and a working example."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from engine.config.cases.running import run_cases
from engine.config.loading import channel_files, lint_files, load_channel
from engine.config.schema import published
from engine.transforms.verb import Verb
from engine.workbench.examples import EXAMPLES, example_of, read_examples
from engine.workbench.language import Construct, constructs, keys_of, said_of
from engine.workbench.manual import PAGES, manual_pages

ROOT = Path(__file__).parents[2]
ALL = read_examples(ROOT)
CHANNELS = [path for path in channel_files([ROOT / EXAMPLES]) if path.suffix == ".yaml"]
HOW = f"give its Field a description, and use it in a file below {EXAMPLES}"


@pytest.mark.parametrize("construct", constructs(), ids=lambda one: one.name)
def test_a_construct_is_described_and_shown_with_every_key(construct: Construct) -> None:
    assert said_of(construct), HOW
    assert example_of(construct, ALL) is not None, HOW
    keys = keys_of(construct)
    assert [key.name for key in keys if not key.means] == [], HOW
    if not isinstance(construct.of, Verb):
        shown = {key.name for key in keys if any(one.line_of(construct.of, key.name) for one in ALL)}
        assert [key.name for key in keys if key.name not in shown] == [], HOW


@pytest.mark.parametrize("path", CHANNELS, ids=lambda path: path.stem)
def test_an_example_is_sound_and_its_cases_pass(path: Path) -> None:
    assert [str(one) for one in lint_files([path]) if one.severity == "error"] == []
    results = run_cases(load_channel(path))
    assert [str(failure) for result in results for failure in result.failures] == []
    assert results


def test_the_examples_can_be_side_by_side() -> None:
    assert [str(one) for one in lint_files(CHANNELS) if one.severity == "error"] == []


def test_the_pages_are_what_the_language_says() -> None:
    pages = manual_pages(ROOT)
    assert {str(path.relative_to(ROOT)) for path in (ROOT / PAGES).glob("*.md")} == pages.keys()
    stale = [path for path, text in pages.items() if (ROOT / path).read_text() != text]
    assert stale == [], "run `wardline schema --write .`"


def test_every_link_of_a_page_leads_somewhere() -> None:
    for page in (ROOT / PAGES).glob("*.md"):
        links = re.findall(r"\]\(([^)#]+)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == [], page.name


SCHEMAS = {
    "channel": "channels/channel.schema.json",
    "test-file": "channels/test.schema.json",
    "table-file": "channels/table.schema.json",
    "site": "channels/site.schema.json",
    "clients-file": "channels/clients.schema.json",
}
SHIPPED = {
    "test-file": sorted((ROOT / "channels").glob("*.test.yaml")),
    "table-file": sorted((ROOT / "channels/tables").glob("*.table.yaml")),
    "site": [one for one in (ROOT / "channels/sites").glob("*.yaml") if ".test." not in one.name],
    "clients-file": [ROOT / "channels/fhir/clients.yaml"],
}


@pytest.mark.parametrize("kind", SCHEMAS)
def test_what_is_right_fits_the_schema_that_editors_use(kind: str) -> None:
    schema = json.loads(published()[SCHEMAS[kind]])
    jsonschema.Draft202012Validator.check_schema(schema)
    files = [ROOT / one.path for one in ALL if one.kind == kind] + SHIPPED.get(kind, [])
    assert files
    validator = jsonschema.Draft202012Validator(schema)
    for file in files:
        said = yaml.load(file.read_bytes(), _AsEditorsRead)
        assert [error.message for error in validator.iter_errors(said)] == [], file


class _AsEditorsRead(yaml.SafeLoader):
    """YAML 1.2 of an editor: a date is a text."""


_AsEditorsRead.yaml_implicit_resolvers = {
    first: [one for one in resolvers if not one[0].endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("test-file", "cases: [{name: a, mesage: b, expect: {state: effects}}]"),
        ("test-file", "cases: [{name: a, message: b, expect: {effects: [{chrage: {key: x}}]}}]"),
        ("test-file", "cases: [{name: a, message: b, expect: {effects: [{charge: {kye: x}}]}}]"),
        ("test-file", "cases: [{name: a, message: b, expect: {state: effect}}]"),
        ("site", "{site: north, description: x, channels: {dft-charges: {criticalty: high}}}"),
        ("site", "{site: north, description: x, all: {source: {mllp: {acknowledge: storge}}}}"),
        ("clients-file", "clients: [{id: a, scope: [x]}]"),
    ],
)
def test_what_is_misspelt_does_not_fit_it(kind: str, text: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(published()[SCHEMAS[kind]]))
    assert list(validator.iter_errors(yaml.safe_load(text))) != []
