"""Dead letters edited and replayed in front of a real Odoo: what is put right stands once, the rest stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hospital_messages import Used, charges
from odoo_books import put_in_stock, read_books, sign_in
from odoo_databases import drop_database, fresh_database
from odoo_engine import NEEDS_ODOO, HospitalEngine
from running import wait_for

from engine.app.opening import open_settings
from engine.model import DeliveryState
from engine.settings import Settings
from engine.store.contracts.views import DeliveryView, Query

pytestmark = [*NEEDS_ODOO, pytest.mark.timeout(600)]

WRONG, RIGHT, OTHER = "970001", "270001", "270002"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[HospitalEngine, Any]]:
    hospital = fresh_database("fixing")
    with sign_in(hospital) as admin:
        put_in_stock(admin, hospital)
        engine = HospitalEngine(tmp_path / "engine", hospital)
        yield engine, admin
        engine.end()
    drop_database(hospital)


def ordered(engine: HospitalEngine, *arguments: str) -> str:
    code, said = engine.wardline(*arguments, "--why", "agreed with the ward")
    assert code == 0, said
    return said


def states(engine: HospitalEngine) -> list[str]:
    return [view.state.value for view in engine.messages()]


def deliveries(engine: HospitalEngine, message_id: int) -> list[DeliveryView]:
    with closing(open_settings(Settings(store=engine.store_url))) as store:
        assert store.gaps() == []
        return store.deliveries(Query(limit=100), message_id=message_id)


def lines(admin: Any) -> Counter[tuple[str, float]]:
    return Counter((one.item, one.quantity) for one in read_books(admin).lines.values())


def test_a_dead_letter_is_corrected_replayed_and_stands_once_in_odoo(
    house: tuple[HospitalEngine, Any],
) -> None:
    engine, admin = house
    engine.start()
    engine.send(
        "dft-charges",
        charges("C1", "P9", "V9", Used("T1", WRONG, "3")),
        charges("C2", "P9", "V9", Used("T2", RIGHT, "2")),
    )
    wait_for(lambda: states(engine) == ["dead", "delivered"], "the one that can be carried out", engine)
    before = lines(admin)
    assert [quantity for _, quantity in before] == [2.0]

    ordered(engine, "edit", "1", "--set", f"FT1-7.1={RIGHT}")
    engine.kill()
    engine.start()
    wait_for(lambda: states(engine) == ["delivered"] * 2, "what was corrected", engine)
    stands = lines(admin)
    ((item, _),) = before
    assert stands == Counter({(item, 2.0): 1, (item, 3.0): 1})

    for _ in range(2):  # again, and again: it is the same effect
        ordered(engine, "replay", "--channel", "dft-charges")
        wait_for(lambda: states(engine) == ["delivered"] * 2, "what was replayed", engine)
    assert lines(admin) == stands
    assert {view.again for view in engine.messages()} == {2, 3}
    assert {one.state for one in deliveries(engine, 1)} == {DeliveryState.DELIVERED}

    # What stands in Odoo as a charge is not made another one: a person sees it, and it stays what it was.
    ordered(engine, "edit", "2", "--set", "FT1-10=7")
    wait_for(lambda: states(engine) == ["delivered", "dead"], "what Odoo refuses", engine)
    refused = [one for one in deliveries(engine, 2) if one.state is DeliveryState.DEAD]
    assert {one.reason.code.value for one in refused if one.reason} == {"conflict"}
    replaced = [one for one in deliveries(engine, 2) if one.state is DeliveryState.REPLACED]
    assert all(one.documents for one in replaced)
    ordered(engine, "skip", "--message", "2")
    assert states(engine) == ["delivered", "skipped"]
    assert lines(admin) == stands
    engine.assert_silent()
