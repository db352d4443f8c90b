"""Programs of Debian that tests need and this machine lacks, unpacked once into `.cache`."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from demo.apt import Apt

CACHE = Path(__file__).parents[1] / ".cache/debian"


def unpacked(*wanted: str) -> Path:
    """A folder with these packages and all that the machine lacks of what they need; skips where they are not
    to be had."""
    root = CACHE / "_".join(wanted)
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:  # another worker may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.exists():
            _unpack(wanted, root)
    return root


def environment(root: Path) -> dict[str, str]:
    """Ours, with the libraries that were unpacked there."""
    libraries = {str(one.parent) for one in root.rglob("*.so*")}
    return {**os.environ, "LD_LIBRARY_PATH": ":".join(sorted(libraries))}


def _unpack(wanted: tuple[str, ...], root: Path) -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        pytest.skip(f"{wanted[0]} is not installed, and there is no apt-get to get it with")
    partial = root.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    apt = Apt(partial / "apt", CACHE / "log")
    if not (apt.update() and apt.fetch_with_needs(*wanted)):
        pytest.skip(f"{wanted[0]} is not installed, and Debian's packages cannot be had here")
    for package in sorted(apt.archives.glob("*.deb")):
        subprocess.run(["dpkg", "-x", package, partial], check=True, timeout=120)
    shutil.rmtree(partial / "apt")
    partial.rename(root)
