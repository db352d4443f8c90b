"""Clients files: what is read from them, and what is said of those that cannot be meant."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from access.access_kit import key, public

from engine.config.clients import examine_clients, read_clients
from engine.config.loading import lint_files
from engine.errors import Misconfigured

GOOD = """\
clients:
  - id: ehr
    name: The main EHR
    scopes: [system/SupplyRequest.cruds, system/ChargeItem.read]
    jwks: ehr.jwks.json
    rate: 50
  - id: web
    scopes: [system/*.rs]
    jwks: https://ehr.example/jwks
  - id: inline
    scopes: [system/Task.r]
    jwks:
      keys:
        - {kty: EC, kid: k2, crv: P-384, x: "X", y: "Y", key_ops: [verify]}
  - id: lab
    scopes: [system/ChargeItem.c]
    issuer: https://login.example
  - id: ward
    scopes: [system/Task.r]
    certificates: [ward.example, "urn:uuid:6A", sha256:SHA]
issuers:
  - issuer: https://login.example
    audience: wardline
    jwks: https://login.example/keys
    algorithms: [RS256]
"""


def written(folder: Path, text: str) -> Path:
    """A clients file, its key sets beside it."""
    curve = public(key("ES384", "k2"))["keys"][0]
    text = text.replace('"X"', curve["x"]).replace('"Y"', curve["y"]).replace("SHA", "ab" * 32)
    (folder / "ehr.jwks.json").write_text(json.dumps(public(key("RS384"), key("ES384", "k2"))))
    (folder / "issuer.jwks.json").write_text(json.dumps(public(key("ES256", "k3"))))
    path = folder / "clients.yaml"
    path.write_text(text)
    return path


def test_a_clients_file(tmp_path: Path) -> None:
    found = read_clients(written(tmp_path, GOOD))
    ehr, web, inline, lab, ward = found.clients.values()
    assert (ehr.name, ehr.rate, str(ehr.scopes)) == (
        "The main EHR", 50.0, "system/ChargeItem.rs system/SupplyRequest.cruds",
    )  # fmt: skip
    assert ehr.keys.registered is not None
    assert ehr.keys.registered.find("k1", "RS384")
    assert ehr.keys.registered.find("k2", "ES384")
    assert (web.keys.url, web.jku) == ("https://ehr.example/jwks", "https://ehr.example/jwks")
    assert inline.keys.registered is not None
    assert inline.keys.registered.find("k2", "ES384")
    assert lab.issuer == "https://login.example"
    assert not lab.by_certificate
    assert ward.by_certificate
    assert ward.certificates == {"ward.example", "urn:uuid:6A", "sha256:" + "ab" * 32}
    assert found.issuers["https://login.example"].algorithms == ("RS256",)


CLIENT = "clients:\n  - id: a\n    scopes: [system/Task.r]\n"
KEYED = CLIENT + "    jwks: ehr.jwks.json\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1:1: the file holds no keys (it starts with `clients:`)"),
        ("clients: []", "1:10: clients is empty"),
        (CLIENT, "2:5: nothing proves who this is"),
        (KEYED.replace("id: a", "id: -a"), "2:9: id has characters it cannot have"),
        (KEYED.replace("[system/Task.r]", "[]"), "3:13: scopes is empty"),
        (KEYED.replace("Task.r", "Task.sr"), "3:14: not a scope"),
        (KEYED.replace("Task.r", "Taks.r"), "3:14: FHIR has no Taks (did you mean Task?)"),
        (KEYED.replace("system/Task.r", "openid"), "3:14: not a scope of systems"),
        (KEYED.replace("jwks", "jkws"), "4:5: unknown key jkws"),
        (KEYED.replace("ehr.jwks.json", "none.json"), "4:11: the file cannot be read"),
        (KEYED.replace("ehr.jwks.json", "../../x.json"), "4:11: a key set lies beside the clients file"),
        (KEYED.replace("ehr.jwks.json", "/etc/passwd"), "4:11: a key set lies beside the clients file"),
        (KEYED.replace("ehr.jwks.json", "clients.yaml"), "4:11: the file is no JSON"),
        (KEYED.replace("ehr.jwks.json", "http://ehr.example/jwks"), "4:11: keys come over https only"),
        (KEYED.replace("ehr.jwks.json", "file:///etc/keys"), "4:11: keys come over https only"),
        (KEYED.replace("ehr.jwks.json", "https://user:x@ehr.example/"), "4:11: keys come over https only"),
        (KEYED.replace("ehr.jwks.json", "{keys: []}"), "not a JWK Set"),
        (
            KEYED.replace("ehr.jwks.json", "{keys: [{kty: oct, kid: a, k: AAAA}]}"),
            "4:41: this is a secret key",
        ),
        (KEYED.replace("ehr.jwks.json", "{keys: [{kty: RSA, n: AQAB, e: AQAB}]}"), "kid is missing"),
        (
            KEYED.replace("ehr.jwks.json", "{keys: [{kty: RSA, kid: a, n: AQAB, e: AQAB}]}"),
            "its numbers make no key",
        ),
        (KEYED.replace("ehr", "issuer"), "4:11: none of these keys can sign as RS384 or ES384"),
        (KEYED + "    jku: http://x.example", "5:10: not an https URL"),
        (KEYED + "    issuer: https://login.example", "5:13: issuer beside jwks"),
        (CLIENT + "    issuer: https://login.example", "4:13: there is no such issuer"),
        (CLIENT + "    key: 0123456789abcdef0123456789abcdef", "4:10: a secret has no place in a file"),
        (CLIENT + "    key: env:KEY", "4:10: warning: a static key is for development only"),
        (CLIENT + "    certificates: ['*.example']", "4:20: not a name that certificates carry"),
        (CLIENT + "    certificates: [Ward.Example]", "4:20: not a name that certificates carry"),
        (
            CLIENT + "    certificates: ['AB:CD:" + ":".join(["00"] * 30) + "']",
            "4:20: not a SHA-256 thumbprint",
        ),
        (KEYED + KEYED.removeprefix("clients:\n"), "5:9: another client has this id"),
        (KEYED + "    rate: fast", "rate must be a number"),
        (
            CLIENT + "    certificates: [x]\n  - id: b\n    scopes: [system/Task.r]\n    certificates: [x]\n",
            "7:20: another client is known by this certificate",
        ),
    ],
)
def test_what_is_said_of_a_clients_file(text: str, says: str, tmp_path: Path) -> None:
    _, findings = examine_clients(written(tmp_path, text))
    assert any(says in str(finding) for finding in findings), [str(finding) for finding in findings]
    assert all("0123456789abcdef" not in str(finding) for finding in findings)


def test_a_file_with_errors_is_refused_with_all_of_them(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"2:5: nothing proves(.|\n)*3:14: not a scope"):
        read_clients(written(tmp_path, CLIENT.replace("Task.r", "Task.x")))


def test_a_file_that_anybody_may_change(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    path.chmod(0o666)
    clients, findings = examine_clients(path)
    assert clients is not None
    assert [finding.severity for finding in findings] == ["warning"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_clients(tmp_path / "none.yaml")


CHANNEL = """\
channel: supplies
description: Supply requests of the EHR.
owner: {business: a@hospital.example, technical: b@hospital.example}
source:
  fhir:
    listen: tcp:8480
    tls: {certificate: env:C, key: env:K, client_ca: env:CA}
    resources: {SupplyRequest: [create]}
    clients: clients.yaml
sequence_by: SupplyRequest.id
effects:
  - when: {SupplyRequest.status: cancelled}
    release: {key: "{SupplyRequest.id}"}
destinations:
  - ledger: {path: out.ndjson}
"""


def _said(folder: Path, before: str = "", after: str = "") -> list[str]:
    """What `wardline lint` says of line 9 and of the clients file."""
    path = folder / "supplies.yaml"
    path.write_text(CHANNEL.replace(before, after, 1))
    said = [str(finding).removeprefix(f"{folder}/") for finding in lint_files([path])]
    return [text for text in said if text.startswith(("supplies.yaml:9:", "clients.yaml:"))]


@pytest.mark.parametrize(
    ("clients", "before", "after", "says"),
    [
        (GOOD, "", "", ""),
        (KEYED, "    tls: {certificate: env:C, key: env:K, client_ca: env:CA}\n", "", ""),
        (GOOD, ", client_ca: env:CA", "", "supplies.yaml:9:14: nobody asks ward for its certificate"),
        (CLIENT, "", "", "clients.yaml:2:5: nothing proves who this is"),
        (GOOD, "clients.yaml", "other.yaml", "supplies.yaml:9:14: there is no file other.yaml"),
        (GOOD, "clients.yaml", "../c.yaml", "supplies.yaml:9:14: a clients file lies beside its channel"),
        (GOOD, "    clients", "    base_url: https://wardline.example:8480\n    clients", ""),
        (
            GOOD,
            "    clients",
            "    base_url: https://wardline.example/\n    clients",
            "9:15: not the address",
        ),
        (GOOD, "    clients", "    base_url: wardline.example\n    clients", "9:15: not the address"),
        (
            GOOD,
            "    clients",
            "    base_url: https://u@wardline.example\n    clients",
            "9:15: not the address",
        ),
        (GOOD, "    clients", "    base_url: https://[::1\n    clients", "9:15: not the address"),
        (GOOD, "    clients", "    base_url: http://a.example\n    clients", "9:15: clients are told http"),
    ],
)
def test_a_channel_is_held_against_its_clients(
    clients: str, before: str, after: str, says: str, tmp_path: Path
) -> None:
    written(tmp_path, clients)
    said = _said(tmp_path, before, after)
    assert len(said) == bool(says), said
    assert says in "".join(said)


def test_a_key_file_with_a_secret_key(tmp_path: Path) -> None:
    path = written(tmp_path, KEYED)
    (tmp_path / "ehr.jwks.json").write_text(json.dumps({"keys": [key("ES384", "k2").as_dict(private=True)]}))
    _, findings = examine_clients(path)
    assert "4:11: keys.0.d: this is a secret key" in str(findings[0])
