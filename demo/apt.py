"""Debian's packages beside the checkout: apt with lists and archives of its own, the system's untouched.

apt checks the packages against Debian's signed index. Nothing here needs root.
"""

from __future__ import annotations

from pathlib import Path

from demo.process import run

__all__ = ["Apt"]

SETTINGS = """\
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Dir::Cache::pkgcache;
#clear Dir::Cache::srcpkgcache;
APT::Default-Release "";
APT::Install-Recommends "false";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "3";
Debug::NoLocking "true";
Dir::State::lists "{home}/lists";
Dir::Cache "{home}";
Dir::Cache::archives "{home}/archives";
"""


class Apt:
    """apt at work in `home`, with all it says going to `log`. By `settings` (`{home}` in them is `home`) it
    goes by sources and a state other than the system's."""

    def __init__(self, home: Path, log: Path, settings: str = "") -> None:
        home = home.resolve()
        self.archives = home / "archives"
        for folder in (home / "lists/partial", self.archives / "partial"):
            folder.mkdir(parents=True, exist_ok=True)
        self._conf, self._log = home / "apt.conf", log
        self._conf.write_text((SETTINGS + settings).format(home=home))

    def update(self) -> bool:
        """Fetch the lists; whether they are there."""
        return self._run("update")

    def fetch(self, package: str) -> bool:
        """Fetch one package alone into `archives`; whether it is there."""
        return self._run("download", package)

    def fetch_with_needs(self, *packages: str) -> bool:
        """Fetch packages, with whatever they need and the machine lacks, into `archives`; whether they are
        there."""
        return self._run("install", "--yes", "--download-only", *packages)

    def _run(self, *words: str) -> bool:
        return not run(["apt-get", "-q", "-c", self._conf, *words], self._log, cwd=self.archives)
