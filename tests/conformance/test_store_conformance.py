"""The store's contract, over every implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conformance.emptied import emptied
from conformance.store_contract import RING, StoreContract

from engine.store.base import MessageStore
from engine.store.sql import open_store


class TestSqlite(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[MessageStore]:
        store = open_store(f"sqlite:///{tmp_path}/wardline.db", RING)
        yield store
        store.close()


@pytest.fixture(scope="module")
def shared_url(new_postgres: Callable[[], str]) -> str:
    """One database for all tests, emptied after each: making one costs more than a test."""
    return new_postgres()


class TestPostgres(StoreContract):
    @pytest.fixture
    def store(self, shared_url: str) -> Iterator[MessageStore]:
        store = open_store(shared_url, RING)
        yield store
        store.close()
        emptied(shared_url)
