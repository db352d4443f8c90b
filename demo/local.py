"""The Odoo of this checkout, in `.cache/odoo`: one server, one PostgreSQL, a template to copy databases from.

What runs is written down in `run.json`, how to get in in `hospital.json`, both readable by their owner
only. Every command may be given by several people at once.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.debian import obtain
from demo.postgres import Postgres
from demo.process import Process, name_of
from demo.provision import Running, fingerprint, provision
from demo.server import Server, answers, private, remembered
from demo.steps import Steps

__all__ = ["Local"]

CACHE = Path(__file__).parent.parent / ".cache/odoo"
DEMO = "hospital"
"""The demo's database; tests get their own."""


class Local:
    """Brings the Odoo up and down and makes databases in it. Raises `Absent` where it cannot be had."""

    def __init__(self, steps: Steps, cache: Path = CACHE) -> None:
        self._steps, self._cache = steps, cache
        self._run, self._made = cache / "run.json", cache / f"hospital-{fingerprint()}.json"

    def up(self, afresh: bool = False) -> Running:
        """Finds it running or starts it; `afresh` makes the demo's database anew."""
        with self._alone():
            return (None if afresh else self.running()) or self._bring_up(afresh)

    def running(self) -> Running | None:
        """What runs now, if it is what would be started."""
        run, made = remembered(self._run), remembered(self._made)
        if not serving(run) or not made or made["template"] != run["base"] + "_" + fingerprint():
            return None
        return Running.of(run["url"], DEMO, made["hospital"])

    def down(self) -> bool:
        """Stops what `up` started, Odoo before its database; False when nothing ran."""
        with self._alone():
            run = remembered(self._run)
            ended = [Process.read(run[name]).end() for name in ("odoo", "postgres") if name in run]
            self._run.unlink(missing_ok=True)
            return any(ended)

    def fresh(self, name: str) -> Running:
        """A new database with the hospital, named after this process so that leftovers can be told."""
        found = self.up()
        with self._alone():
            server, run = self._server(), remembered(self._run)
            made = self._hospital(server, run)  # another checkout may have made room for its own
            self._sweep(server)
            database = f"t_{os.getpid()}_{re.sub('[^a-z0-9]+', '_', name.lower())[-40:]}"
            server.forget(database)
            server.copy(made["template"], database)
        return Running.of(found.url, database, made["hospital"])

    def drop(self, database: str) -> None:
        """Removes a database that `fresh` made."""
        if database.startswith("t_"):
            with self._alone():
                self._server().forget(database)

    def _bring_up(self, afresh: bool) -> Running:
        server, run = self._server(), remembered(self._run)
        if not serving(run) or run["base"] != server.base:
            if "odoo" in run:
                Process.read(run["odoo"]).end()
            server.make_base()
            process, url = server.start()
            run = {"url": url, "base": server.base, "odoo": process.record()}
            run["postgres"] = server.postgres.process.record()
            private(self._run, json.dumps(run))
        made = self._hospital(server, run)
        if afresh:
            server.forget(DEMO)
        if not server.postgres.exists(DEMO):
            server.copy(made["template"], DEMO)
        return Running.of(run["url"], DEMO, made["hospital"])

    def _hospital(self, server: Server, run: dict[str, Any]) -> dict[str, Any]:
        """The template database with the hospital; another Odoo or another hospital make another, and
        checkouts with different hospitals each keep their own."""
        made, template = remembered(self._made), f"{server.base}_{fingerprint()}"
        if made.get("template") == template and server.postgres.exists(template):
            return made
        with self._steps.step("provision the hospital"):
            for old in ("provisioning", DEMO, template, made.get("template", "")):
                server.forget(old)
            server.copy(server.base, "provisioning")
            chosen = secrets.token_urlsafe(24)
            standing = provision(run["url"], "provisioning", "admin", "admin", chosen)
            server.keep("provisioning", template)
            made = {"template": template, "hospital": standing}
            private(self._made, json.dumps(made, indent=1))
        return made

    def _server(self) -> Server:
        package = obtain(self._cache, self._steps)
        return Server(self._cache, package, Postgres(self._cache / "postgres"), self._steps)

    def _sweep(self, server: Server) -> None:
        """Removes the test databases of processes that are gone."""
        for database in server.postgres.databases("t_"):
            if not name_of(int(database.split("_")[1])):
                server.forget(database)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One at a time on this machine."""
        self._cache.mkdir(parents=True, exist_ok=True)
        with (self._cache / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def serving(run: dict[str, Any]) -> bool:
    """Whether both recorded processes live and Odoo answers."""
    recorded = [Process.read(run[name]).alive() for name in ("odoo", "postgres") if name in run]
    return recorded == [True, True] and answers(run["url"])
