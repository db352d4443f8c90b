"""The FHIR door in a whole engine: a resource that was answered 201 becomes effects, whatever happens."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from running import Engine, wait_for

KEY = "0123456789abcdef0123456789abcdef"

CHANNEL = """\
channel: {name}
description: What a ward asks for is reserved.
owner: {{business: stock@hospital.example, technical: interfaces@hospital.example}}
source:
  fhir:
    listen: {listen}
    clients: clients/fhir.yaml
    resources:
      {type}: [create, read, update, search, history]
{effects}
destinations:
  - odoo: {{connection: test}}
"""

RESERVE = """\
sequence_by: SupplyRequest.id
effects:
  - when: {SupplyRequest.status: active}
    reserve:
      key: "{SupplyRequest.id}"
      item: SupplyRequest.itemCodeableConcept
      quantity: SupplyRequest.quantity
      destination: literal(WH/Wards/ICU)
"""

CHARGE = """\
sequence_by: ChargeItem.id
effects:
  - when: {ChargeItem.status: billable}
    charge:
      key: "{ChargeItem.id}"
      item: ChargeItem.code
      quantity: ChargeItem.quantity | default(1)
      encounter: ChargeItem.context
"""

CLIENTS = """\
clients:
  - id: ward
    name: The ward's system
    key: env:WARD_KEY
    scopes: [system/SupplyRequest.cruds, system/ChargeItem.cruds]
"""


def _engine(folder: Path, *channels: str) -> Engine:
    engine = Engine(folder, *channels, settings={"DEV_KEYS": "true"})
    engine.environment["WARD_KEY"] = KEY
    clients = engine.channels / "clients"
    clients.mkdir()
    (clients / "fhir.yaml").write_text(CLIENTS)
    return engine.start()


def _client(engine: Engine) -> httpx.Client:
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/fhir+json"}
    address = f"http://127.0.0.1:{engine.port()}/fhir/R4"
    return httpx.Client(base_url=address, headers=headers, timeout=20, trust_env=False)


def _request(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "SupplyRequest",
        "status": "active",
        "itemCodeableConcept": {"coding": [{"system": "urn:i", "code": "G100"}]},
        "quantity": {"value": 2},
        **more,
    }


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    running = _engine(
        tmp_path,
        CHANNEL.format(name="requests", listen="tcp:0", type="SupplyRequest", effects=RESERVE),
        CHANNEL.format(name="charges", listen="tcp:0", type="ChargeItem", effects=CHARGE),
    )
    try:
        yield running
    finally:
        running.kill()


def test_a_request_becomes_a_reservation_once(engine: Engine) -> None:
    """Two channels share the address; what was answered survives kill -9 and is told as done after it."""
    with _client(engine) as client:
        created = client.post("/SupplyRequest", json=_request(), headers={"Prefer": "respond-async"})
        assert created.status_code == 202
        task = created.headers["content-location"]
        location = created.headers["location"]
        billed = {
            "resourceType": "ChargeItem",
            "status": "billable",
            "code": {"coding": [{"system": "urn:c", "code": "C1"}]},
            "subject": {"reference": "Patient/1"},
            "context": {"reference": "Encounter/1"},
        }
        assert client.post("/ChargeItem", json=billed).status_code == 201
        assert client.post("/Location", json={"resourceType": "Location"}).status_code == 404
    engine.kill()
    engine.start()
    engine.settle()
    with _client(engine) as client:
        path = httpx.URL(task).path.removeprefix("/fhir/R4")
        assert client.get(path).json()["status"] == "completed"
        address = httpx.URL(location).path.removeprefix("/fhir/R4").partition("/_history")[0]
        read = client.get(address)
        assert read.json()["extension"][0]["extension"][0] == {"url": "state", "valueCode": "delivered"}
    kinds = sorted(line["effect"]["effect"] for line in engine.ledger())
    assert kinds == ["charge", "reserve"]
    assert engine.parts()["listener requests charges"] == "ready"
    counted = 'wardline_fhir_requests_total{channel="requests",interaction="read",status="2xx"}'
    assert counted in engine.metrics()


def test_a_stop_answers_what_is_in_work(engine: Engine) -> None:
    """SIGTERM while a body is on its way: it is answered, then the engine ends."""
    body = json.dumps(_request()).encode()
    head = (
        "POST /fhir/R4/SupplyRequest HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", engine.port()), 10) as wire:
        wire.sendall(head.encode() + body[:10])
        time.sleep(0.1)
        codes: list[int] = []
        stop = threading.Thread(target=lambda: codes.append(engine.stop()))
        stop.start()
        wait_for(lambda: any("engine stopping" in line for line in engine.logs), "the stop to begin", engine)
        wire.sendall(body[10:])
        answer = wire.recv(65536)
        stop.join(30)
    assert answer.startswith(b"HTTP/1.1 201")
    assert codes == [0]


def test_plain_http_beyond_loopback_is_refused(tmp_path: Path) -> None:
    channel = CHANNEL.format(name="requests", listen="tcp:0.0.0.0:0", type="SupplyRequest", effects=RESERVE)
    engine = Engine(tmp_path, channel, settings={"DEV_KEYS": "true"})
    engine.environment["WARD_KEY"] = KEY
    (engine.channels / "clients").mkdir()
    (engine.channels / "clients" / "fhir.yaml").write_text(CLIENTS)
    engine.spawn()
    assert engine.wait() != 0


def test_F42_a_transaction_is_there_whole_or_not_at_all(engine: Engine) -> None:
    """kill -9 somewhere in a transaction of 100 creates."""
    entries = [
        {"resource": _request(), "request": {"method": "POST", "url": "SupplyRequest"}} for _ in range(100)
    ]
    body = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    stored = 0
    for wait in (0.0, 0.05, 0.12):
        killer = threading.Timer(wait, engine.kill)
        answered = False
        with _client(engine) as client, suppress(httpx.TransportError):
            killer.start()
            answered = client.post("", json=body).status_code == 200
        killer.join()
        engine.start()
        engine.settle()
        with _client(engine) as client:
            found = client.get("/SupplyRequest?_summary=count").json()["total"]
        assert found - stored in ((100,) if answered else (0, 100))
        stored = found
    assert len(engine.ledger()) == stored
