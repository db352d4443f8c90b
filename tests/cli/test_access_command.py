"""`wardline access check | keygen | jwks | assertion`."""

from __future__ import annotations

import json
import stat
import time
from pathlib import Path

import pytest
from access.access_kit import TOKEN_URL, form, key
from click.testing import Result
from typer.testing import CliRunner

from engine.access import Access, Client, Clients, Keys, Scopes
from engine.access.jwk import read_jwks
from engine.cli import app
from engine.errors import Misconfigured


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["access", *(str(argument) for argument in arguments)])


def _accepted(text: str, published: str) -> bool:
    """Whether the token endpoint believes an assertion of a client with these keys."""
    keys, problems = read_jwks(json.loads(published))
    assert problems == []
    client = Client("ehr", Scopes.of(["system/SupplyRequest.cr"]), keys=Keys(registered=keys))
    keeper = Access(
        Clients({"ehr": client}, {}),
        base=TOKEN_URL.removesuffix("/auth/token"),
        keys={"ring": bytes(32)},
        fetch=lambda _: pytest.fail("keys were asked for"),
        first_use=lambda *_: True,
    )
    return keeper.token_response(form(text.strip()), None, time.time())[0] == 200


@pytest.mark.parametrize("options", [(), ("--rsa",), ("--kid", "2026-11")])
def test_a_key_that_is_made_signs_what_its_public_half_verifies(
    options: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "ehr.jwk"
    made = _run("keygen", path, *options)
    assert made.exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert '"d"' in path.read_text()
    assert '"d"' not in made.stdout
    signed = _run("assertion", path, "--client", "ehr", "--to", TOKEN_URL)
    assert _accepted(signed.stdout, made.stdout)
    assert json.loads(_run("jwks", path).stdout) == json.loads(made.stdout)


def test_a_key_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "ehr.jwk"
    path.write_text("precious")
    assert isinstance(_run("keygen", path).exception, Misconfigured)
    assert path.read_text() == "precious"


@pytest.mark.parametrize("kind", ["RS384", "ES384"])
def test_keys_from_pem(kind: str, tmp_path: Path) -> None:
    secret, public = tmp_path / "secret.pem", tmp_path / "public.pem"
    secret.write_bytes(key(kind).as_pem(private=True))  # type: ignore[arg-type]
    public.write_bytes(key(kind).as_pem(private=False))  # type: ignore[arg-type]
    shown = _run("jwks", public).stdout
    assert shown == _run("jwks", secret).stdout
    assert _accepted(_run("assertion", secret, "--client", "ehr", "--to", TOKEN_URL).stdout, shown)
    failed = _run("assertion", public, "--client", "ehr", "--to", TOKEN_URL).exception
    assert "this is a public key" in str(failed)


def test_two_keys_while_one_is_replaced(tmp_path: Path) -> None:
    for name in ("old", "new"):
        _run("keygen", tmp_path / name, "--kid", name)
    shown = json.loads(_run("jwks", tmp_path / "old", tmp_path / "new").stdout)
    assert [one["kid"] for one in shown["keys"]] == ["old", "new"]
    assert "another key has this kid" in str(_run("jwks", tmp_path / "old", tmp_path / "old").exception)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        "{",
        '{"kty": "oct", "k": "AAAA"}',
        '{"kty": "EC", "crv": "P-384"}',
        "-----BEGIN PRIVATE KEY-----",
    ],
)
def test_what_is_no_key(text: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(text)
    for failed in (
        _run("jwks", tmp_path / "key"),
        _run("assertion", tmp_path / "key", "--client", "ehr", "--to", TOKEN_URL),
    ):
        assert isinstance(failed.exception, Misconfigured)
        assert "not a key" in str(failed.exception)


def test_a_key_on_a_curve_that_assertions_are_not_signed_with(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(key("ES256", "k3").as_pem(private=True))
    failed = _run("assertion", tmp_path / "key", "--client", "ehr", "--to", TOKEN_URL)
    assert "P-384" in str(failed.exception)


def test_a_clients_file_is_checked_and_shown(tmp_path: Path) -> None:
    (tmp_path / "ehr.jwks.json").write_text(_run("keygen", tmp_path / "ehr.jwk", "--kid", "k1").stdout)
    path = tmp_path / "clients.yaml"
    path.write_text("clients:\n- {id: ehr, jwks: ehr.jwks.json, scopes: [system/SupplyRequest.cr]}\n")
    done = _run("check", path)
    assert done.exit_code == 0
    assert [word in done.stdout for word in ("ehr", "keys k1", "system/SupplyRequest.cr")] == [True] * 3
    path.write_text("clients:\n- {id: ehr, scopes: [system/SupplyRequest.rc]}\n")
    done = _run("check", path)
    assert done.exit_code == 1
    assert f"{path}:2:3: nothing proves who this is" in done.stdout
    assert len(json.loads(_run("check", path, "--json").stdout)) == 2
