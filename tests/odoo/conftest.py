"""Fixtures for tests that need the real Odoo 19: `odoo` brings it up, `hospital` is a database of one's own.

`WARDLINE_ODOO=none` skips these tests; where Odoo cannot be had they fail, so that nobody mistakes
their absence for their success.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.odoo import Running, drop_database, fresh_database, up
from demo.session import Session


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test below this folder is marked `odoo` and may take as long as a first start takes."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.odoo)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def odoo() -> Running:
    """The Odoo that is up; its database `hospital` belongs to the demo, so only look."""
    if os.environ.get("WARDLINE_ODOO") == "none":
        pytest.skip("WARDLINE_ODOO=none: tests against the real Odoo are switched off")
    return up()


@pytest.fixture(scope="module")
def hospital(odoo: Running, request: pytest.FixtureRequest) -> Iterator[Running]:
    """A fresh database with the hospital in it, one per test module, dropped afterwards.

    `hospital.user` is the integration user with the least rights (login, password, key),
    `hospital.ids` the ids by name."""
    found = fresh_database(request.module.__name__)
    yield found
    drop_database(found)


@pytest.fixture(scope="module")
def admin(hospital: Running) -> Iterator[Session]:
    """An administrator's view of `hospital`, for assertions: `admin.read(model, domain, *fields)`."""
    with Session(hospital.url, hospital.database, hospital.admin.login, hospital.admin.password) as session:
        yield session
