"""Series: what is written is read back, whatever the labels hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, generate_latest

from engine.telemetry import parsed, series


@pytest.mark.parametrize(
    ("name", "labels", "text"),
    [
        ("wardline_contents_purged", {}, "wardline_contents_purged"),
        ("wardline_files", {"result": "done", "channel": "x"}, 'wardline_files{channel="x",result="done"}'),
        ("wardline_files", {"channel": 'a"b\\n'}, 'wardline_files{channel="a\\"b\\\\n"}'),
    ],
)
def test_a_series_is_written_as_prometheus_writes_it(name: str, labels: dict[str, str], text: str) -> None:
    assert series(name, **labels) == text
    registry = CollectorRegistry()
    counter = Counter(name, "x", sorted(labels), registry=registry)
    if labels:
        counter.labels(**labels)
        assert text.replace("{", "_total{") in generate_latest(registry).decode()


@given(st.dictionaries(st.sampled_from(["channel", "kind", "part"]), st.text(max_size=12)))
def test_what_is_written_is_read_back(labels: dict[str, str]) -> None:
    assert parsed(series("wardline_x", **labels)) == ("wardline_x", labels)
