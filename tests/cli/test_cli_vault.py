"""`wardline vault`."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path

import msgspec
import pytest
from conformance.store_contract import arrival as made
from typer.testing import CliRunner
from vaults import minted

from engine.app.opening import open_settings, reader_of, ring_of
from engine.auditing import AuditQuery
from engine.cli import app
from engine.errors import Misconfigured
from engine.model import Arrival, Filtered, Routing
from engine.privacy.sealing import Reader, Sealer
from engine.privacy.unsealing import private_keys
from engine.privacy.vault import Vault
from engine.settings import Settings
from engine.store.cipher import Fingerprints
from engine.store.keys import KeyRing

RING = KeyRing({"k1": b"k1" * 16})


def arrival(number: int) -> Arrival:
    """A message as it is named under the first key."""
    one, names = made(number), Fingerprints(RING)
    name = names.of("charges", b"LAB", b"HOSP", str(number).encode())
    return msgspec.structs.replace(one, fingerprint=name, digest=names.digest(one.raw))


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, ["vault", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_pair_is_made_of_a_secret_file_and_a_public_one(tmp_path: Path) -> None:
    file = tmp_path / "reidentify.key"
    shown = run("keygen", file)
    reader = Reader.parse(shown, "shown")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().strip() not in shown
    assert (tmp_path / "reidentify.key.pub").read_text() == shown
    made, stands_in = private_keys(file, RING)
    assert (made.reader.id, stands_in.reader.id) == (reader.id, "ring:k1")


def test_a_pair_never_replaces_another(tmp_path: Path) -> None:
    file = tmp_path / "reidentify.key"
    run("keygen", file)
    for left in (file, tmp_path / "reidentify.key.pub"):
        with pytest.raises(Misconfigured, match="cannot be written"):
            run("keygen", file)
        left.unlink()


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_private_key_that_others_may_read_is_refused(mode: int, tmp_path: Path) -> None:
    file = tmp_path / "reidentify.key"
    run("keygen", file)
    file.chmod(mode)
    with pytest.raises(Misconfigured, match="others may read"):
        private_keys(file, RING)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one identifier under the first key, sealed for a pair of its own."""
    run("keygen", tmp_path / "reidentify.key")
    monkeypatch.setenv("WARDLINE_STORE", f"sqlite:///{tmp_path}/wardline.db")
    monkeypatch.setenv("WARDLINE_REIDENTIFY_PUBLIC", str(tmp_path / "reidentify.key.pub"))
    monkeypatch.setenv("WARDLINE_KEY", ring("k1"))
    settings = Settings.from_environment()
    store, keys = open_settings(settings), ring_of(settings)
    sealer = Sealer(reader_of(settings, keys), store.keep_seal_key, store.cabinet, clock=lambda: 5.0)
    store.accept([arrival(1)])
    number = minted("p\x1fHOSP\x1fMR\x1f007", "t1p_x", "t1p_x", Vault.of(keys))
    store.route([Routing(1, Filtered("x"))], sealer.seal([number]), 5.0)
    store.close()
    return tmp_path


def ring(*names: str) -> str:
    return " ".join(f"{name}:{base64.b64encode(name.encode() * 16).decode()}" for name in names)


def test_after_a_rotation_the_old_key_may_leave_the_ring(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDLINE_KEY", ring("k2"))
    with pytest.raises(Misconfigured, match="'k1'"):
        run("status")
    monkeypatch.setenv("WARDLINE_KEY", ring("k2", "k1"))
    shift = Vault.of(KeyRing.parse(ring("k1"), "test")).shift("t1p_x")
    before = json.loads(run("status", "--json"))
    assert {row["keys"] for row in before["uses"]} == {"k1"}
    missing = CliRunner().invoke(app, ["vault", "rotate"])
    assert missing.exit_code == 1
    assert "1 identifiers do not open" in missing.output
    assert json.loads(run("status", "--json"))["rotation"]
    monkeypatch.setenv("WARDLINE_REIDENTIFY_PRIVATE", str(site / "reidentify.key"))
    assert "1 identifiers, 1 sealed anew" in run("rotate", "--why", "yearly", "--ticket", "SEC-1")
    monkeypatch.setenv("WARDLINE_KEY", ring("k2"))
    after = json.loads(run("status", "--json"))
    assert (after["rotation"], after["ring"], after["identifiers"]) == ("", "k2", "1")
    assert {row["purpose"]: (row["keys"], row["carried by"]) for row in after["uses"]} == {
        "digest": ("k1", "k2"),
        "fingerprint": ("k1", "k2"),
        "shift": ("k1", "k2"),
        "term": ("k2", ""),
        "vault-index": ("k2", ""),
    }
    store = open_settings(Settings.from_environment())
    following = ring_of(Settings.from_environment()).following(store.uses())
    names = Fingerprints(following)
    assert names.of("charges", b"LAB", b"HOSP", b"1") == arrival(1).fingerprint
    assert names.digest(arrival(1).raw) == arrival(1).digest
    assert [(one.id, one.original) for one in store.accept([arrival(1)])] == [(2, 1)]  # known as a resend
    assert list(store.tokens([Vault.of(following).index("p\x1fHOSP\x1fMR\x1f007")]).values()) == ["t1p_x"]
    assert Vault.of(following).shift("t1p_x") == shift, "dates of a person keep their distance"
    assert [one.entry.act for one in store.entries(AuditQuery())][-1] == "rotate"
    store.close()
