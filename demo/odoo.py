"""A real Odoo 19 on this machine: `python -m demo.odoo up|down|status|env`.

`ODOO` chooses: `local` (the default) brings one up in `.cache/odoo`, an address uses that Odoo 19 with
`ODOO_DB`, `ODOO_ADMIN` and `ODOO_ADMIN_PASSWORD`, `none` does without. Exit codes: 0 done, 1 not running
(`status`, `env`), 3 no Odoo can be had here, with one line that says what is missing.
"""

from __future__ import annotations

import os
import shlex
import sys

from demo.local import Local
from demo.provision import Running, provision
from demo.server import answers
from demo.steps import Absent, Steps

__all__ = ["Running", "drop_database", "fresh_database", "up"]


def up(steps: Steps | None = None, afresh: bool = False) -> Running:
    """Brings Odoo up, or finds it up; raises `Absent` where none can be had.

    `afresh` sets the demo's database back to the hospital as it was provisioned (local only)."""
    steps = steps or Steps()
    if _choice() == "none":
        raise Absent("no Odoo: ODOO=none")
    return Local(steps).up(afresh) if _choice() == "local" else _given(_choice(), steps)


def fresh_database(name: str) -> Running:
    """A new database with the hospital as provisioned, in the Odoo that is up, in about a second.

    In an Odoo given by address there is only the given database: that one comes back."""
    return Local(Steps()).fresh(name) if _choice() == "local" else up()


def drop_database(found: Running) -> None:
    """Removes a database of `fresh_database`; any other is left alone."""
    if _choice() == "local":
        Local(Steps()).drop(found.database)


def _choice() -> str:
    return os.environ.get("ODOO", "local")


def _given(url: str, steps: Steps) -> Running:
    names = ("ODOO_DB", "ODOO_ADMIN", "ODOO_ADMIN_PASSWORD")
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise Absent(f"no Odoo: ODOO names {url}, but {' and '.join(missing)} not set")
    if not answers(url):
        raise Absent(f"no Odoo: nothing answers at {url}")
    database, login, password = (os.environ[name] for name in names)
    with steps.step(f"provision the hospital in {database}"):
        return Running.of(url, database, provision(url, database, login, password))


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
            print(f"Odoo 19 at {found.url}, database {found.database}")
        case ["down"]:
            print("stopped" if Local(Steps()).down() else "nothing was running")
        case ["status" | "env" as what]:
            running = Local(Steps()).running()
            if running is None:
                print("Odoo is not running", file=sys.stderr)
                return 1
            print(_describe(running) if what == "env" else f"Odoo 19 runs at {running.url}")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Absent as absent:
        print(absent, file=sys.stderr)
        sys.exit(3)
