"""The schemas serve yaml-language-server, which is behind most editors: nothing is said of what is shipped,
what is misspelt is underlined, keys and words are offered with what they mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from editor import ROOT, Editor, editing

PAGE = (ROOT / "docs/manual/editors.md").read_text()
SCHEMAS: dict[str, list[str]] = json.loads(PAGE.partition("```json")[2].partition("```")[0])["yaml.schemas"]

CHANNEL = ROOT / "channels/dft-charges.yaml"
CHANNELS = ROOT / "channels"
SHIPPED = [
    *(path for path in sorted(CHANNELS.glob("*.yaml")) if ".test." not in path.name),
    *sorted(CHANNELS.glob("sites/*.yaml")),
    *sorted(CHANNELS.glob("*.test.yaml"), key=lambda path: path.stat().st_size)[:3],
    *sorted(CHANNELS.glob("tables/*.table.yaml"))[:5],
    CHANNELS / "fhir/clients.yaml",
]


@pytest.fixture(scope="module")
def editor() -> Iterator[Editor]:
    with editing(SCHEMAS) as one:
        yield one


def test_nothing_is_said_of_what_is_shipped(editor: Editor) -> None:
    said = {path.name: editor.open(path).said for path in SHIPPED}
    assert {name: found for name, found in said.items() if found} == {}


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("description:", "descripton:", "Property descripton is not allowed."),
        ("    charge:\n", "    chrage:\n", "Property chrage is not allowed."),
        (
            "    listen:",
            "    acknowledge: storge\n    listen:",
            'Value is not accepted. Valid values: "storage"',
        ),
        ("      item:", "      itme:", "Property itme is not allowed."),
    ],
)
def test_what_is_misspelt_is_underlined(editor: Editor, before: str, after: str, said: str) -> None:
    text = CHANNEL.read_text()
    assert before in text
    spoiled = text.replace(before, after, 1)
    line = spoiled[: spoiled.index(after)].count("\n") + 1
    assert any(at == line and words.startswith(said) for at, words in editor.open(CHANNEL, spoiled).said)


@pytest.mark.parametrize(
    ("name", "line"),
    [("misspelt-choice", 7), ("unknown-key", 2), ("key-of-the-top", 8), ("cases/state-misspelt.test", 8)],
)
def test_spoiled_files_are_told_where_lint_tells_them(editor: Editor, name: str, line: int) -> None:
    spoiled = ROOT / f"tests/config/spoiled/{name}.yaml"
    opened = editor.open(ROOT / "channels" / spoiled.name, spoiled.read_text())
    assert line in [at for at, _ in opened.said]


TOP = """\
channel: new
description: A channel that is being written.
owner: {business: a@hospital.example, technical: b@hospital.example}
source:
  mllp:
    listen: tcp:2600
    acknowledge: \n
sequence_by: PV1-19
effects:
  - name: charge
    """


def _offered(editor: Editor, path: Path, text: str, marked: str) -> dict[str, dict[str, Any]]:
    found = editor.at("completion", editor.open(path, text), marked)
    return {one["label"]: one for one in found["items"]}


def test_keys_are_offered_with_what_they_mean(editor: Editor) -> None:
    offered = _offered(editor, CHANNEL, TOP, TOP)
    assert {"when", "for_each", "reserve", "charge", "consume", "refuse"} <= offered.keys()
    assert "name" not in offered
    said = offered["for_each"]["documentation"]
    assert "runs once for each" in (said if isinstance(said, str) else said["value"])


def test_words_are_offered(editor: Editor) -> None:
    assert {"storage", "transform", "delivery"} <= _offered(editor, CHANNEL, TOP, "acknowledge: ").keys()


def test_effects_are_offered_in_cases(editor: Editor) -> None:
    text = "cases:\n  - name: a\n    expect:\n      effects:\n        - "
    path = ROOT / "channels/dft-charges.test.yaml"
    assert {"charge", "credit", "reserve"} <= _offered(editor, path, text, text).keys()


def test_a_site_is_offered_what_a_channel_may_say(editor: Editor) -> None:
    text = "site: north\ndescription: x\nchannels:\n  dft-charges:\n    "
    path = ROOT / "channels/sites/north.yaml"
    assert {"source", "tables", "values", "criticality"} <= _offered(editor, path, text, text).keys()


def test_a_key_says_what_it_means_under_the_pointer(editor: Editor) -> None:
    said = editor.at("hover", editor.open(CHANNEL), "\nsequence_b")
    assert "applied in order" in said["contents"]["value"]
