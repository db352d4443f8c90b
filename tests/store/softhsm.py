"""A PKCS#11 token in software (SoftHSM), out of Debian's packages where it is not installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "softhsm"
PACKAGES = ("softhsm2", "libsofthsm2", "softhsm2-common", "libbotan-2-19")
PIN = "4321"

MAKE_KEY = """
import sys, pkcs11
token = pkcs11.lib(sys.argv[1]).get_token(token_label="wardline")
with token.open(rw=True, user_pin=sys.argv[2]) as session:
    session.generate_key(pkcs11.KeyType.AES, 256, label=sys.argv[3], store=True)
"""


class SoftHsm:
    """A token called `wardline` in a folder of its own, and the environment in which it works."""

    def __init__(self, root: Path, folder: Path) -> None:
        (folder / "tokens").mkdir()
        (folder / "conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        self.module = next(root.rglob("libsofthsm2.so"))
        libraries = {str(one.parent) for one in root.rglob("*.so*")}
        self.environ = {
            **os.environ,
            "SOFTHSM2_CONF": str(folder / "conf"),
            "LD_LIBRARY_PATH": ":".join(sorted(libraries)),
        }
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
    root = CACHE / "root"
    if not list(root.rglob("softhsm2-util")):
        _unpack(root)
    return SoftHsm(root, folder)


def _unpack(root: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip("SoftHSM is not installed, and there is no apt-get to get it with")
    debs = CACHE / "debs"
    debs.mkdir(parents=True, exist_ok=True)
    got = subprocess.run(
        ["apt-get", "-q", "download", *PACKAGES], cwd=debs, capture_output=True, timeout=120, check=False
    )
    if got.returncode:
        pytest.skip("SoftHSM is not installed, and its packages cannot be had here")
    partial = root.with_name(f"partial-{os.getpid()}")
    for package in sorted(debs.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(partial)], check=True, timeout=60)
    if not root.exists():
        partial.rename(root)
