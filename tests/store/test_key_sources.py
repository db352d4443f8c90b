"""The ring out of a command and out of a PKCS#11 token."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from softhsm import PIN, SoftHsm, softhsm

from engine.errors import Misconfigured
from engine.store.key_sources import COMMAND_VARIABLE, PKCS11_VARIABLE, Token
from engine.store.keys import KEY_VARIABLE, KeyRing

ONE = bytes(range(32))
TEXT = f"a:{base64.b64encode(ONE).decode()}"


def load(tmp_path: Path, command: str) -> KeyRing:
    return KeyRing.load({COMMAND_VARIABLE: command}, tmp_path / "never-made")


def test_a_command_prints_the_ring(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text(f"{TEXT}\n")
    ring = load(tmp_path, f"cat '{tmp_path}/a file'")
    assert ring.derive("content") == KeyRing({"a": ONE}).derive("content")
    assert not (tmp_path / "never-made").exists()


def test_the_environments_own_key_comes_first(tmp_path: Path) -> None:
    other = base64.b64encode(b"o" * 32).decode()
    given = {KEY_VARIABLE: f"b:{other}", COMMAND_VARIABLE: f"echo {TEXT}"}
    assert KeyRing.load(given, tmp_path / "never-made").ids == ("b",)


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("/nowhere/at/all", "cannot be run"),
        ("'unclosed", "cannot be run"),
        (f"{sys.executable} -c 'raise SystemExit(\"canary\")'", "status 1"),
        ("echo canary-canary", "not base64"),
        ("true", "no key"),
        (f"echo {TEXT} ; true", "not"),  # there is no shell
    ],
)
def test_a_command_that_fails_is_told_without_what_it_said(command: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as raised:
        load(tmp_path, command)
    assert raised.value.where == COMMAND_VARIABLE
    assert word in str(raised.value)
    assert "canary" not in str(raised.value)


def test_a_command_that_does_not_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.store.key_sources._SECONDS", 0.05)
    with pytest.raises(Misconfigured, match="did not end"):
        load(tmp_path, "sleep 60")


@pytest.mark.parametrize("text", ["x", "module=/m;token=t;label=l", "module=;token=t;label=l;pin=1"])
def test_a_token_is_named_whole(text: str, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured) as raised:
        KeyRing.load({PKCS11_VARIABLE: text}, tmp_path / "k")
    assert raised.value.where == PKCS11_VARIABLE


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> SoftHsm:
    made = softhsm(tmp_path_factory.mktemp("hsm"))
    made.make_key("ring")
    made.make_key("other")
    return made


LOAD = """
import os, sys
from pathlib import Path
from engine.errors import Misconfigured
from engine.store.keys import KeyRing
try:
    print(KeyRing.load(os.environ, Path(sys.argv[1])).derive("content").hex())
except Misconfigured as error:
    print(error)
"""


def with_token(hsm: SoftHsm, file: Path, label: str = "ring", pin: str = PIN) -> str:
    """What a process of its own loads: the module reads its configuration once."""
    named = f"module={hsm.module};token=wardline;label={label};pin={pin}"
    environ = {**hsm.environ, PKCS11_VARIABLE: named, "PYTHONPATH": ":".join(sys.path)}
    environ.pop(KEY_VARIABLE, None)
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(file)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


def test_a_token_seals_a_new_key_file_and_opens_it_again(hsm: SoftHsm, tmp_path: Path) -> None:
    file, pin = tmp_path / "wardline.key", tmp_path / "pin"
    pin.write_text(f"{PIN}\n")
    pin.chmod(0o600)
    derived = with_token(hsm, file)
    assert len(bytes.fromhex(derived)) == 32
    assert with_token(hsm, file, pin=f"file:{pin}") == derived
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("pkcs11:")
    with pytest.raises(Misconfigured):
        KeyRing.load({}, file)  # worth nothing without the token


@pytest.mark.parametrize(
    ("given", "word"),
    [({"label": "other"}, "refused"), ({"label": "none"}, "refused"), ({"pin": "1111"}, "refused")],
)
def test_without_the_right_key_the_file_stays_closed(
    given: dict[str, str], word: str, hsm: SoftHsm, tmp_path: Path
) -> None:
    with_token(hsm, tmp_path / "wardline.key")
    assert word in with_token(hsm, tmp_path / "wardline.key", **given)


def test_a_changed_or_plain_key_file_is_refused(hsm: SoftHsm, tmp_path: Path) -> None:
    file = tmp_path / "wardline.key"
    with_token(hsm, file)
    text = file.read_text()
    file.write_text(text[:40] + ("A" if text[40] != "A" else "B") + text[41:])
    assert "refused" in with_token(hsm, file)
    file.write_text(TEXT)
    assert "not sealed" in with_token(hsm, file)
    with pytest.raises(Misconfigured):
        Token("module=/nowhere.so;token=t;label=l;pin=1").seal(TEXT)
