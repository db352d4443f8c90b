"""Where application answers go: addresses that can be used, and links that would be unsafe."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.testing import MemoryReactorClock as Reactor

from engine.app.linking import link_address, open_link
from engine.config.spec import ChannelSpec
from engine.errors import Misconfigured
from engine.settings import Settings


def channel(**source: object) -> ChannelSpec:
    return ChannelSpec.model_validate(
        {
            "channel": "charges",
            "description": "Answers apart.",
            "owner": {"business": "a@hospital.example", "technical": "b@hospital.example"},
            "source": {
                "mllp": {"listen": "tcp:0", "message_types": ["ADT"], "app_ack": "separate", **source}
            },
            "sequence_by": "PID-3",
            "effects": [{"merge": {"kind": "person", "gone": "MRG-1", "into": "PID-3"}}],
            "destinations": [{"ledger": {"path": "out.jsonl"}}],
        }
    )


def test_an_address_or_the_variable_that_holds_one() -> None:
    assert link_address("tcp:127.0.0.1:2581", {}, "here") == ("127.0.0.1", 2581)
    assert link_address("tcp:[::1]:2581", {}, "here") == ("::1", 2581)
    assert link_address("env:PEER", {"PEER": "tcp:billing.example:2581"}, "here") == ("billing.example", 2581)


@pytest.mark.parametrize(
    "text", ["", "2581", "tcp:2581", "tcp:host:", "tcp:host:0", "tcp:host:65536", "env:NONE"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(Misconfigured, match="here"):
        link_address(text, {}, "here")


def test_a_plain_link_beyond_this_machine_has_to_be_wanted() -> None:
    far = channel(app_ack_to="tcp:10.1.2.3:2581")
    with pytest.raises(Misconfigured, match="charges: app_ack_to"):
        open_link(Reactor(), far, Settings())
    assert open_link(Reactor(), far, Settings(insecure_ok=True))
    assert open_link(Reactor(), channel(app_ack_to="tcp:10.1.2.3:2581", insecure_ok=True), Settings())
    assert open_link(Reactor(), channel(app_ack_to="tcp:127.0.0.1:2581"), Settings())


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nonsense")
    for ca in (tmp_path / "missing.pem", tmp_path / "ca.pem"):
        with pytest.raises(Misconfigured, match="charges: app_ack_to"):
            open_link(
                Reactor(), channel(app_ack_to="tcp:10.1.2.3:2581", app_ack_tls={"ca": str(ca)}), Settings()
            )
