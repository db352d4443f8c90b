"""What tests do when they are done with a database of Odoo: it is searched for what they sent, and a name in
it is found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hospital_messages import admission
from odoo_books import sign_in
from odoo_databases import drop_database, fresh_database, identifying_in
from odoo_engine import NEEDS_ODOO, HospitalEngine

from demo.odoo import Running
from engine.proof.values import identifying

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(300)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[tuple[HospitalEngine, Running]]:
    found = fresh_database("searched")
    engine = HospitalEngine(tmp_path, found)
    engine.start()
    try:
        engine.send("adt-encounters", admission("1", "LH480011", "LV620011"))
        (view,) = engine.all_settled()
        assert view.state.value == "delivered"
        yield engine, found
    finally:
        engine.end()


def test_a_name_that_got_into_odoo_fails_the_tests_that_wrote_there(
    engine: tuple[HospitalEngine, Running],
) -> None:
    running, found = engine
    with running.store() as store:
        sent = identifying([store.content(1)])
    assert len(sent) > 3
    assert identifying_in(found, [running]) == {}
    with sign_in(found) as admin:
        for number, text in enumerate(sorted(sent)):
            admin.call("res.partner", "create", [{"name": f"Ward {number}", "comment": f"of {text.lower()}"}])
    (held,) = identifying_in(found, [running]).values()
    assert {text.lower() for text in sent} <= held
    with pytest.raises(AssertionError):
        drop_database(found)
