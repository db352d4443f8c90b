"""The manual's examples do what it says of them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import get_args

import pytest
from access.access_kit import form, key, public

from engine.access import Access, Clients
from engine.access.assertions import FirstUse
from engine.access.untrusted import Why
from engine.config.clients import examine_clients

MANUAL = (Path(__file__).parents[2] / "docs/manual/access.md").read_text()
BASE = "https://wardline.hospital.example:8480"


def block(language: str, word: str) -> str:
    """The example in this language with this word in it."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", MANUAL, re.DOTALL) if word in text]
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def registered(tmp_path: Path) -> Clients:
    """The manual's clients file, with our keys for the EHR."""
    (tmp_path / "ehr.jwks.json").write_text(json.dumps(public(key("ES384", "k2"), key("RS384", "k1"))))
    path = tmp_path / "clients.yaml"
    path.write_text(block("yaml", "pump-gateway"))
    clients, findings = examine_clients(path)
    assert findings == []
    assert clients is not None
    return clients


def granted(clients: Clients, first_use: FirstUse, assertion: str) -> object:
    keeper = Access(
        clients,
        base=BASE,
        keys={"ring": bytes(32)},
        fetch=lambda _: pytest.fail("keys were asked for"),
        first_use=first_use,
    )
    return keeper.token_response(form(assertion, "system/SupplyRequest.cru"), None, time.time())[1].get(
        "scope"
    )


def test_the_assertion_in_python(
    registered: Clients, first_use: FirstUse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ehr.jwk").write_text(json.dumps(key("ES384", "k2").as_dict(private=True)))
    monkeypatch.chdir(tmp_path)
    names: dict[str, str] = {}
    exec(compile(block("python", "joserfc"), "manual", "exec"), names)
    assert granted(registered, first_use, names["assertion"]) == "system/SupplyRequest.cru"


def test_the_assertion_with_openssl(registered: Clients, first_use: FirstUse, tmp_path: Path) -> None:
    (tmp_path / "ehr.pem").write_bytes(key("RS384", "k1").as_pem(private=True))
    done = subprocess.run(
        ["sh", "-euc", block("sh", "openssl")],
        cwd=tmp_path,
        env={"KID": "k1", "PATH": "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin"},
        capture_output=True,
        timeout=20,
        check=True,
    )
    assert granted(registered, first_use, done.stdout.decode()) == "system/SupplyRequest.cru"


@pytest.mark.parametrize("why", get_args(Why))
def test_every_reason_is_in_the_manual(why: str) -> None:
    table = MANUAL.partition("## When it does not work")[2].partition("\n## ")[0]
    rows = [row.partition("|")[0] for row in re.findall(r"^\| ([a-z, -]+ \|)", table, re.MULTILINE)]
    assert any(why in re.split(r"[, ]+", row) for row in rows)
