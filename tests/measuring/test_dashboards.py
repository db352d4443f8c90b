"""The dashboard and the rules ask for metrics and labels that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.model import MessageState
from engine.telemetry import ASKED, GAUGES, METRICS

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "wardline.json").read_text())
RULES = yaml.safe_load((DEPLOY / "prometheus" / "wardline.rules.yaml").read_text())["groups"][0]["rules"]


def shown() -> dict[str, set[str]]:
    """Every name that `/metrics` has, and its labels."""
    names: dict[str, set[str]] = {name: set(labels) for name, (_, labels) in GAUGES.items()}
    for name, (kind, _, labels) in ASKED.items():
        names[f"{name}_total" if kind == "counter" else name] = set(labels)
    for name, metric in METRICS.items():
        (family,) = metric.describe()
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
        for end in ends:
            names[name + end] = set(metric._labelnames) | ({"le"} if end == "_bucket" else set())
    return names


SHOWN = shown()


def expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for rule in RULES:
        yield rule["alert"], rule["expr"]


ASKED_FOR = list(expressions())


@pytest.mark.parametrize("asked", ASKED_FOR, ids=[name for name, _ in ASKED_FOR])
def test_an_expression_asks_for_what_there_is(asked: tuple[str, str]) -> None:
    _, expression = asked
    names = re.findall(r"(wardline_[a-z_]+)(?:\{([^}]*)\})?", expression)
    assert names or expression.startswith("up{")
    has = set[str]()
    for name, selected in names:
        assert name in SHOWN
        assert set(re.findall(r"(\w+)=~?\"", selected)) <= SHOWN[name]
        has |= SHOWN[name]
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(grouped.split(", ")) <= has
    for text in (expression.replace("$__rate_interval", "5m"),):
        assert all(text.count(one) == text.count(other) for one, other in ("()", "{}", "[]"))


def test_a_text_names_labels_that_its_expression_leaves() -> None:
    for rule in RULES:
        named = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        grouped = re.findall(r"by \(([^)]*)\)", rule["expr"])
        names = re.findall(r"wardline_[a-z_]+", rule["expr"])
        left = set(grouped[0].split(", ")) if grouped else set().union(*(SHOWN[name] for name in names))
        assert named <= left, rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    assert DASHBOARD["uid"] == "wardline"
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_words_in_expressions_are_the_engine_s() -> None:
    words = set(re.findall(r'what=~?"([^"]+)"', " ".join(expression for _, expression in ASKED_FOR)))
    known = set(re.findall(r"`(\w+)`", ASKED["wardline_backlog"][1]))
    assert {word for group in words for word in group.split("|")} <= known
    assert MessageState.DEAD.value == "dead"
