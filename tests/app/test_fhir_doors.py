"""Doors that would be unsafe, or tell clients a wrong address, do not open."""

from __future__ import annotations

import pytest

from engine.app.fhir_wanted import check_safe
from engine.app.listening import Address
from engine.config.spec import FhirSource
from engine.errors import Misconfigured
from engine.settings import Settings


@pytest.mark.parametrize(
    ("host", "insecure_ok", "wrong"),
    [
        ("192.0.2.1", False, "plain HTTP beyond loopback"),
        ("0.0.0.0", False, "plain HTTP beyond loopback"),
        ("0.0.0.0", True, "clients cannot be told where they are"),
        ("::", True, "clients cannot be told where they are"),
    ],
)
def test_a_door_that_is_unsafe_or_nowhere(host: str, insecure_ok: bool, wrong: str) -> None:
    source = FhirSource(
        listen=f"tcp:{host}:0",
        insecure_ok=insecure_ok,
        resources={"Patient": ["read"]},
        clients="clients.yaml",
    )
    with pytest.raises(Misconfigured, match=wrong):
        check_safe(Address(host, 0), source, None, "supply", Settings())
