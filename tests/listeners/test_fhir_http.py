"""What a stranger meets at the door: limits, order of checks, paths, methods, silence (spec: FHIR, cases
F27 to F31, F51 to F58)."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from certificates import Authority, Pair
from fhir_bodies import bundle, entry, outcome, s1
from fhir_door import Door, open_door
from patience import PATIENCE, becomes

from engine.errors import Unavailable
from engine.listeners.fhir import Limits, Tls

_MIB = 1024 * 1024
_UUID = "6F1C8F6E-3c6a-4b0e-9d0f-0a1b2c3d4e5f"


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    limits = Limits(head_seconds=0.5, body_seconds=0.5, connections=40)
    with open_door(tmp_path_factory.mktemp("http"), limits=limits) as opened:
        yield opened


def _raw(door: Door, sent: bytes, *, more: bytes = b"", end: bool = False) -> tuple[int, dict[str, Any]]:
    """Bytes as they are, and the answer to them: status and OperationOutcome."""
    with closing(socket.create_connection(("127.0.0.1", door.port), 10)) as wire:
        wire.sendall(sent)
        if end:
            wire.shutdown(socket.SHUT_WR)
        try:
            while more:
                wire.sendall(more)
        except OSError:
            pass
        return _answer(wire)


def _answer(wire: socket.socket) -> tuple[int, dict[str, Any]]:
    got = b""
    while True:
        head, _, body = got.partition(b"\r\n\r\n")
        length = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
        if length and len(body) >= int(length[0].split(b":")[1]):
            return int(head[9:12]), json.loads(body)
        more = wire.recv(65536)
        if not more:
            raise AssertionError("no answer")
        got += more


def _head(line: str, *headers: str) -> bytes:
    known = ("Host: x", "Authorization: Bearer tester", "Content-Type: application/fhir+json")
    return "\r\n".join((f"{line} HTTP/1.1", *known, *headers, "", "")).encode()


_POST = "POST /fhir/R4/SupplyRequest"


def test_F27_bodies_that_are_too_long(door: Door) -> None:
    with door.client() as client:
        refused = client.post("/SupplyRequest", content=b" " * (_MIB + 1))
        assert (refused.status_code, outcome(refused)["code"]) == (413, "too-long")
        fits = json.dumps(s1()).encode()
        assert client.post("/SupplyRequest", content=fits + b" " * (_MIB - len(fits))).status_code == 201
        assert client.post("", content=b" " * (_MIB + 1)).status_code == 400  # a bundle may be as long


def test_F27_content_length_that_lies(door: Door) -> None:
    status, said = _raw(door, _head(_POST, "Content-Length: 100") + b'{"resourceType"', end=True)
    assert (status, said["resourceType"]) == (400, "OperationOutcome")
    status, said = _raw(door, _head(_POST, "Content-Length: 100") + b'{"resourceType"')
    assert (status, said["issue"][0]["code"]) == (408, "timeout")


def test_F27_chunks_without_an_end(door: Door) -> None:
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    status, said = _raw(door, _head(_POST, "Transfer-Encoding: chunked"), more=chunk)
    assert (status, said["issue"][0]["code"]) == (413, "too-long")


@pytest.mark.parametrize("depth", [1000, 100_000])
def test_F28_nested_too_deep(door: Door, depth: int) -> None:
    with door.client() as client:
        client.get("/metadata")
        began = time.perf_counter()
        refused = client.post("/SupplyRequest", content=b'{"a":' * depth + b"1" + b"}" * depth)
        assert (refused.status_code, time.perf_counter() - began < PATIENCE * 0.5) == (400, True)
        assert client.get("/SupplyRequest?_count=1").status_code == 200


_XML = '<SupplyRequest xmlns="http://hl7.org/fhir"><status value="{}"/></SupplyRequest>'


@pytest.mark.parametrize(
    "xml",
    [
        "<!DOCTYPE a>" + _XML.format("active"),
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + _XML.format("&x;"),
        '<!DOCTYPE a [<!ENTITY x "aaaa"><!ENTITY y "&x;&x;&x;&x;&x;&x;">]>' + _XML.format("&y;"),
    ],
)
def test_F29_xml_with_entities(door: Door, xml: str) -> None:
    with door.client(**{"Content-Type": "application/fhir+xml"}) as client:
        refused = client.post("/SupplyRequest", content=xml)
    assert refused.status_code == 400
    assert "root:" not in refused.text


def test_F30_nobody(door: Door) -> None:
    for headers in ({}, {"Authorization": "Bearer unknown"}):
        for method, path in (("GET", "SupplyRequest"), ("POST", "SupplyRequest"), ("GET", "no/such/place")):
            refused = httpx.request(
                method, f"{door.url}/fhir/R4/{path}", headers=headers, content=b"{", trust_env=False
            )
            assert (refused.status_code, outcome(refused)["code"]) == (401, "login")
            assert refused.headers["www-authenticate"].startswith("Bearer")


def test_F31_F32_scopes(door: Door) -> None:
    with door.client(**door.access.give("charges", "ChargeItem.create", "SupplyRequest.read")) as client:
        refused = client.post("/SupplyRequest", json=s1())
        assert (refused.status_code, outcome(refused)["code"]) == (403, "forbidden")
        assert client.get("/SupplyRequest").status_code == 403
        assert client.get("/SupplyRequest/none").status_code == 404
        conditional = client.post("/ChargeItem", json=s1(), headers={"If-None-Exist": "identifier=1"})
        assert conditional.status_code == 400
    with door.client(**door.access.give("blind", "SupplyRequest.create")) as client:
        probe = client.post("/SupplyRequest", json=s1(), headers={"If-None-Exist": "identifier=urn:o|1"})
        assert probe.status_code == 403


def test_order_of_checks(door: Door) -> None:
    """Each request has this fault and all that come after it."""
    big, kind = "Content-Length: 2000000", "Content-Type: text/plain"
    nobody = "Authorization: Bearer nobody"
    line, plain = "POST /fhir/R4/Nothing", "Accept: text/html"
    base = ["Host: x"]

    def status(*headers: str, what: str = line) -> int:
        return _raw(door, "\r\n".join((f"{what} HTTP/1.1", *base, *headers, "", "")).encode())[0]

    ours = "Authorization: Bearer tester"
    assert status(big, nobody, kind, plain) == 413
    assert status(nobody, kind, plain) == 401
    assert status(ours, kind, plain) == 404
    assert status(ours, kind, plain, what="DELETE /fhir/R4/ChargeItem/1") == 405
    assert status(ours, kind, plain, what=_POST) == 415
    fhir = "Content-Type: application/fhir+json"
    assert status(ours, fhir, plain, what=_POST) == 406
    assert status(ours, fhir, "Content-Length: 0", what=_POST) == 400


def test_F51_rates(tmp_path: Path) -> None:
    with open_door(tmp_path, limits=Limits()) as door:
        door.access.callers["tester"].rate = 2.0
        other = door.access.give("patient-one", "*.*")
        with door.client() as client:
            answers = [client.get("/SupplyRequest/none") for _ in range(5)]
            assert sorted(one.status_code for one in answers) == [404, 404, 429, 429, 429]
            refused = next(one for one in answers if one.status_code == 429)
            assert (outcome(refused)["code"], refused.headers["retry-after"]) == ("throttled", "1")
            assert client.get("/SupplyRequest/none", headers=other).status_code == 404
            codes = {client.post(f"{door.url}/auth/token", content=b"x").status_code for _ in range(30)}
    assert codes == {400, 429}


def test_F52_store_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise Unavailable("disk full")

    with open_door(tmp_path) as door, door.client() as client:
        created = client.post("/SupplyRequest", json=s1()).json()
        monkeypatch.setattr(door.store, "write", away)
        monkeypatch.setattr(door.store, "check", away)
        refused = client.post("/SupplyRequest", json=s1("F52"))
        assert (refused.status_code, outcome(refused)["code"]) == (503, "transient")
        assert refused.headers["retry-after"]
        assert not door.listener.is_open
        assert client.get(f"/SupplyRequest/{created['id']}").status_code == 503
        assert client.get("/metadata").status_code == 200
        monkeypatch.undo()
        assert becomes(lambda: client.post("/SupplyRequest", json=s1()).status_code == 201, pause=0.05)
        assert door.listener.is_open
        assert client.get("/SupplyRequest?identifier=F52").json()["total"] == 0


def test_F54_F56_content_has_no_voice(
    door: Door, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    jane = "JaneDoeXyz"
    bodies: list[dict[str, Any]] = [
        s1(status=jane, priority=jane, quantity={"value": jane}),
        s1(**{jane: jane}),
        s1(deliverTo={"reference": f"Medication/{jane}"}),
        s1(modifierExtension=[{"url": jane, "valueString": jane}]),
        {"resourceType": jane, "id": jane},
    ]
    with door.client() as client:
        for body in bodies:
            refused = client.post("/SupplyRequest", json=body)
            assert 400 <= refused.status_code < 500
            assert jane not in refused.text
            assert jane not in str(refused.headers)
        for query in (f"identifier=urn:{jane}|{jane}", f"{jane}={jane}", f"date={jane}"):
            found = client.get(f"/SupplyRequest?{query}")
            assert query.startswith("identifier") or jane not in found.text
        patient = {"resourceType": "Patient", "id": "p", "name": [{"family": jane}]}
        created = client.post("/SupplyRequest", json=s1(contained=[patient], deliverTo={"reference": "#p"}))
        assert created.status_code == 201
        assert client.put(f"/SupplyRequest?identifier=urn:o|{jane}", json=s1(jane)).status_code == 201
    said = capsys.readouterr()
    logged = [line for line in caplog.text.splitlines() if "httpx" not in line and "httpcore" not in line]
    assert jane not in "\n".join(logged)
    assert jane not in said.out + said.err


def test_F55_references_are_never_followed(door: Door) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as trap, door.client() as client:
        trap.settimeout(0.2)
        there = f"http://127.0.0.1:{trap.getsockname()[1]}/Location/1"
        created = client.post("/SupplyRequest", json=s1(deliverTo={"reference": there}))
        assert created.status_code == 201
        with pytest.raises(TimeoutError):
            trap.accept()


def test_F57_other_methods(door: Door) -> None:
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1()).json()
        address = f"/SupplyRequest/{created['id']}"
        read = client.head(address)
        assert (read.status_code, read.content) == (200, b"")
        assert read.headers["content-length"] != "0"
        assert read.headers["etag"] == 'W/"1"'
        options = client.options(address)
        assert options.status_code == 204
        assert set(options.headers["allow"].split(", ")) == {"GET", "HEAD", "PUT", "PATCH", "OPTIONS"}
        traced = client.request("TRACE", address)
        assert (traced.status_code, outcome(traced)["code"]) == (405, "not-supported")
        assert client.post(address, json=s1()).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/fhir/R4/SupplyRequest/../Patient/1", "/fhir/R4/SupplyRequest/%2e%2e/Patient/1",
        "/fhir/R4/SupplyRequest/%00",
        "/fhir/R4/SupplyRequest/a%2fb", "/fhir/R4//SupplyRequest", "/fhir/R4/SupplyRequest/%ff",
        "/", "//", "/fhir",
        "/fhir/R6/SupplyRequest", "/fhir/R4/supplyrequest", "/fhir/R4/SupplyRequest/1/_history/1/2",
        "/fhir/R4/_history", "/fhir/R4/SupplyRequest/1/$everything", "/fhir/R4/SupplyRequest/" + "a" * 65,
        "/fhir/R4/SupplyRequest\\..\\x", "/health", "/fhir/R4/SupplyRequest/1;a=b",
    ],
)  # fmt: skip
def test_F58_paths_that_lead_nowhere(door: Door, path: str) -> None:
    status, said = _raw(door, _head(f"GET {path}"))
    assert status in (400, 404)
    assert said["resourceType"] == "OperationOutcome"


def test_every_answer_has_its_headers(door: Door) -> None:
    with door.client() as client:
        mine = client.get("/SupplyRequest/none", headers={"X-Request-Id": "abc-1.2_3"})
        assert mine.headers["x-request-id"] == "abc-1.2_3"
        assert mine.headers["cache-control"] == "no-store"
        for bad in ("a" * 65, "a b", "<script>"):
            other = client.get("/SupplyRequest/none", headers={"X-Request-Id": bad})
            assert other.headers["x-request-id"] != bad
            assert "server" not in other.headers


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GARBAGE\r\n\r\n", 400),
        (_head(_POST, "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
        (_head("GET /fhir/R4/metadata", "X: " + "a" * 70_000), 431),
        (_head("GET /fhir/R4/metadata", *[f"X{n}: 1" for n in range(200)]), 431),
        (b"GET /fhir/R4/metadata HTTP/1.1\r\nHost: x\r\n", 408),
    ],
    ids=["garbage", "smuggling", "long-header", "many-headers", "slow"],
)
def test_heads_that_are_none(door: Door, sent: bytes, status: int) -> None:
    assert _raw(door, sent)[0] == status
    assert sum(door.listener.counters.values()) > 0
    with door.client() as client:
        assert client.get("/metadata").status_code == 200


def test_too_many_connections(door: Door) -> None:
    wires = [socket.create_connection(("127.0.0.1", door.port), 10) for _ in range(41)]
    try:
        status, said = _answer(wires[40])
        assert (status, said["issue"][0]["code"]) == (503, "transient")
    finally:
        for wire in wires:
            wire.close()


def test_a_bug_says_nothing(door: Door, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("JaneDoeXyz")

    monkeypatch.setattr(door.store, "find", broken)
    with door.client() as client:
        failed = client.get("/SupplyRequest", headers={"X-Request-Id": "MRN-4711"})
        known = client.get("/SupplyRequest", headers={"X-Request-Id": _UUID})
    assert (failed.status_code, outcome(failed)["code"]) == (500, "exception")
    assert failed.headers["x-request-id"] == "MRN-4711"
    assert "MRN-4711" not in failed.text
    assert outcome(known)["details"]["text"].endswith(_UUID)
    assert "JaneDoeXyz" not in failed.text
    said = "".join(capsys.readouterr())
    assert "JaneDoeXyz" not in said
    assert ("MRN-4711" in said, _UUID in said) == (False, True)


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[Door, Authority]]:
    """A door that asks for certificates of an authority, with the name of a client."""
    ours = Authority(tmp_path, "ours")
    server = ours.issue("server", "127.0.0.1")
    tls = Tls(str(server.certificate), str(server.key), str(ours.file))
    limits = Limits(head_seconds=1.0, tokens=1000)
    with open_door(tmp_path, tls=tls, limits=limits, names=frozenset({"client.example"})) as door:
        yield door, ours


def _handshake(door: Door, authority: Authority, pair: Pair | None = None) -> int:
    """The status of a request over TLS with a certificate."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    headers = {"Authorization": "Bearer tester"}
    with httpx.Client(verify=context, trust_env=False) as browser:
        return browser.get(f"{door.url}/fhir/R4/SupplyRequest/none", headers=headers).status_code


def test_mutual_tls(secured: tuple[Door, Authority], tmp_path: Path) -> None:
    door, ours = secured
    client = ours.issue("client", "Client.example")
    assert _handshake(door, ours, client) == 404
    stranger = Authority(tmp_path, "theirs").issue("stranger", "client.example")
    for pair in (
        None,
        stranger,
        ours.issue("other", "other.example"),
        ours.issue("old", "client.example", days=-1),
    ):
        with pytest.raises(httpx.TransportError):
            _handshake(door, ours, pair)
    assert door.listener.counters["unknown_certificate"] == 1
    assert _handshake(door, ours, client) == 404


def test_old_tls(secured: tuple[Door, Authority]) -> None:
    door, ours = secured
    client = ours.issue("client", "client.example")
    old = ssl.create_default_context(cafile=str(ours.file))
    old.load_cert_chain(client.certificate, client.key)
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.TransportError), httpx.Client(verify=old, trust_env=False) as browser:
        browser.get(f"{door.url}/fhir/R4/metadata")


def test_renewed_certificate(secured: tuple[Door, Authority], tmp_path: Path) -> None:
    """New files are taken at the next handshake; broken ones leave the good ones in force."""
    door, ours = secured
    client = ours.issue("client", "client.example")
    pair = ours.issue("server", "127.0.0.1", "renewed.example")
    assert _handshake(door, ours, client) == 404
    context = ssl.create_default_context(cafile=str(ours.file))
    context.load_cert_chain(client.certificate, client.key)
    with (
        socket.create_connection(("127.0.0.1", door.port), 10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as wire,
    ):
        shown = wire.getpeercert() or {}
    assert ("DNS", "renewed.example") in shown["subjectAltName"]  # type: ignore[comparison-overlap,operator]
    pair.certificate.write_text("half")
    assert _handshake(door, ours, client) == 404


def test_large_bodies_go_the_same_way(door: Door) -> None:
    """What is worked on in threads is answered as what is not."""
    many = [{"code": {"text": "size"}, "valueQuantity": {"value": number}} for number in range(3000)]
    kind = {"Content-Type": "application/json-patch+json"}
    with door.client() as client:
        created = client.post("/SupplyRequest", json=s1("LARGE", parameter=many))
        assert created.status_code == 201
        address = f"/SupplyRequest/{created.json()['id']}"
        assert client.put(address, json=created.json()).headers["etag"] == 'W/"2"'
        operations = [{"op": "replace", "path": "/status", "value": "suspended"}]
        assert client.patch(address, json=operations, headers=kind).json()["parameter"] == many
        assert client.get(address).json()["status"] == "suspended"
        assert client.get(f"{address}/_history").json()["total"] == 3
        assert (
            client.get("/SupplyRequest?identifier=LARGE").json()["entry"][0]["resource"]["parameter"] == many
        )
        wrong = client.post("/SupplyRequest", json=s1(parameter=[*many, {"code": 5}]))
        assert (wrong.status_code, outcome(wrong)["expression"]) == (
            400,
            ["SupplyRequest.parameter[3000].code"],
        )


def test_a_bug_in_one_entry_of_a_batch(
    door: Door, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("JaneDoeXyz")

    monkeypatch.setattr(door.store, "find", broken)
    entries = [entry("POST", "SupplyRequest", s1()), entry("GET", "SupplyRequest?identifier=a")]
    with door.client() as client:
        done = client.post("", json=bundle("batch", *entries))
    assert [one["response"]["status"][:3] for one in done.json()["entry"]] == ["201", "500"]
    assert "JaneDoeXyz" not in done.text + "".join(capsys.readouterr())


def test_searches_inside_bundles_are_short(door: Door) -> None:
    with door.client() as client:
        for _ in range(60):
            client.post("/Location", json={"resourceType": "Location", "mode": "kind"})
        assert len(client.get("/Location?_count=1000").json()["entry"]) >= 60
        done = client.post("", json=bundle("batch", entry("GET", "Location?_count=1000"))).json()
    assert len(done["entry"][0]["resource"]["entry"]) == 50


def test_requests_one_after_the_other_in_one_go(door: Door) -> None:
    """Pipelined requests are answered in their order."""
    body = json.dumps(s1()).encode()
    post = _head(_POST, f"Content-Length: {len(body)}", "X-Request-Id: second") + body
    get = _head("GET /fhir/R4/SupplyRequest/none", "X-Request-Id: first")
    with closing(socket.create_connection(("127.0.0.1", door.port), 10)) as wire:
        wire.sendall(get + post + _head("GET /fhir/R4/metadata", "Connection: close"))
        got = b""
        while more := wire.recv(65536):
            got += more
    heads = [part for part in got.split(b"HTTP/1.1 ") if part]
    assert [part[:3] for part in heads] == [b"404", b"201", b"200"]
    assert b"first" in heads[0]
    assert b"second" in heads[1]


def test_t21_a_handshake_that_never_begins_ends(secured: tuple[Door, Authority]) -> None:
    door, _ = secured
    with closing(socket.create_connection(("127.0.0.1", door.port), 10)) as wire:
        assert wire.recv(1) == b""


def test_t16_a_client_that_does_not_read_its_answer_is_let_go(door: Door) -> None:
    with door.client() as client:
        for _ in range(8):
            place = {"resourceType": "Location", "description": "x" * 900_000}
            assert client.post("/Location", json=place).status_code == 201
        wanted = _head("GET /fhir/R4/Location?_count=1000")
        with closing(socket.socket()) as wire:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            wire.connect(("127.0.0.1", door.port))
            wire.sendall(wanted)
            assert becomes(lambda: bool(door.listener.counters.get("slow_reader")), 15)
        assert door.listener.counters["slow_reader"] == 1
        assert len(client.get("/Location?_count=1000").content) > 8 * 900_000
