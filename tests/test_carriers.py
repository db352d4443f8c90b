"""What a destination's name in a program opens, and what it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from test_checking import program

from engine.app.carriers import open_destinations
from engine.app.carrying import Carrying
from engine.destinations.base import Destination
from engine.destinations.ledger import LedgerDestination
from engine.destinations.mllp import MllpDestination
from engine.destinations.shadow import ShadowDestination
from engine.effects import Release
from engine.errors import Misconfigured
from engine.model import Delivery, Lane, Shadowed
from engine.settings import Settings
from engine.threads import Loop


def test_messages_leave_this_machine_in_the_clear_only_where_that_is_said() -> None:
    env = {"WARDLINE_MLLP_REGISTRY_URL": "mllp://10.1.2.3:2575"}
    with pytest.raises(Misconfigured, match="neither secrecy"):
        open_destinations({"mllp:registry"}, env)
    for allowed in (
        open_destinations({"mllp:registry"}, env, insecure_ok=True),
        open_destinations({"mllp:registry"}, {"WARDLINE_MLLP_REGISTRY_URL": "mllps://10.1.2.3:2575"}),
        open_destinations({"mllp:registry"}, {"WARDLINE_MLLP_REGISTRY_URL": "mllp://127.0.0.1:2575"}),
    ):
        assert isinstance(allowed["mllp:registry"], MllpDestination)


def _no_loop(name: str, _: Destination, lane: Lane) -> Loop:
    raise AssertionError(f"{name} {lane}: nothing is delivered here")


def test_what_a_shadow_would_write_is_written_nowhere(tmp_path: Path) -> None:
    ledger, folder = tmp_path / "ledger.ndjson", tmp_path / "out"
    names = {
        "shadow:odoo:hospital",
        f"shadow:ledger:{ledger}",
        f"shadow:folder:{folder}",
        "shadow:mllp:registry",
    }
    carrying = Carrying(Settings(ledger=ledger), (0, 1), _no_loop)
    dry = carrying.missing([replace(program(), destinations=(*names, "odoo:hospital"))])
    real = open_destinations(names - {"shadow:odoo:hospital"}, {})  # that one needs settings of an Odoo
    assert isinstance(dry.pop("odoo:hospital"), LedgerDestination)
    one = Delivery(1, 1, "c", "shadow", Release(key="k"), "", 1)
    for destination in (*dry.values(), *real.values()):
        assert isinstance(destination, ShadowDestination)
        assert destination.deliver([one], lambda _: None) == [Shadowed({"would": "write"})]
    assert ledger.read_bytes() == b""  # made for the other one
    assert not folder.exists()


def test_a_shadow_before_an_odoo_needs_its_connection() -> None:
    with pytest.raises(Misconfigured, match="WARDLINE_ODOO_HOSPITAL"):
        open_destinations({"shadow:odoo:hospital"}, {})
