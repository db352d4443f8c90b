"""Paths as they come on the wire, and cursors that nobody can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fhir.issues import Rejected
from engine.listeners.fhir.cursors import open_cursor, seal_cursor
from engine.listeners.fhir.routes import Route, parse_path
from engine.store.cipher import Cipher
from engine.store.keys import KeyRing

CIPHER = Cipher(KeyRing({"a": b"\x05" * 32}), "cursor")


@pytest.mark.parametrize(
    ("path", "method", "interaction"),
    [
        (b"/fhir/R4", "POST", "bundle"),
        (b"/fhir/R4/", "POST", "bundle"),
        (b"/fhir/R5/metadata", "GET", "capabilities"),
        (b"/fhir/R4/SupplyRequest", "POST", "create"),
        (b"/fhir/R4/SupplyRequest", "PUT", "conditional-update"),
        (b"/fhir/R4/SupplyRequest/_search", "POST", "search-form"),
        (b"/fhir/R4/SupplyRequest/a.b-1", "PATCH", "patch"),
        (b"/fhir/R4/SupplyRequest/1/_history/2", "GET", "vread"),
        (b"/fhir/R4B/%24process-message", "POST", "process-message"),
        (b"/fhir/R4/.well-known/smart-configuration", "GET", "smart"),
        (b"/auth/token", "POST", "token"),
    ],
)
def test_routes(path: bytes, method: str, interaction: str) -> None:
    assert parse_path(path).methods[method] == interaction


def _route(raw: bytes) -> Route | None:
    """Where a path leads; None when it is refused as it should be."""
    try:
        return parse_path(raw)
    except Rejected as error:
        return None if error.status in (400, 404) else pytest.fail("refused in another way")


@given(st.binary(max_size=60) | st.text("/.%20efhirR4SupplyRequest_$\\", max_size=40).map(str.encode))
def test_whatever_path(path: bytes) -> None:
    """A route whose parts are harmless, or a refusal."""
    for route in filter(None, map(_route, (path, b"/fhir/R4/" + path))):
        for part in (route.type, route.id):
            assert part not in (".", "..")
            assert not set(part) & set("/\\%\0 ?#")


def test_cursors_are_sealed_and_bound() -> None:
    text = seal_cursor(CIPHER, "client", "R4/Patient", ["JaneDoeXyz"])
    assert "JaneDoe" not in text
    assert open_cursor(CIPHER, "client", "R4/Patient", text, list[str]) == ["JaneDoeXyz"]
    for client, place, given_ in (
        ("other", "R4/Patient", text),
        ("client", "R5/Patient", text),
        ("client", "R4/Patient", text[:-2] + "AA"),
        ("client", "R4/Patient", "x"),
        ("client", "R4/Patient", ""),
        ("client", "R4/Patient", "é"),
    ):
        with pytest.raises(Rejected) as refused:
            open_cursor(CIPHER, client, place, given_, list[str])
        assert refused.value.status == 400
