"""Whatever two files say: merged is what a person expects, and every part knows where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from engine.config.finding import Place, Problem
from engine.config.reading import Node, read_yaml
from engine.config.sites import Overlay, laid_over
from engine.config.spec.sites import SiteSpec

NAMES = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.sampled_from(["one", "two", "three"])
TREES = st.recursive(
    TEXTS | st.lists(TEXTS, max_size=2), lambda part: st.dictionaries(NAMES, part, max_size=3), max_leaves=12
)
PARTS = st.dictionaries(NAMES, TREES, max_size=4)


def written(node: Node) -> bytes:
    """As YAML, each leaf on a line of its own."""
    return json.dumps(node, indent=1).encode()


def leaves(node: Node, place: Place = ()) -> Iterator[tuple[Place, Node]]:
    if isinstance(node, dict) and node:
        for key, part in node.items():
            yield from leaves(part, (*place, key))
    else:
        yield place, node


def expected(below: Node, above: Node) -> Node:
    if not isinstance(below, dict) or not isinstance(above, dict):
        return above
    return {
        **below,
        **{key: expected(below[key], part) if key in below else part for key, part in above.items()},
    }


def at(node: Node, place: Place) -> Node | None:
    for part in place:
        if not isinstance(node, dict) or part not in node:
            return None
        node = node[str(part)]
    return node


@given(base=PARTS, everywhere=PARTS, own=PARTS)
def test_merged_key_by_key_and_every_part_knows_its_file(
    base: dict[str, Node], everywhere: dict[str, Node], own: dict[str, Node]
) -> None:
    channel: dict[str, Node] = {**base, "channel": "charges"}
    site: dict[str, Node] = {
        "site": "north",
        "description": "x",
        "all": everywhere,
        "channels": {"charges": own},
    }
    read, over = read_yaml(written(channel), "charges.yaml"), read_yaml(written(site), "north.yaml")
    spec = SiteSpec.model_validate(over.data)
    merged = laid_over(channel, read.positions, [Overlay(Path("north.yaml"), over.positions, [], spec)])
    assert merged == expected(expected(channel, everywhere), own)
    rows = {"charges.yaml": written(channel).splitlines(), "north.yaml": written(site).splitlines()}
    for place, leaf in leaves(merged):
        found = read.positions.finding(Problem(place, ""))
        given_above = [
            part for part in (own, everywhere) if at(part, place) == leaf and at(part, place) is not None
        ]
        if at(channel, place) != leaf:
            assert found.file == "north.yaml", place
        if not given_above and leaf not in ({}, []):
            assert found.file == "charges.yaml", place
        if isinstance(leaf, str):
            row = rows[found.file][found.line - 1].decode()
            assert row[found.column - 1 :].startswith(json.dumps(leaf)), place
            key = read.positions.finding(Problem(place, "", on_key=True))
            assert (key.file, key.line) == (found.file, found.line)
