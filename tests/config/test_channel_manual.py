"""The page on channel files names every word of the language, and its YAML can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.config import spec
from engine.config.cases import CaseFile, Expectation
from engine.config.reading import read_yaml
from engine.transforms.verbs import VERBS

PAGE = (Path(__file__).parents[2] / "docs/manual/channels.md").read_text()
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
