"""Separated as the manual says (P10): PostgreSQL, an engine with its user, the service with its own."""

from __future__ import annotations

import base64
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from reidentify.service_kit import PATIENT, Pair, Service, audit_of, bytes_in, filled, tokens_in
from sqlalchemy import make_url
from typer.testing import CliRunner

from engine.cli import app
from engine.errors import Unacceptable
from engine.privacy.unsealing import Unsealer, private_keys
from engine.store.keys import KeyRing
from engine.store.sql import open_store

ROLES = Path(__file__).parents[2] / "deploy" / "postgres-roles.sql"
KEY = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
RING = KeyRing.parse(KEY, "")


class Site:
    """A database, its users, an engine that ran as one of them, and a service that runs as another."""

    def __init__(self, owner: str, folder: Path) -> None:
        self.owner, self.folder, self.pair = owner, folder, Pair(folder)
        store = open_store(owner, RING)  # made by its owner
        assert store.cabinet.id
        store.close()
        self.names = {role: f"u{uuid.uuid4().hex[:12]}" for role in ("engine", "reidentify", "readonly")}
        with psycopg.connect(owner, autocommit=True) as connection:
            connection.execute(ROLES.read_text())
            for role, name in self.names.items():
                connection.execute(f"CREATE USER {name} PASSWORD 'wardline' IN ROLE wardline_{role}")
        self.engine = filled(
            folder / "engine", STORE=self.url("engine"), REIDENTIFY_PUBLIC=str(self.pair.public)
        )
        self.tokens = tokens_in(self.engine)
        self.service = self.another()

    def another(self) -> Service:
        """A service on this store, not started."""
        store, private = self.url("reidentify"), str(self.pair.private)
        environment = {"WARDLINE_STORE": store, "WARDLINE_REIDENTIFY_PRIVATE": private}
        return Service(self.folder / f"service-{uuid.uuid4().hex}", {**os.environ, **environment})

    def url(self, role: str) -> str:
        named = make_url(self.owner).set(username=self.names[role], password="wardline")
        return named.render_as_string(hide_password=False)

    def execute(self, role: str, query: str) -> None:
        with psycopg.connect(self.url(role), autocommit=True) as connection:
            connection.execute(query)

    def forget(self) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            connection.execute(f"DROP USER {', '.join(self.names.values())}")


@pytest.fixture(scope="module")
def site(new_postgres: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARDLINE_KEY", KEY)  # also where the test itself opens the store
        found = Site(new_postgres(), tmp_path_factory.mktemp("separated"))
        found.service.start()
        yield found
        assert found.service.stop() == 0
        found.forget()


def test_the_service_tells_with_its_own_user(site: Site) -> None:
    said = site.service.ask("maria", site.tokens[0])
    assert said.status_code == 200, said.text
    assert said.json()["identifier"]["value"] == f"{PATIENT}0"
    site.service.limit(0)
    request = site.service.waiting("maria", site.tokens[1])
    assert site.service.post("jon", f"/requests/{request}/approval", {}).status_code == 200
    said = site.service.post("maria", f"/requests/{request}/answer", {})
    assert said.json()["identifier"]["value"] == f"{PATIENT}1"
    site.service.limit(20)


def test_p10_processing_cannot_unseal(site: Site) -> None:
    """Neither with its own user and all its keys, nor with everybody's rows and all its keys."""
    for query in ("SELECT sealed FROM tokens", "SELECT wrapped FROM seal_keys", "SELECT * FROM tokens"):
        for role in ("engine", "readonly"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                site.execute(role, query)
    store = open_store(site.owner, RING)
    try:
        row = store.token_rows(site.tokens[:1])[site.tokens[0]]
        with pytest.raises(Unacceptable):
            Unsealer(private_keys(None, RING), store.seal_keys, store.cabinet, RING).identifier(row)
        keys = private_keys(site.pair.private, RING)
        assert Unsealer(keys, store.seal_keys, store.cabinet, RING).identifier(row).endswith(f"{PATIENT}0")
    finally:
        store.close()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT sealed FROM contents", "SELECT effect FROM deliveries", "SELECT reason FROM messages",
        "UPDATE tokens SET sealed = NULL", "DELETE FROM audit", "UPDATE audit SET who = 'x'",
        "INSERT INTO tokens SELECT * FROM tokens", "DELETE FROM audit_checkpoints",
        "CREATE TABLE mine (a int)", "UPDATE wardline_cabinet.keys SET wrapped = NULL",
    ],
)  # fmt: skip
def test_p10_the_service_reads_no_message_and_changes_nothing(query: str, site: Site) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        site.execute("reidentify", query)


def test_what_cannot_be_written_down_is_not_shown(site: Site) -> None:
    with psycopg.connect(site.owner, autocommit=True) as owner:
        owner.execute("REVOKE INSERT ON audit FROM wardline_reidentify")
        try:
            said = site.service.ask("jon", site.tokens[0])
        finally:
            owner.execute("GRANT INSERT ON audit TO wardline_reidentify")
    assert (said.status_code, said.json()["error"]) == (503, "unavailable")
    assert PATIENT not in said.text
    assert site.service.ask("jon", site.tokens[0]).status_code == 200


def test_the_audit_of_both_is_one_and_no_value_is_in_anything_written(site: Site) -> None:
    entries = audit_of(site.engine)
    assert {"start", "reidentify", "configure"} <= {entry.act for entry in entries}
    shown = [(entry.who, entry.object) for entry in entries if entry.outcome == "shown"]
    assert ("maria", site.tokens[0]) in shown
    assert PATIENT.encode() not in bytes_in(site.folder)
    with psycopg.connect(site.owner) as owner:
        tables = owner.execute(
            "SELECT table_schema, table_name FROM information_schema.tables"
            " WHERE table_schema IN ('public', 'wardline_cabinet')"
        ).fetchall()
        dump = "\n".join(
            str(row) for schema, name in tables for row in owner.execute(f"SELECT * FROM {schema}.{name}")
        )
    assert site.tokens[0] in dump
    assert PATIENT not in dump


def test_a_rotation_of_the_seal_keys_is_not_noticed(site: Site) -> None:
    store = open_store(site.owner, RING)
    before = store.token_rows(site.tokens[:1])[site.tokens[0]]
    environment = {
        "WARDLINE_STORE": site.owner, "WARDLINE_REIDENTIFY_PUBLIC": str(site.pair.public),
        "WARDLINE_REIDENTIFY_PRIVATE": str(site.pair.private),
    }  # fmt: skip
    done = CliRunner().invoke(app, ["vault", "rotate", "--why", "a drill"], env=environment)
    assert done.exit_code == 0, done.output
    after = store.token_rows(site.tokens[:1])[site.tokens[0]]
    store.close()
    assert before.key_id != after.key_id
    assert site.service.ask("noa", site.tokens[0]).json()["identifier"]["value"] == f"{PATIENT}0"


def test_p15_of_an_erased_person_nobody_can_tell_nor_after_the_row_is_restored(site: Site) -> None:
    gone = site.tokens[2]
    assert site.service.ask("kim", gone).status_code == 200
    with psycopg.connect(site.owner, autocommit=True) as owner:
        (backup,) = owner.execute("SELECT sealed FROM tokens WHERE token = %s", (gone,)).fetchone() or (b"",)
        erase = ["erase", gone, "--why", "asked by herself", "--ticket", "GDPR-17", "--yes"]
        done = CliRunner().invoke(app, erase, env={"WARDLINE_STORE": site.owner})
        assert done.exit_code == 0, done.output
        said = site.service.ask("kim", gone)
        assert (said.status_code, said.json()["error"]) == (410, "erased")
        owner.execute("UPDATE tokens SET sealed = %s, erased_at = NULL WHERE token = %s", (backup, gone))
        said = site.service.ask("noa", gone)
        assert (said.status_code, said.json()["error"]) == (500, "unreadable")


def test_a_service_ends_when_another_could_begin(site: Site) -> None:
    """Its lock went with a connection; two would each count for themselves."""
    with psycopg.connect(site.owner, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid IN"
            " (SELECT pid FROM pg_stat_activity WHERE usename = %s)",
            (site.names["reidentify"],),
        )
    first, second = site.service, site.another()
    second.start()
    said = first.ask("maria", site.tokens[0])
    assert (said.status_code, said.json()["error"]) == (503, "unavailable")
    assert first.wait() == 0
    assert '"why": "replaced"' in first.log.read_text()
    assert second.ask("maria", site.tokens[0]).status_code == 200
    site.service = second


def test_a_service_that_lost_its_database_shows_nothing_and_comes_back(site: Site) -> None:
    with psycopg.connect(site.owner, autocommit=True) as owner:
        owner.execute(f"ALTER USER {site.names['reidentify']} NOLOGIN")
        try:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
                (site.names["reidentify"],),
            )
            said = site.service.ask("approver", site.tokens[0])
            assert said.status_code in (403, 503)
            said = site.service.ask("asker", site.tokens[0])
            assert (said.status_code, said.json()["error"]) == (503, "unavailable")
        finally:
            owner.execute(f"ALTER USER {site.names['reidentify']} LOGIN")
    assert site.service.ask("asker", site.tokens[0]).status_code == 200
