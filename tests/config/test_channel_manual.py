"""The page on channel files names every word of the language, and its YAML can be read."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from engine.config import spec
from engine.config.cases.reading import CaseFile, Expectation
from engine.config.loading import examine
from engine.config.reading import read_yaml
from engine.transforms.expression import PathText, parse, parts_of
from engine.transforms.values import Values
from engine.transforms.verbs import VERBS

PAGE = (Path(__file__).parents[2] / "docs/manual/channels.md").read_text()
TOP = """channel: charges
description: d
owner: {business: b, technical: t}
source: {mllp: {listen: tcp:2575, message_types: [DFT^P03]}}
tables: {items: tables/items.csv, places: tables/locations.csv, units: tables/units.csv}
destinations: [{ledger: {path: x}}]
"""
MODELS = [spec.ChannelSpec, spec.MllpSource, spec.EffectRule, *(
    model for name, model in vars(spec).items() if name.endswith("Rule") and hasattr(model, "model_fields")
)]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_explained(verb: str) -> None:
    assert re.search(rf"^\| `{verb}[`(]", PAGE, re.MULTILINE)


@pytest.mark.parametrize("model", [*MODELS, Expectation], ids=lambda model: model.__name__)
def test_every_key_is_named(model: type[spec.Strict]) -> None:
    missing = [name for name in model.model_fields if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == []


def test_cases_are_explained() -> None:
    names = {
        field.alias or name
        for name, field in CaseFile.model_fields["cases"].annotation.__args__[0].model_fields.items()
    }
    assert {name for name in names if f"`{name}" not in PAGE and f"{name}:" not in PAGE} == set()


@pytest.mark.parametrize("number", range(PAGE.count("```yaml")))
def test_examples_can_be_read(number: int) -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[number].replace("            …\n", "")
    if example.count("sequence_by:") > 1:
        example = example.splitlines()[0]
    assert read_yaml(example.encode(), "example").findings == []


def test_the_example_of_values_means_what_the_page_says(tmp_path: Path) -> None:
    section = PAGE.partition("## values")[2].partition("\n## ")[0]
    (example,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    path = tmp_path / "charges.yaml"
    path.write_text(f"{TOP}{example}")
    shutil.copytree(Path(__file__).parents[2] / "channels/tables", tmp_path / "tables")
    assert examine(path).findings == []
    joined = Values(yaml.safe_load(example)["values"]).written_out(parse("FT1-13.1 + ward"))
    assert (
        " or ".join(
            " + ".join(part.text for part in parts_of(one) if isinstance(part, PathText))
            for one in joined.sources
        )
        in section
    )


ACKNOWLEDGEMENT = (Path(__file__).parents[2] / "docs/manual/acknowledgement.md").read_text()


def test_the_example_of_answers_apart_is_a_source() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", ACKNOWLEDGEMENT, re.DOTALL)
    found = read_yaml(example.encode(), "example")
    assert found.findings == []
    source = yaml.safe_load(example)["source"]["mllp"]
    assert spec.MllpSource.model_validate({**source, "listen": "tcp:2580"}).app_ack == "separate"


@pytest.mark.parametrize(
    "name",
    [
        "acknowledge", "acknowledge_timeout", "acknowledge_late", "ack_mode", "app_ack", "app_ack_to",
        "app_ack_tls", "charset", "charset_strict", "control_id_reuse", "filtered", "mllp_release",
        "respond", "sequence_numbers", "store_unavailable",
    ],
)  # fmt: skip
def test_every_setting_of_answers_is_on_their_page(name: str) -> None:
    assert name in spec.MllpSource.model_fields
    assert re.search(rf"`{name}[`:]", ACKNOWLEDGEMENT) or f"    {name}:" in ACKNOWLEDGEMENT


FILES = (Path(__file__).parents[2] / "docs/manual/batches-and-files.md").read_text()


@pytest.mark.parametrize(
    "name", sorted(spec.FolderSource.model_fields.keys() - spec.Hl7Source.model_fields.keys())
)
def test_every_key_of_a_folder_is_named(name: str) -> None:
    assert re.search(rf"\b{name}\b", FILES)


def test_the_example_of_a_folder_is_a_source() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", FILES, re.DOTALL)
    assert read_yaml(example.encode(), "example").findings == []
    source = spec.SourceSpec.model_validate(yaml.safe_load(example)["source"])
    assert isinstance(source.door, spec.FolderSource)
    assert source.place == ("source", "folder")
