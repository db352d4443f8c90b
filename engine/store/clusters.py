"""Copies of a PostgreSQL server's data, made and brought up again with PostgreSQL's own tools.

`pg_basebackup` copies the whole server while it works, with the log that belongs to the copy; with an archive
of later log a copy can be brought to any moment after it (PostgreSQL manual, "Continuous Archiving and
Point-in-Time Recovery"). The tools are looked for in `WARDLINE_PG_BIN`, then in the path.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy import URL, make_url

from engine.errors import Misconfigured, Unavailable
from engine.store.contracts.marks import Mark
from engine.store.migrations import VERSION_TABLE

__all__ = ["TOOLS_VARIABLE", "copy_cluster", "mark_of_server", "recover_to", "server_of", "started"]

TOOLS_VARIABLE: Final = "WARDLINE_PG_BIN"
START_SECONDS: Final = 3600
"""How long a server may take to come up: it goes through the log first."""

_NEWEST: Final = (
    "SELECT (SELECT coalesce(max(id), 0) FROM messages), (SELECT coalesce(max(id), 0) FROM audit),"
    f" (SELECT version_num FROM {VERSION_TABLE}), (SELECT coalesce(min(id), '') FROM cabinets),"
    " pg_current_wal_lsn()::text"
)


def server_of(url: str) -> tuple[object, ...]:
    """What tells two servers apart."""
    given = make_url(url)
    return given.query.get("host") or given.host or "", given.port or 5432


def mark_of_server(url: str) -> Mark:
    """Where a server stands. Raises `Unavailable`."""
    given = make_url(url).set(drivername="postgresql")
    try:
        with psycopg.connect(given.render_as_string(hide_password=False), connect_timeout=10) as connection:
            row = connection.execute(_NEWEST).fetchone()
    except psycopg.Error as error:
        raise Unavailable(f"the store could not be read ({type(error).__name__})") from None
    message, audit, schema, cabinet, lsn = row or (0, 0, "", "", "")
    return Mark(message=message, audit=audit, schema=schema, cabinet=cabinet, lsn=lsn)


def copy_cluster(url: str, to: Path, *, rate: float) -> None:
    """Copy the server's data to a new folder, with the log that makes it whole; at most `rate` megabytes a
    second. Raises `Misconfigured` when the tool is missing or refuses (its own words are passed on)."""
    given = make_url(url).set(drivername="postgresql")
    bare = URL.create(  # a command line can be read by anyone
        "postgresql", given.username, None, given.host, given.port, given.database, given.query
    ).render_as_string()
    limit = max(32, min(int(rate * 1000), 1_000_000))
    command = [
        "-D", str(to), "-d", bare, "-X", "stream", "-c", "fast", "--no-password", "-r", f"{limit}k",
        "--manifest-checksums=SHA256", "-l", "wardline",
    ]  # fmt: skip
    _run("pg_basebackup", command, password=str(given.password or ""))


def recover_to(data: Path, *, archive: Path | None, until: str) -> None:
    """Tell copied data what to do when its server starts: follow the archived log to a moment (ISO 8601), or
    to its end."""
    for left in data.glob(".s.PGSQL.*"):  # of the copied server's own sockets, where they lie among its data
        left.unlink()
    if archive is None:
        return
    quoted = str(archive.resolve()).replace("'", "''")
    lines = [f'restore_command = \'cp "{quoted}/%f" "%p"\'', "recovery_target_action = 'promote'"]
    lines += [f"recovery_target_time = '{until}'"] if until else []
    with (data / "postgresql.auto.conf").open("a") as file:
        file.write("\n".join(["# written by wardline restore", *lines, ""]))
    (data / "recovery.signal").touch(mode=0o600)


@contextmanager
def started(data: Path, url: str, *, user: str = "") -> Iterator[str]:
    """A server of its own on copied data, reached only through a socket in its folder; the address of the
    database that `url` names, there. `user` is who it runs as when this is root, whom it refuses."""
    hba, log, socket = data / "wardline_hba.conf", data / "wardline.log", Path(tempfile.mkdtemp())
    hba.write_text("local all all trust\n")
    settings = {
        "listen_addresses": "", "unix_socket_directories": str(socket), "hba_file": str(hba),
        "archive_mode": "off", "ssl": "off", "shared_preload_libraries": "",
    }  # fmt: skip
    options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
    if user:
        _give(data, user)
        shutil.chown(socket, user)
    start = ["-D", str(data), "-l", str(log), "-w", "-t", str(START_SECONDS), "-o", options, "start"]
    try:
        _run("pg_ctl", start, user=user)
    except Misconfigured:
        text = log.read_text(errors="replace") if log.exists() else ""
        if lines := [line for line in text.splitlines() if "FATAL" in line or "PANIC" in line]:
            raise Misconfigured(f"the copied server does not start: {lines[-1][:300]}") from None
        raise
    try:
        given = make_url(url)
        name, database = given.username or "postgres", given.database or "postgres"
        made = URL.create("postgresql", username=name, database=database, query={"host": str(socket)})
        yield made.render_as_string()
    finally:
        _run("pg_ctl", ["-D", str(data), "-m", "fast", "-w", "stop"], user=user)
        shutil.rmtree(socket, ignore_errors=True)


def _give(data: Path, user: str) -> None:
    for folder, _, names in os.walk(data):
        shutil.chown(folder, user)
        for name in names:
            shutil.chown(Path(folder) / name, user)


def _tool(name: str) -> str:
    place = os.environ.get(TOOLS_VARIABLE, "").strip()
    found = shutil.which(name, path=place or None)
    if found is None:
        raise Misconfigured(
            f"PostgreSQL's {name} is not here",
            where=TOOLS_VARIABLE,
            hint="install the server's client tools, or name the folder that they are in",
        )
    return found


def _run(tool: str, arguments: Sequence[str], *, password: str = "", user: str = "") -> None:
    environment = {**os.environ, "LC_ALL": "C", **({"PGPASSWORD": password} if password else {})}
    as_user: dict[str, Any] = {"user": user, "extra_groups": []} if user else {}
    done = subprocess.run(  # noqa: S603 - the tools of the server, by the operator's path
        [_tool(tool), *arguments],
        env=environment, cwd="/", check=False, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **as_user,
    )  # fmt: skip
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        said = next((line for line in lines if "error" in line or "FATAL" in line), "".join(lines[-1:]))
        raise Misconfigured(f"{tool} failed: {said[:300]}", where="PostgreSQL")
