"""Packages of npm that tests need, pinned by a lock file and installed once into `.cache`."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def packages(here: Path) -> Path:
    """The `node_modules` of the `package.json` and its lock in `here`, installed once for each state of them;
    skips where Node.js or the packages are not to be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no Node.js here")
    files = [here / "package.json", here / "package-lock.json"]
    state = sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = ROOT / ".cache" / here.name / state
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:  # another worker may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(files, folder)
    return folder / "node_modules"


def _install(files: list[Path], folder: Path) -> None:
    made = Path(tempfile.mkdtemp(dir=folder.parent))
    for file in files:
        shutil.copy(file, made)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(command, cwd=made, capture_output=True, timeout=240, check=False)
    if done.returncode:
        shutil.rmtree(made)
        pytest.skip("the npm packages cannot be installed here")
    made.rename(folder)
