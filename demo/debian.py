"""Odoo from Debian sid, unpacked beside the checkout without touching the system's packages or lists.

This machine's own apt configuration names the mirror; only the suite is changed to sid.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import cast

from demo.apt import Apt
from demo.process import run
from demo.steps import Absent, Steps

__all__ = ["Package", "obtain"]

PACKAGE = "odoo-19"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SETTINGS = """\
Dir::State "{home}";
Dir::State::status "{home}/status";
Dir::Etc::sourcelist "{home}/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "{home}/preferences";
Dir::Etc::preferencesparts "{home}/preferences.d";
"""


class Package:
    """An unpacked Odoo: `tree` holds it, `version` and `sha256` say which it is."""

    def __init__(self, tree: Path, version: str, sha256: str) -> None:
        self.tree = tree
        self.version = version
        self.sha256 = sha256

    @property
    def library(self) -> Path:
        """The folder of Odoo's own Python code."""
        return self.tree / "usr/lib/python3/dist-packages"


def obtain(cache: Path, steps: Steps) -> Package:
    """The unpacked package, fetched once and kept; raises `Absent` where it cannot be had."""
    record, tree = cache / "package.json", cache / "tree"
    known = cast("dict[str, str]", json.loads(record.read_text())) if record.exists() else {}
    kept = cache / known.get("file", "absent")
    if not kept.is_file() or (not tree.is_dir() and _sha256(kept) != known["sha256"]):
        with steps.step("fetch Odoo 19 from Debian"):
            kept = _fetch(cache)
        shutil.rmtree(tree, ignore_errors=True)
        known = {"file": kept.name, "version": kept.name.split("_")[1], "sha256": _sha256(kept)}
        record.write_text(json.dumps(known))
    if not tree.is_dir():
        with steps.step(f"unpack Odoo {known['version']}"):
            _unpack(kept, tree)
    return Package(tree, known["version"], known["sha256"])


def mirror() -> str:
    """The Debian mirror this machine's apt is set up with."""
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise Absent(f"no Odoo here: {tool} is missing (it needs Debian's package {PACKAGE})")
    if not KEYRING.is_file():
        raise Absent(f"no Odoo here: Debian's keyring is missing ({KEYRING})")
    command = ["apt-get", "-o", "Debug::NoLocking=true", "update", "--print-uris"]
    listed = subprocess.run(command, capture_output=True, text=True).stdout
    found = re.search(r"'(\S+/debian)/dists/", listed)
    if found is None:
        raise Absent("no Odoo here: apt on this machine knows no Debian mirror")
    return found[1]


def _fetch(cache: Path) -> Path:
    source = f"deb [signed-by={KEYRING}] {mirror()} sid main\n"
    home, log = cache / "apt", cache / "package.log"
    apt = Apt(home, log, SETTINGS)
    (home / "preferences.d").mkdir(exist_ok=True)
    (home / "status").touch()
    (home / "sources.list").write_text(source)
    if not apt.update():
        raise Absent(f"no Odoo here: Debian's package index cannot be fetched (see {_near(log)})")
    if not apt.fetch(PACKAGE):
        raise Absent(f"no Odoo here: Debian's package {PACKAGE} cannot be fetched (see {_near(log)})")
    package = max(apt.archives.glob(f"{PACKAGE}_*.deb"), key=lambda path: path.stat().st_mtime)
    return package.rename(cache / package.name)


def _unpack(package: Path, tree: Path) -> None:
    partial = tree.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    log = tree.with_name("package.log")
    if run(["dpkg", "-x", package, partial], log):
        raise Absent(f"no Odoo here: {package.name} cannot be unpacked (see {_near(log)})")
    partial.rename(tree)


def _near(path: Path) -> str:
    return os.path.relpath(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
