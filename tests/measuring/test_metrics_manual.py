"""The page of metrics names what there is; nothing is measured by what a message says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.measuring.keeping import HISTORY
from engine.measuring.manual import LOGS_PAGE, METRICS_PAGE, logs_page, metrics_page
from engine.telemetry import ASKED, GAUGES, LABELS, METRICS

ROOT = Path(__file__).parents[2]
LABELLED = {
    **{name: tuple(metric._labelnames) for name, metric in METRICS.items()},
    **{name: labels for name, (_, labels) in GAUGES.items()},
    **{name: labels for name, (_, _, labels) in ASKED.items()},
}


def test_the_page_is_as_it_is_generated() -> None:
    said = "`wardline schema --write .` writes it"
    assert (ROOT / METRICS_PAGE).read_text(encoding="utf-8") == metrics_page(), said


def test_the_page_of_log_lines_is_as_it_is_generated() -> None:
    assert (ROOT / LOGS_PAGE).read_text(encoding="utf-8") == logs_page(), (
        "`wardline schema --write .` writes it"
    )


def test_what_is_logged_is_in_the_catalogue_and_nothing_logs_beside_it() -> None:
    """One logger for all that is said, and whoever calls it is the catalogue."""
    speaking = [
        path.relative_to(ROOT)
        for path in sorted((ROOT / "engine").rglob("*.py"))
        if re.search(
            r"structlog|\(Signal, frozen|\blogging\.(?:info|warning|error|exception)\(", path.read_text()
        )
    ]
    assert {path.parts[:2] for path in speaking} == {("engine", "telemetry")}


@pytest.mark.parametrize("name", sorted(LABELLED))
def test_a_metric_has_labels_that_are_allowed_and_a_text(name: str) -> None:
    assert set(LABELLED[name]) <= LABELS.keys() - {"le"}
    assert re.fullmatch(r"wardline_[a-z_]+", name)
    (row,) = re.findall(rf"^\| `{name}(?:_total)?` \|.*$", metrics_page(), re.MULTILINE)
    assert row.endswith((". |", "). |"))


def test_history_is_kept_of_metrics_that_are_there() -> None:
    assert METRICS.keys() >= HISTORY


def test_labels_that_nothing_has_are_not_listed() -> None:
    used = {label for labels in LABELLED.values() for label in labels}
    assert used >= set(re.findall(r"^\| `(\w+)` \| [^|]*\|$", metrics_page(), re.MULTILINE))
