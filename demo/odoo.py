"""A real Odoo 19 on this machine: `python -m demo.odoo up|down|status|env`.

`ODOO` chooses: `local` (the default) brings one up in `.cache/odoo`, an address uses that
Odoo 19 with `ODOO_DB`, `ODOO_ADMIN` and `ODOO_ADMIN_PASSWORD`, `none` does without. Exit codes: 0 done,
1 not running (`status`, `env`), 3 no Odoo can be had here, with one line that says what is missing.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo import hospital
from demo.debian import obtain
from demo.postgres import Postgres
from demo.process import Process
from demo.server import Server, answers, private, remembered
from demo.session import Session
from demo.steps import Absent, Steps

__all__ = ["Login", "Running", "down", "drop_database", "fresh_database", "running", "up"]

CACHE = Path(__file__).parent.parent / ".cache/odoo"
RUN = CACHE / "run.json"
DATABASE = "hospital"


@dataclass(frozen=True, slots=True)
class Login:
    """Who one is to Odoo: the key is an API key, good for JSON-2 and, as the password, for JSON-RPC."""

    login: str
    password: str = field(repr=False)
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Running:
    """An Odoo that answers at `url`, and a database in it that holds the hospital.

    `user` is the integration user with the least rights, `admin` may do everything; `ids` is what
    `demo.hospital.provision` returned."""

    url: str
    database: str
    admin: Login
    user: Login
    ids: dict[str, Any]


def up(steps: Steps | None = None) -> Running:
    """Brings Odoo up, or finds it up; raises `Absent` where none can be had."""
    choice, steps = os.environ.get("ODOO", "local"), steps or Steps()
    if choice == "none":
        raise Absent("no Odoo: ODOO=none")
    if choice != "local":
        return _given(choice, steps)
    with _alone():
        return running() or _bring_up(steps)


def running() -> Running | None:
    """The local Odoo if it is up."""
    record = remembered(RUN)
    if not _serving(record) or record["template"] != template_name(record["base"]):
        return None
    return _running(record["url"], DATABASE, record["hospital"])


def down() -> bool:
    """Stops what `up` started; False when nothing ran."""
    with _alone():
        record = remembered(RUN)
        stopped = [_end(record, name) for name in ("odoo", "postgres")]
        RUN.unlink(missing_ok=True)
        return any(stopped)


def fresh_database(name: str) -> Running:
    """A new database with the hospital as provisioned, in the Odoo that is up, in about a second.

    In an Odoo given by address there is only the given database: that one comes back."""
    found = up()
    if os.environ.get("ODOO", "local") != "local":
        return found
    with _alone():
        record, server = remembered(RUN), _server(Steps())
        _sweep(server, Postgres(CACHE / "postgres"))
        database = f"t_{os.getpid()}_{re.sub('[^a-z0-9]+', '_', name.lower())[:40]}"
        server.forget(database)
        server.copy(record["template"], database)
    return _running(found.url, database, record["hospital"])


def drop_database(found: Running) -> None:
    """Removes a database of `fresh_database`."""
    if found.database.startswith("t_"):
        with _alone():
            _server(Steps()).forget(found.database)


def template_name(base: str) -> str:
    """The template database with the hospital: another Odoo or another hospital make another."""
    sources = sorted(Path(__file__).parent.glob("hospital*.py"))
    seed = base + "".join(path.read_text() for path in sources)
    return "hospital_" + hashlib.sha256(seed.encode()).hexdigest()[:8]


def _bring_up(steps: Steps) -> Running:
    server, postgres = _server(steps), Postgres(CACHE / "postgres")
    template, kept, record = template_name(server.base), CACHE / "hospital.json", remembered(RUN)
    if record.get("base") != server.base or not _serving(record):
        _end(record, "odoo")
        server.make_base()
        process, url = server.start()
        record = {"url": url, "base": server.base, "odoo": process.record()}
        record |= {"postgres": postgres.process.record(), "socket": postgres.host}
    private(RUN, json.dumps(record | {"template": ""}))
    if not postgres.exists(template) or remembered(kept).get("template") != template:
        with steps.step("provision the hospital"):
            for old in ("provisioning", template, DATABASE, *postgres.databases("hospital_")):
                server.forget(old)
            server.copy(server.base, "provisioning")
            made = _provision(record["url"], "provisioning", "admin", "admin", secrets.token_urlsafe(24))
            server.keep("provisioning", template)
            private(kept, json.dumps({"template": template, **made}, indent=1))
    if not postgres.exists(DATABASE):
        server.copy(template, DATABASE)
    record |= {"template": template, "hospital": remembered(kept)}
    private(RUN, json.dumps(record, indent=1))
    return _running(record["url"], DATABASE, record["hospital"])


def _given(url: str, steps: Steps) -> Running:
    missing = [name for name in ("ODOO_DB", "ODOO_ADMIN", "ODOO_ADMIN_PASSWORD") if name not in os.environ]
    if missing:
        raise Absent(f"no Odoo: ODOO names {url}, but {' and '.join(missing)} not set")
    if not answers(url):
        raise Absent(f"no Odoo: nothing answers at {url}")
    database = os.environ["ODOO_DB"]
    with steps.step(f"provision the hospital in {database}"):
        made = _provision(url, database, os.environ["ODOO_ADMIN"], os.environ["ODOO_ADMIN_PASSWORD"])
    return _running(url, database, made)


def _provision(url: str, database: str, login: str, password: str, chosen: str = "") -> dict[str, Any]:
    """Provisions as an administrator, who gets the password `chosen` if one is given."""
    if chosen:
        with Session(url, database, login, password) as admin:
            admin.call("res.users", "write", [admin.uid], {"password": chosen})
    with Session(url, database, login, chosen or password) as admin:
        made = hospital.provision(admin, url, database)
        key = admin.make_key("wardline demo")
    return {"admin": {"login": login, "password": chosen or password, "key": key}, **made}


def _running(url: str, database: str, made: dict[str, Any]) -> Running:
    ids = {name: value for name, value in made.items() if name not in ("admin", "user", "template")}
    return Running(url, database, Login(**made["admin"]), Login(**made["user"]), ids)


def _server(steps: Steps) -> Server:
    return Server(CACHE, obtain(CACHE, steps), Postgres(CACHE / "postgres"), steps)


def _serving(record: dict[str, Any]) -> bool:
    return "odoo" in record and Process.read(record["odoo"]).alive() and answers(record["url"])


def _end(record: dict[str, Any], name: str) -> bool:
    """Ends a recorded process; a leftover of a killed run is a process like any other."""
    process = Process.read(record[name]) if name in record else None
    if process is None or not process.alive():
        return False
    process.end(signal.SIGINT)
    return True


def _sweep(server: Server, postgres: Postgres) -> None:
    """Test databases whose process is gone."""
    for database in postgres.databases("t_"):
        if not Path(f"/proc/{database.split('_')[1]}").exists():
            server.forget(database)


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time on this machine."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _describe(found: Running) -> str:
    """Shell lines with the integration user's way in."""
    user = {"ODOO_URL": found.url, "ODOO_DB": found.database, "ODOO_USER": found.user.login}
    user |= {"ODOO_PASSWORD": found.user.password, "ODOO_KEY": found.user.key}
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in user.items())


def main(arguments: list[str]) -> int:
    """The command line; returns the exit code."""
    match arguments:
        case ["up"]:
            found = up()
            print(f"Odoo 19 at {found.url}, database {found.database}; logins are in {os.path.relpath(RUN)}")
            return 0
        case ["down"]:
            print("stopped" if down() else "nothing was running")
            return 0
        case ["status" | "env" as what]:
            up_already = running()
            if up_already is None:
                print("Odoo is not running", file=sys.stderr)
                return 1
            print(_describe(up_already) if what == "env" else f"Odoo 19 runs at {up_already.url}")
            return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Absent as absent:
        print(absent, file=sys.stderr)
        sys.exit(3)
