"""A fresh hospital per test module for the tests against the real Odoo, and its administrator's view."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from odoo_desk import Desk, Mirror

from demo.odoo import Running, drop_database, fresh_database
from demo.session import Session


@pytest.fixture(scope="module")
def hospital(request: pytest.FixtureRequest) -> Iterator[Running]:
    """A database with the hospital in it; the integration user has the least rights."""
    if os.environ.get("WARDLINE_ODOO") == "none":
        pytest.skip("WARDLINE_ODOO=none: tests against the real Odoo are switched off")
    found = fresh_database(request.module.__name__.rpartition(".")[2])
    yield found
    drop_database(found)


@pytest.fixture(scope="module")
def admin(hospital: Running) -> Iterator[Session]:
    """An administrator, for what the hospital's people do and for reading back."""
    with Session(hospital.url, hospital.database, hospital.admin.login, hospital.admin.password) as session:
        yield session


@pytest.fixture(scope="module")
def mirror(admin: Session) -> Mirror:
    return Mirror(admin)


@pytest.fixture
def desk(hospital: Running) -> Iterator[Desk]:
    """A desk whose deliveries go over the transport that is chosen by itself (JSON-2)."""
    made = Desk(hospital)
    yield made
    made.close()
