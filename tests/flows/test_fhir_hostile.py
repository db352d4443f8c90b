"""What strangers and accidents do to the whole engine over real HTTP: attacks, content that must have no
voice, a client that asks too often, a full disk, kill -9 (spec: FHIR, F29, F42, F47, F51 to F58; T04)."""

from __future__ import annotations

import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fhir_engine import FhirEngine, billed, outcome_of, wanted
from running import at_once, wait_for

from tests.fhir.test_fhir_xml import ATTACKS

JANE, DOE = "Zqjane", "Zqdoe"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirEngine]:
    running = FhirEngine(tmp_path_factory.mktemp("hostile"))
    running.start("loud")
    try:
        yield running
        assert running.stop() == 0
    finally:
        if running.runs:
            running.kill()


@pytest.fixture
def client(engine: FhirEngine) -> Iterator[httpx.Client]:
    with engine.client() as opened:
        yield opened


def _silent(engine: FhirEngine, *words: str) -> None:
    """None of the words is in any line of the log, in the metrics, or in what left the engine."""
    engine.settle()
    said = "\n".join([*engine.logs, engine.metrics(), *map(str, engine.ledger())]).lower()
    assert [word for word in words if word.lower() in said] == []


def test_F54_what_is_refused_is_not_repeated(engine: FhirEngine, client: httpx.Client) -> None:
    """`Jane Doe` in three places at once, in JSON and in XML."""
    name = f"{JANE} {DOE}"
    bad = wanted(status=name, quantity={"value": name}, **{name: {"display": name}})
    xml = (
        f'<SupplyRequest xmlns="http://hl7.org/fhir"><status value="{name}"/><{JANE}/>{name}</SupplyRequest>'
    )
    answers = [
        client.post("/SupplyRequest", json=bad),
        client.post("/SupplyRequest", content=xml, headers={"Content-Type": "application/fhir+xml"}),
        client.post("/SupplyRequest", content=f'{{"resourceType":"{name}'),
        client.post(f"/{JANE}", json=wanted()),
        client.put(f"/SupplyRequest/{JANE}", json=wanted(id=DOE)),
        client.patch(f"/SupplyRequest/{JANE}", json=[{"op": name, "path": f"/{name}"}]),
        client.post("", json={"resourceType": "Bundle", "type": name, "entry": [{"fullUrl": name}]}),
        client.get("/SupplyRequest", params={"date": name}),
        client.get("/SupplyRequest", params={name: "1"}, headers={"Prefer": "handling=strict"}),
        client.post("/SupplyRequest", json=wanted(), headers={"If-None-Exist": f"{JANE}={DOE}"}),
        client.post("/SupplyRequest", json=wanted(), headers={"X-Provenance": f'{{"{JANE}'}),
        client.get("/SupplyRequest", headers={"Authorization": f"Bearer {JANE}.{DOE}.{JANE}"}),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert outcome_of(answer)["severity"] == "error"
        assert JANE.lower() not in f"{answer.text} {answer.headers}".lower()
    _silent(engine, JANE, DOE)


def test_F56_F24_what_is_taken_is_silent_too(engine: FhirEngine, client: httpx.Client) -> None:
    """A contained Patient with a name, displays, narrative, extensions: stored, and seen nowhere else."""
    patient = {"resourceType": "Patient", "id": "p", "name": [{"family": JANE, "given": [DOE]}]}
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{JANE}</div>'
    made = client.post(
        "/SupplyRequest",
        json=wanted(
            contained=[patient],
            requester={"reference": "#p", "display": DOE},
            text={"status": "generated", "div": div},
            extension=[{"url": f"urn:{JANE}", "valueString": DOE}],
            deliverTo={"reference": "Location/ICU", "display": JANE},
        ),
    )
    assert made.status_code == 201
    assert client.get(f"/SupplyRequest/{made.json()['id']}").json()["contained"] == [patient]
    [effect] = [one for one in engine.effects("reserve") if made.json()["id"] in one["key"]]
    assert effect["destination"] == "WH/Wards/ICU"
    _silent(engine, JANE, DOE)


def test_F47_what_is_searched_for_is_not_logged(engine: FhirEngine, client: httpx.Client) -> None:
    client.post("/SupplyRequest", json=wanted(JANE))
    engine.settle()  # so that both see what became of it
    by_get = client.get(f"/SupplyRequest?identifier=urn:o|{JANE}").json()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    by_post = client.post("/SupplyRequest/_search", content=f"identifier=urn:o|{JANE}", headers=form).json()
    assert by_get["total"] == by_post["total"] == 1
    assert by_get["entry"] == by_post["entry"]
    _silent(engine, JANE)


@pytest.mark.parametrize("name", ATTACKS)
def test_F29_T04_xml_attacks(engine: FhirEngine, client: httpx.Client, name: str, tmp_path: Path) -> None:
    """Every file of the set, over the wire: refused at once, nothing read, nothing fetched."""
    canary = tmp_path / "canary.txt"
    canary.write_text("CONTENT-OF-THE-CANARY")
    with closing(socket.create_server(("127.0.0.1", 0))) as trap:
        trap.settimeout(0)
        host = f"127.0.0.1:{trap.getsockname()[1]}".encode()
        body = ATTACKS[name].replace(b"CANARY", str(canary).encode()).replace(b"SERVER", host)
        place = "/Patient" if len(body) < 1 << 20 else ""  # where a body may be as large
        refused = client.post(place, content=body, headers={"Content-Type": "application/fhir+xml"})
        with pytest.raises(BlockingIOError):
            trap.accept()
    assert (refused.status_code, outcome_of(refused)["severity"]) == (400, "error")
    assert refused.elapsed.total_seconds() < 1
    assert "CONTENT" not in refused.text


HEADER = {
    "resourceType": "MessageHeader",
    "eventCoding": {"system": "urn:e", "code": "x"},
    "source": {"endpoint": "urn:x"},
}


@pytest.mark.parametrize(
    ("place", "kind", "entries"),
    [
        ("", "batch", True),
        ("", "transaction", {"request": {}}),
        ("", "batch", [None]),
        ("", "transaction", [{"request": {"method": ["GET"], "url": "Patient/1"}}]),
        ("", "batch", [{"request": {"method": {"GET": 1}, "url": "Patient/1"}}]),
        ("", ["batch"], []),
        ("/$process-message", "message", {"resource": HEADER}),
        ("/$process-message", "message", [{"resource": HEADER}, {"resource": wanted(identifier="x")}]),
        ("/$process-message", "message", [{"resource": HEADER}, {"resource": wanted(identifier=[["x"]])}]),
    ],
)
def test_F41_bundles_of_odd_shapes(client: httpx.Client, place: str, kind: Any, entries: Any) -> None:
    refused = client.post(place, json={"resourceType": "Bundle", "type": kind, "entry": entries})
    assert refused.status_code in (400, 422)
    assert outcome_of(refused)["severity"] == "error"


def test_F41_parameters_of_odd_shapes(client: httpx.Client) -> None:
    refused = client.post("/$validate", json={"resourceType": "Parameters", "parameter": True})
    assert (refused.status_code, outcome_of(refused)["code"]) == (400, "required")


def test_F51_who_asks_too_often_waits_and_the_others_do_not(engine: FhirEngine) -> None:
    def storm() -> list[httpx.Response]:
        with engine.client(who="slow") as slow:
            return [slow.get("/SupplyRequest/none") for _ in range(60)]

    def work() -> list[httpx.Response]:
        with engine.client() as ward:
            return [ward.post("/SupplyRequest", json=wanted()) for _ in range(20)]

    *storms, served = at_once(storm, storm, storm, work)
    refused = [one for some in storms for one in some if one.status_code == 429]
    assert len(refused) > 100
    assert all(int(one.headers["retry-after"]) >= 1 for one in refused)
    assert {outcome_of(one)["code"] for one in refused} == {"throttled"}
    assert {one.status_code for one in served} == {201}


def test_F55_references_are_text(client: httpx.Client) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as trap:
        trap.settimeout(0.3)
        there = f"http://127.0.0.1:{trap.getsockname()[1]}/latest/meta-data"
        elsewhere = {"reference": f"{there}/Location/1"}
        made = client.post(
            "/SupplyRequest", json=wanted(deliverTo=elsewhere, requester={"reference": f"{there}/Device/1"})
        )
        assert made.status_code == 201
        assert client.get(f"/SupplyRequest/{made.json()['id']}").json()["deliverTo"] == elsewhere
        with pytest.raises(TimeoutError):
            trap.accept()


def _raw(engine: FhirEngine, line: str) -> bytes:
    """The answer to a line of HTTP that no client library would send."""
    key = engine.environment["WARD_KEY"]
    with closing(socket.create_connection(("127.0.0.1", engine.port()), 10)) as wire:
        wire.sendall(f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        wire.shutdown(socket.SHUT_WR)
        got = b""
        while more := wire.recv(65536):
            got += more
    return got


def test_F57_methods(engine: FhirEngine, client: httpx.Client) -> None:
    place = f"/SupplyRequest/{client.post('/SupplyRequest', json=wanted()).json()['id']}"
    assert client.head(place).status_code == 200
    allowed = client.options(place).headers["allow"]
    assert {"GET", "HEAD", "PUT", "PATCH", "OPTIONS"} == set(allowed.split(", "))
    for method in ("TRACE", "DELETE", "POST", "PROPFIND"):
        refused = client.request(method, place)
        assert (refused.status_code, outcome_of(refused)["code"]) == (405, "not-supported")
        assert refused.headers["allow"] == allowed
    assert b" 200 " in _raw(engine, f"GET /fhir/R4{place}")  # half-closed, and answered nevertheless


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/R4/SupplyRequest/../Patient/1", "/fhir/R4/SupplyRequest/%2e%2e/Patient/1",
        "/fhir/R4/SupplyRequest/%2E%2E%2FPatient", "/fhir/R4/SupplyRequest/%00", "/fhir/R4/SupplyRequest/\0",
        "/fhir/R4/SupplyRequest/%c0%ae%c0%ae/1", "//fhir/R4/Patient/1", "/fhir/R4/./Patient/1",
        "/../../etc/passwd",
        "http://127.0.0.1/../etc/passwd", "*", "/fhir/R4/SupplyRequest/..%5c..%5c",
    ],
)  # fmt: skip
def test_F58_paths(engine: FhirEngine, path: str) -> None:
    got = _raw(engine, f"GET {path}")
    assert got[9:12] in (b"400", b"404")
    assert b'"resourceType":"OperationOutcome"' in got


@pytest.fixture
def make_fhir(tmp_path: Path) -> Iterator[Callable[[], FhirEngine]]:
    """Engines that a test may break, each on its own."""
    made: list[FhirEngine] = []

    def make() -> FhirEngine:
        made.append(FhirEngine(tmp_path / f"engine-{len(made)}"))
        return made[-1]

    yield make
    for one in made:
        if one.runs:
            one.kill()


def test_F52_a_full_disk(make_fhir: Callable[[], FhirEngine]) -> None:
    """The kernel refuses to let files grow: nothing is accepted, and told so; then all goes on."""
    engine = make_fhir()
    engine.start()
    with engine.client() as client:
        assert client.post("/SupplyRequest", json=wanted("before")).status_code == 201
        room = resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for number in range(3):
            refused = client.post("/SupplyRequest", json=wanted(f"F52-{number}"))
            assert (refused.status_code, outcome_of(refused)["code"]) == (503, "transient")
            assert int(refused.headers["retry-after"]) >= 1
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [_entry("F52-bundle")]}
        assert client.post("", json=bundle).status_code == 503
        resource.prlimit(engine.process.pid, resource.RLIMIT_FSIZE, room)
        wait_for(
            lambda: client.post("/SupplyRequest", json=wanted("after")).status_code == 201, "room", engine
        )
        found = client.get("/SupplyRequest?_count=100").json()["entry"]
        values = {entry["resource"]["identifier"][0]["value"] for entry in found}
        assert values == {"before", "after"}


def _entry(value: str) -> dict[str, Any]:
    return {"resource": wanted(value), "request": {"method": "POST", "url": "SupplyRequest"}}


def _transaction(number: int) -> dict[str, Any]:
    """A hundred creates that refer to each other."""
    first = {**_entry(f"{number}/0"), "fullUrl": "urn:uuid:6b1ab2f6-7a7b-4f5e-a1a2-0a1b2c3d4e5f"}
    linked = [
        billed(
            service=[{"reference": first["fullUrl"]}],
            identifier=[{"system": f"urn:tx:{number}", "value": str(at)}],
        )
        for at in range(99)
    ]
    rest = [{"resource": one, "request": {"method": "POST", "url": "ChargeItem"}} for one in linked]
    return {"resourceType": "Bundle", "type": "transaction", "entry": [first, *rest]}


def test_F42_kill_9_during_a_transaction_leaves_all_or_nothing(make_fhir: Callable[[], FhirEngine]) -> None:
    engine = make_fhir()
    answered: dict[int, int] = {}
    found: dict[int, int] = {}
    for number, delay in enumerate([0.04, 0.08, 0.12]):
        engine.start()
        with engine.client() as client:
            client.get("/SupplyRequest?_count=1")

            def send(number: int = number, client: httpx.Client = client) -> None:
                try:
                    answered[number] = client.post("", json=_transaction(number)).status_code
                except httpx.TransportError:
                    answered[number] = 0

            sender = threading.Thread(target=send)
            sender.start()
            time.sleep(delay)
            engine.kill()
            sender.join(30)
    engine.start()
    with engine.client() as client:
        for number in answered:
            charges = client.get(f"/ChargeItem?identifier=urn:tx:{number}|&_count=1").json()["total"]
            requests = client.get(f"/SupplyRequest?identifier=urn:o|{number}/0").json()["total"]
            assert (charges, requests) in ((0, 0), (99, 1)), number
            found[number] = charges
            assert answered[number] == 0 or found[number] == 99
    print(found, answered)
    engine.settle()
    keys = Counter(line["effect"]["key"] for line in engine.ledger())
    assert len(keys) == sum(1 + charges for charges in found.values() if charges)
    assert set(keys.values()) <= {1}
