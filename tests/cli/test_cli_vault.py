"""`wardline vault`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Misconfigured
from engine.privacy.sealing import Reader
from engine.privacy.unsealing import private_keys
from engine.store.keys import KeyRing

RING = KeyRing({"k1": bytes(32)})


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
