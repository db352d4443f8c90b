"""How the engine stands, out of what it wrote into the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.console.frame import Standing
from engine.console.standing import SILENT, standing
from engine.store.base import Store
from engine.store.keys import KeyRing
from engine.store.sql import open_store

NOW = 1_790_000_000.0
PROCESS = 'wardline_process{process="n/0",version="1"}'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(f"sqlite:///{tmp_path}/wardline.db", KeyRing({"first": b"\x07" * 32}))
    yield opened
    opened.close()


def part(name: str) -> str:
    return f'wardline_part{{part="{name}",process="n/0"}}'


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"store": 2.0, "routing": 2.0}, Standing("Engine running", "good")),
        ({"store": 2.0, "audit": 1.0}, Standing("Degraded: audit", "warn")),
        ({"store": 0.0, "audit": 1.0}, Standing("Not ready: store", "bad")),
        ({"running": 0.0, "listener charges": 0.0}, Standing("Engine stopped", "bad")),
        ({"running": 2.0, "listener charges": 0.0}, Standing("Not ready: listener charges", "bad")),
        (
            {"a": 0.0, "b": 0.0, "c": 0.0, "d": 0.0},
            Standing("Not ready: a, b, c …", "bad"),
        ),
    ],
)
def test_it_stands_as_its_worst_part_does(store: Store, parts: dict[str, float], said: Standing) -> None:
    store.measure({}, {PROCESS: NOW, **{part(name): value for name, value in parts.items()}}, at=NOW)
    assert standing(store, NOW + 1) == said


def test_an_engine_that_is_not_heard_is_told_with_when_it_was(store: Store) -> None:
    assert standing(store, NOW) == Standing("No engine yet", "bad")
    store.measure({}, {PROCESS: NOW, part("store"): 2.0}, at=NOW)
    assert standing(store, NOW + SILENT - 1).kind == "good"
    assert standing(store, NOW + SILENT + 1) == Standing("Engine silent since 14:13 UTC", "bad")
    later = standing(store, NOW + 86400)
    assert later == Standing("Engine silent since 2026-09-21 14:13 UTC", "bad")
