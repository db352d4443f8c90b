"""The service over TLS, on a store that an engine filled."""

from __future__ import annotations

import json
import signal
import ssl
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from patience import free_port
from reidentify.service_kit import PATIENT, Pair, Service, audit_of, bytes_in, filled, tokens_in

from engine.people.file import add_person
from engine.people.keys import make_key
from engine.people.words import Role
from engine.privacy.tokens import mint
from engine.reidentify.gate import FAILURES

UNKNOWN = [mint("p", bytes([0, number, *range(24)]))[0] for number in range(9)]


class Site:
    """A store with patients, a pair of keys apart, and a service."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pair = Pair(folder)
        self.engine = filled(folder / "engine", REIDENTIFY_PUBLIC=str(self.pair.public))
        self.tokens = tokens_in(self.engine)
        self.service = self.another("service")

    def another(self, name: str, *arguments: str, **settings: str) -> Service:
        """Another service on the same store, not started."""
        given = {f"WARDLINE_{key}": value for key, value in settings.items()}
        private = {"WARDLINE_REIDENTIFY_PRIVATE": str(self.pair.private)}
        return Service(self.folder / name, {**self.engine.environment, **private}, *arguments, settings=given)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    found = Site(tmp_path_factory.mktemp("reidentify"))
    found.service.environment["WARDLINE_REIDENTIFY_HTTP"] = f"127.0.0.1:{free_port()}"
    found.service.start()
    yield found
    assert found.service.stop() == 0


@pytest.fixture(autouse=True)
def twenty(site: Site) -> None:
    site.service.limit(20)


def test_who_is_behind_a_token(site: Site) -> None:
    said = site.service.ask("maria", site.tokens[1])
    assert said.status_code == 200, said.text
    assert said.json()["identifier"] == {
        "domain": "person", "authority": "HOSP", "type": "MR", "value": f"{PATIENT}1",
    }  # fmt: skip
    assert said.headers["cache-control"] == "no-store"
    assert said.headers["pragma"] == "no-cache"
    assert "server" not in said.headers
    asked, shown = audit_of(site.engine)[-2:]
    assert [asked.outcome, shown.outcome] == ["asked", "shown"]
    assert (shown.who, shown.object, shown.why, shown.ticket) == ("maria", site.tokens[1], "legal", "INC-1")


def test_above_the_limit_another_person_approves_and_the_answer_is_shown_once(site: Site) -> None:
    service = site.service
    service.limit(0)
    request = service.waiting("maria", site.tokens[0])
    with service.client("approver") as approver:
        waiting = approver.get("/requests").json()["requests"]
    assert [(one["request"], one["asker"], one["mine"]) for one in waiting] == [(request, "maria", False)]
    assert service.post("maria", f"/requests/{request}/answer", {}).json()["error"] == "waiting"
    assert service.post("maria", f"/requests/{request}/approval", {}).json()["error"] == "own"
    assert service.post("asker", f"/requests/{request}/approval", {}).json()["error"] == "role"
    assert service.post("jon", f"/requests/{request}/approval", {}).json()["state"] == "approved"
    assert service.post("jon", f"/requests/{request}/answer", {}).json()["error"] == "no-request"
    said = service.post("maria", f"/requests/{request}/answer", {})
    assert said.json()["identifier"]["value"] == f"{PATIENT}0"
    assert service.post("maria", f"/requests/{request}/answer", {}).status_code == 410
    shown = [entry for entry in audit_of(site.engine) if entry.outcome == "shown"][-1]
    assert (shown.who, shown.detail["other"]) == ("maria", "jon")


def test_two_approvers_and_two_answers_at_the_same_moment(site: Site) -> None:
    service = site.service
    service.limit(0)
    request = service.waiting("asker", site.tokens[0])

    def at_once(*calls: tuple[str, str]) -> list[int]:
        with ThreadPoolExecutor(len(calls)) as pool:
            paths = [(who, f"/requests/{request}/{verb}") for who, verb in calls]
            return sorted(pool.map(lambda one: service.post(*one, {}).status_code, paths))

    assert at_once(("jon", "approval"), ("approver", "approval")) == [200, 409]
    assert at_once(*[("asker", "answer")] * 3) == [200, 410, 410]


def test_a_declined_request_shows_nothing(site: Site) -> None:
    service = site.service
    service.limit(0)
    request = service.waiting("asker", site.tokens[0])
    assert service.post("jon", f"/requests/{request}/refusal", {}).json()["state"] == "declined"
    assert service.post("asker", f"/requests/{request}/answer", {}).json()["error"] == "declined"
    assert service.post("approver", f"/requests/{request}/approval", {}).json()["error"] == "decided"


def test_p09_a_mistyped_token_is_refused_and_written_nowhere(site: Site) -> None:
    typed = site.tokens[0][:-1] + ("0" if site.tokens[0][-1] != "0" else "1")
    for token in (typed, f"{PATIENT}0"):
        assert site.service.ask("jon", token).json()["error"] == "malformed"
    entry = audit_of(site.engine)[-1]
    assert (entry.who, entry.outcome, entry.object) == ("jon", "refused", "service:reidentify")
    assert typed.encode() not in bytes_in(site.folder)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "body"), ([], "body"), ({"token": 1, "purpose": "legal", "ticket": "I-1"}, "body"),
        ({"token": "t", "purpose": "curiosity", "ticket": "I-1"}, "purpose"),
        ({"token": "t", "purpose": "legal", "ticket": "Jane Doe"}, "ticket"),
        ({"token": "t", "purpose": "legal", "ticket": ""}, "ticket"),
        ({"token": "t", "purpose": "legal", "ticket": "I-1", "person": "jon"}, "body"),
    ],
)  # fmt: skip
def test_a_request_without_reason_is_none(body: object, error: str, site: Site) -> None:
    before = len(audit_of(site.engine))
    said = site.service.post("approver", "/requests", body)
    assert (said.status_code, said.json()["error"]) == (400, error)
    assert len(audit_of(site.engine)) == before


TWICE = b'{"token": "a", "purpose": "legal", "ticket": "I-1", "token": "b"}'
HEAD = "POST /requests HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("name", "headers", "body", "status"),
    [
        ("two keys", "Authorization: Bearer {key}\r\nContent-Length: 2\r\n", b"{}", 400),
        ("two types", "Content-Type: text/plain\r\nContent-Length: 2\r\n", b"{}", 400),
        ("two lengths", "Content-Length: 2\r\nContent-Length: 9\r\n", b"{}", 400),
        ("length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n", 400),
        ("a page in a browser", "Origin: https://elsewhere.example\r\nContent-Length: 2\r\n", b"{}", 403),
        ("compressed", "Content-Encoding: gzip\r\nContent-Length: 2\r\n", b"{}", 415),
        ("a large body", "Content-Length: 9000\r\n", b"x" * 9000, 413),
        ("large chunks", "Transfer-Encoding: chunked\r\n", b"1400\r\n" + b"x" * 5120 + b"\r\n0\r\n\r\n", 413),
        ("said twice", f"Content-Length: {len(TWICE)}\r\n", TWICE, 400),
        ("a folded line", "X-Note: a\r\n Authorization: none\r\nContent-Length: 2\r\n", b"{}", 400),
        ("a line of its own", "X-Note: a\nAuthorization: x\r\nContent-Length: 2\r\n", b"{}", 400),
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_is_not_read(
    name: str, headers: str, body: bytes, status: int, site: Site
) -> None:
    service, before = site.service, len(audit_of(site.engine))
    key = service.keys["approver"]
    head = (
        HEAD + f"Authorization: Bearer {key}\r\nContent-Type: application/json\r\n" + headers.format(key=key)
    )
    said = service.raw(head.encode() + b"\r\n" + body)
    assert said.startswith(b"HTTP/1.1 %d " % status), (name, said[:200])
    assert b"no-store" in said
    assert key.encode() not in said
    assert len(audit_of(site.engine)) == before


def test_a_token_stands_in_no_address(site: Site) -> None:
    with site.service.client("approver") as client:
        for path in (
            f"/requests?token={site.tokens[0]}",
            f"/requests/{site.tokens[0]}",
            f"/{site.tokens[0]}",
        ):
            assert client.get(path).status_code in (400, 404)
        assert client.put("/requests", json={}).headers["allow"] == "GET, POST"
        assert client.get("/requests/abcdefgh/answer").status_code == 405


def test_without_a_key_there_is_nothing_to_learn(site: Site) -> None:
    with site.service.client() as nobody:
        answers = [
            nobody.post("/requests", json={}),
            nobody.get("/requests"),
            nobody.post("/requests/abcdefgh/answer", json={}),
            nobody.get("/requests", headers={"Authorization": "Basic bWFyaWE6eA=="}),
            nobody.get("/requests", headers={"Authorization": f"Bearer {make_key('maria')}"}),
            nobody.get("/requests", headers={"Authorization": f"Bearer {make_key('nobody')}"}),
        ]
    assert {(one.status_code, one.text, one.headers["www-authenticate"]) for one in answers} == {
        (401, answers[0].text, 'Bearer realm="re-identification"')
    }


def test_health_and_metrics_say_how_much_and_nothing_of_whom(site: Site) -> None:
    address = site.service.environment["WARDLINE_REIDENTIFY_HTTP"]
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=10) as said:
        metrics = said.read().decode()
    assert 'wardline_reidentification_steps_total{step="shown",why=""}' in metrics
    assert not [word for word in (PATIENT, "maria", "INC-1", *site.tokens) if word in metrics]


def test_no_value_and_no_key_is_in_anything_that_was_written(site: Site) -> None:
    assert site.service.ask("jon", site.tokens[2]).json()["identifier"]["value"] == f"{PATIENT}2"
    written = bytes_in(site.folder)
    assert b"shown" in written
    assert PATIENT.encode() not in written
    for key in site.service.keys.values():
        assert key.encode() not in written


def test_no_core_of_it_is_ever_written(site: Site) -> None:
    limits = Path(f"/proc/{site.service.pid}/limits").read_text()
    line = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


def test_plain_http_and_old_tls_get_nothing(site: Site) -> None:
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://localhost:{site.service.port}/requests", timeout=5, trust_env=False)
    old = site.service.trust()
    with pytest.warns(DeprecationWarning, match="TLSVersion"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(httpx.HTTPError), site.service.client("maria", old) as client:
        client.get("/requests")


def test_there_is_one_service_on_a_store(site: Site) -> None:
    done = site.another("second").run()
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"runs already on this store" in done.stderr


def test_a_people_file_that_cannot_be_used_lets_nobody_in_until_it_can(site: Site) -> None:
    service = site.service
    good = service.people.read_text()
    service.people.write_text(good.replace("roles: [asker]", "roles: [king]"))
    said = service.ask("maria", site.tokens[0])
    assert (said.status_code, said.json()["error"]) == (503, "unavailable")
    service.people.write_text(good)
    assert service.ask("maria", site.tokens[0]).status_code == 200
    lines = [json.loads(line) for line in service.log.read_text().splitlines() if '"people"' in line]
    assert [line["why"] for line in lines if line.get("level") == "error"] == ["people"]


# What disturbs others has a service of its own.


@pytest.fixture
def apart(site: Site, tmp_path: Path) -> Iterator[Service]:
    """A service in place of the shared one, for one test."""
    site.service.stop()
    service = site.another(f"apart-{tmp_path.name}")
    yield service.start()
    service.stop()
    site.service.start()


def test_guessing_tokens_raises_an_alarm_and_costs_the_right_to_look_alone(
    apart: Service, site: Site
) -> None:
    for token in UNKNOWN[:5]:
        assert apart.ask("noa", token).json()["error"] == "unknown"
    alarms = [
        json.loads(line) for line in apart.log.read_text().splitlines() if "somebody has to look" in line
    ]
    assert [(one["who"], one["why"]) for one in alarms] == [("noa", "enumeration")]
    assert apart.ask("noa", site.tokens[0]).status_code == 202
    apart.stop(signal.SIGKILL)
    apart.start()  # which forgives nothing
    assert apart.ask("noa", site.tokens[0]).status_code == 202


def test_wrong_keys_lock_across_a_restart(apart: Service, site: Site) -> None:
    with apart.client() as client:
        wrong = {"Authorization": f"Bearer {make_key('kim')}"}
        assert [client.get("/requests", headers=wrong).status_code for _ in range(FAILURES)] == [
            401
        ] * FAILURES
    apart.stop(signal.SIGKILL)
    apart.start()
    said = apart.ask("kim", site.tokens[0])
    assert (said.status_code, said.json()["error"]) == (429, "locked")
    assert 800 < int(said.headers["retry-after"]) <= 900


def test_guesses_at_the_same_moment_are_guesses_in_a_row(apart: Service) -> None:
    def guess(_: int) -> int:
        with apart.client() as client:
            wrong = {"Authorization": f"Bearer {make_key('lee')}"}
            return client.get("/requests", headers=wrong).status_code

    with ThreadPoolExecutor(12) as pool:
        assert sorted(pool.map(guess, range(12))) == [401] * FAILURES + [429] * (12 - FAILURES)


def test_with_the_engines_own_key_only_when_told_so(site: Site, tmp_path: Path) -> None:
    engine = filled(tmp_path / "engine", patients=1)  # seals for a pair that its ring stands in for
    service = Service(tmp_path / "service", engine.environment)
    assert "no private key apart from the engine's own" in service.refused()
    service.arguments.append("--engine-key")
    service.start()
    try:
        said = service.ask("maria", tokens_in(engine)[0])
        assert said.json()["identifier"]["value"] == f"{PATIENT}0"
    finally:
        service.stop()


def test_what_was_sealed_for_another_private_key_does_not_open(site: Site, tmp_path: Path) -> None:
    site.service.stop()
    service = site.another("wrong-key")
    service.environment["WARDLINE_REIDENTIFY_PRIVATE"] = str(Pair(tmp_path).private)
    service.start()
    try:
        said = service.ask("maria", site.tokens[0])
        assert (said.status_code, said.json()["error"]) == (500, "unreadable")
    finally:
        service.stop()
        site.service.start()
    steps = [entry.outcome for entry in audit_of(site.engine) if entry.act == "reidentify"]
    assert steps[-2:] == ["shown", "refused"]


def test_what_waits_is_lost_with_the_process_and_that_is_written_down(apart: Service, site: Site) -> None:
    apart.limit(0)
    killed = apart.waiting("asker", site.tokens[0])
    apart.stop(signal.SIGKILL)
    apart.start()
    assert apart.post("approver", f"/requests/{killed}/approval", {}).json()["error"] == "no-request"
    stopped = apart.waiting("asker", site.tokens[0])
    assert apart.stop() == 0
    lapsed = [entry.detail for entry in audit_of(site.engine) if entry.detail.get("step") == "lapsed"]
    assert [(one["request"], one["why"]) for one in lapsed[-2:]] == [(killed, "restart"), (stopped, "stop")]
    apart.start()


def test_mutual_tls_and_certificates_of_people(site: Site) -> None:
    site.service.stop()
    service = site.another("mutual")
    service.environment["WARDLINE_REIDENTIFY_CLIENT_CA"] = str(service.authority.file)
    key = add_person(service.people, "eva", "Eva of the archive", [Role.ASKER], ["eva.hospital.example"])
    service.keys["eva"] = key
    service.start()
    try:
        with pytest.raises(httpx.HTTPError), service.client("eva") as client:
            client.get("/requests")
        answers = {}
        for name in ("eva", "jon"):
            pair = service.authority.issue(name, f"{name}.hospital.example")
            context = service.trust()
            context.load_cert_chain(pair.certificate, pair.key)
            with service.client("eva", context) as client:
                answers[name] = client.get("/requests").status_code
        assert answers == {"eva": 200, "jon": 401}
    finally:
        service.stop()
        site.service.start()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"PEOPLE": "/nowhere/people.yaml"}, "cannot be read"),
        ({"LISTEN": "0.0.0.0:0", "CERTIFICATE": "", "CERTIFICATE_KEY": ""}, "beyond loopback"),
        ({"PRIVATE": ""}, "no private key apart from the engine's own"),
        ({"PRIVATE": "{people}"}, "others may read"),
        ({"CERTIFICATE_KEY": "{people}"}, "do not fit together"),
        ({"CERTIFICATE": "", "CLIENT_CA": "{people}"}, "without TLS"),
        ({"LISTEN": "somewhere"}, "address and a port"),
    ],
)
def test_it_refuses_to_start(change: dict[str, str], said: str, site: Site, tmp_path: Path) -> None:
    service = site.another(f"refused-{tmp_path.name}")
    for name, value in change.items():
        service.environment[f"WARDLINE_REIDENTIFY_{name}"] = value.format(people=service.people)
    assert said in service.refused()
