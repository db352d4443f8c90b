"""Odoo's own virtual environment and server process, and the databases made once and copied after."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

import httpx

from demo.debian import Package
from demo.postgres import ROLE, Postgres
from demo.process import Process, environment, free_port, run
from demo.steps import Absent, Steps

__all__ = ["Server"]

LOCK = Path(__file__).with_name("odoo-requirements.lock")
MODULES = "stock,purchase,account,sale_management,purchase_stock,sale_stock,product_expiry"
SETTINGS = """\
[options]
addons_path = {library}/odoo/addons,{library}/addons
admin_passwd = {secret}
data_dir = {data}
db_host = {postgres.host}
db_port = {postgres.port}
db_user = {role}
db_maxconn = 16
http_interface = 127.0.0.1
limit_time_cpu = 600
limit_time_real = 600
list_db = False
log_level = warn
max_cron_threads = 0
with_demo = False
workers = 2
"""


_OUTLIVING: list[subprocess.Popen[bytes]] = []
"""Odoos started here that are meant to go on without us: held, so that nobody complains of them."""


class Server:
    """Odoo in a cache folder. What is running is written down in `run.json`, readable by its owner only."""

    def __init__(self, cache: Path, package: Package, postgres: Postgres, steps: Steps) -> None:
        self.postgres = postgres
        self._cache, self._package, self._steps = cache, package, steps
        self._log = cache / "odoo.log"
        self._environment()

    @property
    def base(self) -> str:
        """The template database with the modules; other code, requirements or modules make another."""
        seed = self._package.sha256 + LOCK.read_text() + MODULES
        return "base_" + hashlib.sha256(seed.encode()).hexdigest()[:8]

    def make_base(self) -> None:
        """Initialises the template database, once."""
        if self.postgres.exists(self.base):
            return
        with self._steps.step("initialise a database (stock, purchase, sale, account)"):
            for old in ("building", *self.postgres.databases("base_")):
                self.forget(old)
            command = self._command("-d", "building", "-i", MODULES, "--stop-after-init")
            if run(command, self._log, more=self._variables()):
                raise Absent(f"no Odoo here: the database cannot be initialised (see {self._log})")
            self.keep("building", self.base)

    def start(self) -> tuple[Process, str]:
        """Starts the server on a free port and waits until it answers: its process and address."""
        port = free_port()
        ports = ("--http-port", str(port), "--gevent-port", str(free_port()))
        with self._steps.step("start Odoo"), self._log.open("ab") as log:
            started = subprocess.Popen(
                self._command(*ports),
                stdout=log,
                stderr=log,
                env=environment(self._variables()),
                start_new_session=True,
            )
            _OUTLIVING.append(started)
            process, url = Process.of(started.pid), f"http://127.0.0.1:{port}"
            deadline = time.monotonic() + 60
            while not answers(url):
                if started.poll() is not None or time.monotonic() > deadline:
                    process.end()
                    raise Absent(f"no Odoo here: the server does not start (see {self._log})")
                time.sleep(0.1)
        return process, url

    def copy(self, template: str, database: str) -> None:
        """Makes `database` from a template, with its files (linked: Odoo never changes one in place)."""
        self.postgres.clone(template, database)
        if self._files(template).is_dir():
            shutil.copytree(
                self._files(template), self._files(database), copy_function=os.link, dirs_exist_ok=True
            )

    def keep(self, database: str, template: str) -> None:
        """Turns `database` into a template."""
        if self._files(database).is_dir():
            self._files(database).rename(self._files(template))
        self.postgres.seal(database, template)

    def forget(self, database: str) -> None:
        """Removes a database and its files, if there."""
        self.postgres.drop(database)
        shutil.rmtree(self._files(database), ignore_errors=True)

    def _files(self, database: str) -> Path:
        return self._cache / "data/filestore" / database

    def _command(self, *options: str) -> list[str]:
        settings = SETTINGS.format(
            library=self._package.library,
            secret=secrets.token_urlsafe(24),
            data=self._cache / "data",
            postgres=self.postgres,
            role=ROLE,
        )
        private(self._cache / "odoo.conf", settings)
        python, program = self._cache / "venv/bin/python", self._package.tree / "usr/bin/odoo"
        return [str(python), str(program), "server", "-c", str(self._cache / "odoo.conf"), *options]

    def _variables(self) -> dict[str, str]:
        return {"PYTHONPATH": str(self._package.library)}

    def _environment(self) -> None:
        stamp, folder = self._cache / "venv.stamp", self._cache / "venv"
        wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        with self._steps.step("install Odoo's Python requirements"):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            install: list[str | Path] = [
                folder / "bin/python",
                "-m",
                "pip",
                "install",
                "-q",
                "--require-hashes",
                "-r",
                LOCK,
            ]
            log = self._cache / "venv.log"
            if run([sys.executable, "-m", "venv", folder], log) or run(install, log):
                raise Absent(f"no Odoo here: its Python requirements cannot be installed (see {log})")
            stamp.write_text(wanted)


def answers(url: str) -> bool:
    """Whether an Odoo answers there."""
    try:
        return httpx.get(f"{url}/web/version", timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def private(path: Path, text: str) -> None:
    """Writes a file whole or not at all, readable by its owner only."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.rename(path)


def remembered(path: Path) -> dict[str, Any]:
    """The JSON object a file holds, empty without the file."""
    return cast("dict[str, Any]", json.loads(path.read_text())) if path.exists() else {}
