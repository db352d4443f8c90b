"""What a destination's name in a program opens, and what it does not."""

from __future__ import annotations

import pytest

from engine.app.carriers import open_destinations
from engine.destinations.mllp import MllpDestination
from engine.errors import Misconfigured


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
