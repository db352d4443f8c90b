"""A real store that remembers assertions, shared by a file's tests: their assertions all differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.access.assertions import FirstUse
from engine.store.keys import KeyRing
from engine.store.sql import open_store


@pytest.fixture(scope="module")
def first_use(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstUse]:
    folder: Path = tmp_path_factory.mktemp("store")
    store = open_store(f"sqlite:///{folder}/wardline.db", KeyRing({"first": bytes(32)}))
    yield store.first_use
    store.close()
