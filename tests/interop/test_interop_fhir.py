"""FHIR clients that nobody here wrote, against the running engine with the shipped channels: create, read,
update with If-Match, search page by page, conditional create, transaction; R4 and R5."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fhir_engine import FhirEngine, billed, wanted
from interop_peers import LONGEST, PEERS, node

VERSIONS = {"R4": "4.0.1", "R5": "5.0.0"}
UUID = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirEngine]:
    running = FhirEngine(tmp_path_factory.mktemp("interop"))
    running.start()
    try:
        yield running
        assert running.stop() == 0
    finally:
        if running.runs:
            running.kill()


def _bodies(release: str) -> dict[str, Any]:
    """What peers send: a request, and a transaction of a request with a charge item that refers to it."""
    request, charge = wanted(), billed(service=[{"reference": UUID}])
    del request["identifier"]
    if release == "R5":
        request["item"] = {"concept": request.pop("itemCodeableConcept")}
        charge["encounter"] = charge.pop("context")
        charge["service"] = [{"reference": {"reference": UUID}}]
    entries = [
        {"fullUrl": UUID, "resource": request, "request": {"method": "POST", "url": "SupplyRequest"}},
        {"resource": charge, "request": {"method": "POST", "url": "ChargeItem"}},
    ]
    return {"request": request, "entries": entries}


def _ran(peer: list[str], engine: FhirEngine, release: str, folder: Path) -> dict[str, Any]:
    """What a peer found when it did all that it does."""
    config, out = folder / "config.json", folder / "out.json"
    given = {
        "base": f"{engine.url}/fhir/{release}",
        "token": engine.token(),
        "tag": folder.name,
        "out": str(out),
    }
    config.write_text(json.dumps({**given, **_bodies(release)}))
    done = subprocess.run([*peer, str(config)], capture_output=True, timeout=LONGEST, check=False)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    found = json.loads(out.read_text())
    _check(found, release)
    return dict(found)


def _check(found: dict[str, Any], release: str) -> None:
    """What every client must find."""
    assert found.get("version", VERSIONS[release]) == VERSIONS[release]
    assert found["created"]["version"] == "1"
    assert found["read"]["id"] == found["created"]["id"]
    assert found["read"]["quantity"]["value"] == 2
    assert (found["updated"], found["stale"]) == ("2", "conflict")
    assert len(found["searched"]) == len(set(found["searched"])) == 5
    assert found["created"]["id"] in found["searched"]
    assert len(set(found["conditional"])) == 1
    assert found["transaction"] == ["201 Created", "201 Created"]
    service = found["linked"]["service"][0]["reference"]
    linked = service["reference"] if release == "R5" else service
    assert linked.startswith("SupplyRequest/")
    assert "code-invalid" in found["refused"]
    assert found["unknown"] == "not-found"


@pytest.mark.parametrize("release", VERSIONS)
def test_fhirpy(engine: FhirEngine, release: str, tmp_path: Path) -> None:
    found = _ran([sys.executable, str(PEERS / "fhirpy_peer.py")], engine, release, tmp_path)
    assert found["get_or_create"] == "invalid"  # and not a second one
    assert found["patched"] == ["not-supported"]


def test_fhirclient(engine: FhirEngine, tmp_path: Path) -> None:
    _ran([sys.executable, str(PEERS / "fhirclient_peer.py")], engine, "R4", tmp_path)


@pytest.mark.parametrize("release", VERSIONS)
def test_fhir_kit_client(engine: FhirEngine, release: str, tmp_path: Path) -> None:
    found = _ran(node("fhir_kit"), engine, release, tmp_path)
    assert (found["patched"], found["first"], found["versions"], found["posted"]) == ("cancelled", 2, 3, 1)
    assert found["token_url"] == f"{engine.url}/auth/token"
