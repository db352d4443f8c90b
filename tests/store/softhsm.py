"""A PKCS#11 token in software (SoftHSM), out of Debian's packages where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from debian_packages import environment, unpacked

PIN = "4321"

MAKE_KEY = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label="wardline")
with token.open(rw=True, user_pin=sys.argv[2]) as session:
    session.generate_key(pkcs11.KeyType.AES, 256, label=sys.argv[3], store=True)
"""


class SoftHsm:
    """A token called `wardline` in a folder of its own, by the programs under `root`, and the environment in
    which they work."""

    def __init__(self, root: Path, folder: Path, environ: Mapping[str, str] = os.environ) -> None:
        (folder / "tokens").mkdir()
        (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        self.module = next(root.rglob("libsofthsm2.so"))
        self.environ = {**environ, "SOFTHSM2_CONF": str(folder / "conf")}
        util = next(root.rglob("softhsm2-util"))
        self._run(
            str(util), "--init-token", "--free", "--label", "wardline", "--so-pin", "87654321", "--pin", PIN,
            "--module", str(self.module),
        )  # fmt: skip

    def make_key(self, label: str) -> None:
        """An AES key that never leaves the token."""
        self._run(sys.executable, "-c", MAKE_KEY, str(self.module), PIN, label)

    def _run(self, *command: str) -> None:
        subprocess.run(command, env=self.environ, check=True, capture_output=True, timeout=60)


def softhsm(folder: Path) -> SoftHsm:
    """A fresh token; skips where neither the module nor the packages are to be had."""
    pytest.importorskip("pkcs11", reason="the extra `pkcs11` is not installed")
    if shutil.which("softhsm2-util") and list(Path("/usr/lib").rglob("libsofthsm2.so")):
        return SoftHsm(Path("/usr"), folder)
    root = unpacked("softhsm2")
    return SoftHsm(root, folder, environment(root))
